/**
 * Signing an image at its destination: what its tag holds, and every child.
 *
 * @module
 */

import type { CopyContext } from "../copy/copy_context.ts";
import { atDestination } from "../copy/sides.ts";
import { together } from "../together.ts";
import {
  depthInside,
  describeManifest,
  type Descriptor,
  isImageManifestType,
  type Manifest,
} from "../oci/manifest.ts";
import type { SignTarget } from "../signing/image_signer.ts";
import { formatAddress, type ImageAddress } from "./plan.ts";
import { destinationReader } from "./decide/image_reader.ts";

/** What a signature at the destination names: the reference with its tag. */
export function signedReference(destination: ImageAddress): string {
  return formatAddress(
    destination.tag === undefined
      ? destination
      : { ...destination, digest: undefined },
  );
}

/**
 * The manifests of an image that are to be signed: its own, and its children to
 * any depth, which are read from the destination.
 *
 * @param strangers entries that no source of this run vouches for: they are left
 * out, and so is an index that holds one
 */
export async function signTargets(
  context: CopyContext,
  manifest: Manifest,
  destination: ImageAddress,
  signal: AbortSignal,
  strangers: ReadonlySet<string> = new Set(),
): Promise<SignTarget[]> {
  const found = new Map<string, Descriptor>();
  const reader = destinationReader(
    context,
    (what, operation) => atDestination(context, `read ${what} from`, operation),
    signal,
  );
  const walk = async (held: Manifest, depth: number): Promise<void> => {
    if (held.kind !== "index") return;
    const inner = depthInside(depth, held.content.digest);
    const fresh = held.entries.filter((entry) =>
      !found.has(entry.digest) && !strangers.has(entry.digest)
    );
    for (const entry of fresh) found.set(entry.digest, entry);
    await together(
      fresh.filter((entry) => !isImageManifestType(entry.mediaType))
        .map((entry) => async () =>
          await walk(await reader.readManifest(entry), inner)
        ),
      signal,
    );
  };
  const top = describeManifest(manifest.content);
  if (!holdsAny(manifest, strangers)) found.set(top.digest, top);
  await walk(manifest, 0);
  const reference = signedReference(destination);
  return [...found.values()].map((descriptor) => ({
    context,
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
  manifest: Manifest,
  strangers: ReadonlySet<string>,
): string | undefined {
  if (!holdsAny(manifest, strangers)) return undefined;
  return `the index ${manifest.content.digest} is not signed: it holds entries that only the destination has, and no source of this run vouches for: ${
    [...strangers].join(", ")
  }`;
}
