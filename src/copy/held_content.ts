/**
 * What a destination really holds: content is read there and hashed, since a
 * registry may go on reporting content that was damaged later.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { type Digest, digestAlgorithm } from "../oci/digest.ts";
import type { Descriptor, Manifest, ManifestContent } from "../oci/manifest.ts";
import { parseContent } from "../oci/parse_manifest.ts";
import { BlobSource } from "./blobs/blob_source.ts";
import type {
  BlobReader,
  BlobWriter,
  ManifestReader,
  StoreIdentity,
} from "../oci/store.ts";
import type { TransferServices } from "./copy_services.ts";
import { atDestination, type Place } from "./sides.ts";

/** What is wrong with content at a destination. */
export interface ContentFault {
  readonly kind:
    | "missing"
    | "damaged"
    /**
     * The registry answers 500: docker-registry does so for damaged content.
     */
    | "unreadable";
  /** What was found instead. */
  readonly message: string;
}

/** Nothing was found. */
export const ABSENT: ContentFault = {
  kind: "missing",
  message: "it is not there",
};

/** A repository of the destination whose manifests are looked at. */
export type ManifestPlace = Place<StoreIdentity & ManifestReader>;

/** A repository of the destination whose blobs are looked at. */
export interface BlobPlace extends
  Place<
    & StoreIdentity
    & Pick<BlobReader, "openBlob">
    & Pick<BlobWriter, "hasBlob">
  > {
  readonly services: TransferServices;
}

/**
 * Reads a blob at the destination and checks its digest and size, within a
 * transfer slot and without keeping it.
 *
 * @returns what is wrong with it; undefined when it is intact
 */
export async function blobFault(
  place: BlobPlace,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<ContentFault | undefined> {
  const { store, repository, services } = place;
  // Outside of the transfer, since the first request to a registry causes
  // others that need a slot. Its answer proves nothing: the content is read
  // anyway.
  await atDestination(
    place,
    `look for blob ${blob.digest} in`,
    store.hasBlob(repository, blob, { signal }),
  );
  const release = await services.gate.enter([store.id], {
    signal,
    bytes: blob.size,
  });
  const source = new BlobSource({
    blob,
    signal,
    attempts: services.attempts(),
    open: (offset, signal) =>
      store.openBlob(repository, blob, { offset, signal }),
  });
  try {
    return await faultOf(async () => {
      const reader = await source.openAt(0);
      for (let piece; (piece = await reader.read());) {
        reader.release?.(piece);
      }
      return true;
    });
  } catch (error) {
    return await atDestination(
      place,
      `read blob ${blob.digest} from`,
      Promise.reject(error),
    );
  } finally {
    release();
  }
}

/**
 * Reads a manifest at the destination by digest and checks it.
 *
 * @returns what is wrong with it; undefined when it is intact
 */
export async function manifestFault(
  place: ManifestPlace,
  digest: Digest,
  signal: AbortSignal,
): Promise<ContentFault | undefined> {
  return (await readHeld(place, digest, signal)).fault;
}

/** A manifest at the destination, or what is wrong with it. */
export type HeldManifest =
  | { readonly manifest: Manifest; readonly fault?: undefined }
  | { readonly fault: ContentFault };

/** Reads a manifest at the destination by digest and checks it. */
export async function readHeld(
  place: ManifestPlace,
  digest: Digest,
  signal: AbortSignal,
): Promise<HeldManifest> {
  const { store, repository } = place;
  return await atDestination(
    place,
    `read manifest ${digest} from`,
    (async () => {
      let content: ManifestContent | undefined;
      const fault = await faultOf(async () => {
        content = await store.getManifest(repository, digest, { signal });
        return content !== undefined;
      });
      return content && !fault
        ? {
          manifest: parseContent(content),
        }
        : { fault: fault ?? ABSENT };
    })(),
  );
}

/** @param read gives false when nothing is there */
async function faultOf(
  read: () => Promise<boolean>,
): Promise<ContentFault | undefined> {
  try {
    if (await read()) return undefined;
  } catch (error) {
    if (!(error instanceof HangarError)) throw error;
    if (error.code === "content-mismatch") {
      // Without the hint of the error, which is about a source.
      return { kind: "damaged", message: error.message };
    }
    if (error.code === "not-found") return ABSENT;
    if (isUnreadable(error)) {
      return { kind: "unreadable", message: error.message };
    }
    throw error;
  }
  return ABSENT;
}

/**
 * Whether a registry fails on content that it holds, and would fail again.
 * docker-registry (2.8 and v3) answers so for manifests that it can no longer
 * parse.
 */
export function isUnreadable(error: unknown): error is HangarError {
  return error instanceof HangarError && error.status === 500;
}

/**
 * The error for content that a registry accepted, but does not hold afterwards.
 */
export function notKept(
  { kind, message }: ContentFault,
  digest: Digest,
): HangarError {
  if (kind !== "missing") {
    return new HangarError(
      "content-mismatch",
      `it was sent again, but the registry did not replace what it holds: ${message}`,
      {
        hint:
          "delete the content from the registry's storage (registries keep what they have under a digest), and mirror again",
      },
    );
  }
  const algorithm = digestAlgorithm(digest);
  return algorithm === "sha256"
    ? new HangarError("registry", "it was taken, but is not there", {
      hint: "look at the registry's log and storage",
    })
    : new HangarError(
      "registry",
      `it was taken, but is not there under its digest: the registry does not keep ${algorithm} content`,
      { hint: `mirror it to a registry that knows ${algorithm}` },
    );
}
