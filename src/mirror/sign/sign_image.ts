/**
 * Signing an image at its destination: the manifest of its reference, and every
 * child.
 *
 * @module
 */

import type { DestinationSide } from "../../copy/destination_side.ts";
import { walkEntries } from "../../copy/walk_entries.ts";
import { formatWritten, type ImageAddress } from "../../names/address.ts";
import {
  describeManifest,
  type Descriptor,
  isImageManifestType,
  type Manifest,
} from "../../oci/manifest.ts";
import type { SignTarget } from "../../signing/image_signer.ts";
import type { ImagePolicy } from "../check_policy.ts";
import type { ImageOrigin } from "../decide/image_origin.ts";
import { destinationReader } from "../decide/image_reader.ts";
import type { ImageRun } from "../image_run.ts";

const NONE: ReadonlySet<string> = new Set();

/** The image whose parts are to be signed, at its destination. */
export interface SignedImage {
  /** As its destination holds it. */
  readonly manifest: Manifest;
  readonly destination: DestinationSide;
  /** What signatures name: the reference with its tag. */
  readonly address: ImageAddress;
  /**
   * Entries that only the destination has. They are not signed, nor is an index
   * that holds one.
   *
   * @default {none}
   */
  readonly strangers?: ReadonlySet<string>;
  /** Entries that are not there: they are not signed. @default {none} */
  readonly leftOut?: ReadonlySet<string>;
  /**
   * Entries among them that the policy does not accept. An index that names one
   * is not signed.
   *
   * @default {none}
   */
  readonly refused?: ReadonlySet<string>;
}

/** A decided image, as it is signed at its destination. */
export async function imageToSign(
  { task, destination }: Pick<ImageRun, "task" | "destination">,
  manifest: Manifest,
  origin: ImageOrigin,
  policy: ImagePolicy | undefined,
): Promise<SignedImage> {
  const { strangers, leftOut } = origin;
  const address = task.destination;
  const image = { manifest, destination, address, strangers, leftOut };
  if (!policy || leftOut.size === 0) return image;
  return { ...image, refused: await policy.unacceptable(origin) };
}

/**
 * The manifests of an image to sign: its own, and its children at any depth.
 * The children are read from the destination.
 */
export async function signTargets(
  image: SignedImage,
  signal: AbortSignal,
): Promise<SignTarget[]> {
  const { manifest, destination, address } = image;
  const { strangers = NONE, leftOut = NONE } = image;
  const found = new Map<string, Descriptor>();
  const reader = destinationReader(destination, signal);
  const top = describeManifest(manifest.content);
  if (unsignedText(image) === undefined) found.set(top.digest, top);
  await walkEntries<void>(manifest, async (entry, { inside }) => {
    const { digest, mediaType } = entry;
    if ([found, strangers, leftOut].some((set) => set.has(digest))) return;
    found.set(digest, entry);
    if (isImageManifestType(mediaType)) return;
    await inside(await reader.readManifest(entry));
  }, { signal });
  const reference = formatWritten(address);
  return [...found.values()].map((descriptor) => ({
    destination,
    descriptor,
    reference,
    signal,
  }));
}

function holdsAny(
  manifest: Manifest,
  digests: ReadonlySet<string>,
): boolean {
  return manifest.kind === "index"
    ? manifest.entries.some((entry) => digests.has(entry.digest))
    : digests.has(manifest.content.digest);
}

/** Why an index is not signed; undefined where it is. */
export function unsignedText(
  { manifest, strangers = NONE, refused = NONE }: SignedImage,
): string | undefined {
  const index = `the index ${manifest.content.digest} is not signed:`;
  if (holdsAny(manifest, strangers)) {
    return `${index} it holds entries that only the destination has, and no source of this run vouches for: ${
      [...strangers].join(", ")
    }`;
  }
  if (holdsAny(manifest, refused)) {
    return `${index} it names entries that the policy does not accept, though they are not copied: ${
      [...refused].join(", ")
    }`;
  }
  return undefined;
}
