/**
 * Signatures as cosign and containers/image keep them: layers of the image under
 * the `.sig` tag.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { attachmentTag } from "../oci/attachment.ts";
import type { Digest } from "../oci/digest.ts";
import type { Descriptor, ImageManifest } from "../oci/manifest.ts";
import { parseContent } from "../oci/parse_manifest.ts";
import type { BlobReader, ManifestReader } from "../oci/store.ts";
import { allOf } from "../together.ts";
import {
  MAX_PAYLOAD_BYTES,
  signatureOf,
  SIMPLE_SIGNING_TYPE,
} from "./simple_signing.ts";

/** The most signatures of one image that are read. */
const MAX_SIGNATURES = 100;

/** A signature that is not verified yet. */
export interface SimpleSignature {
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** They may hold a certificate, its chain, and the proof of a log. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** Where to read signatures. */
export interface SignatureStore {
  readonly store: ManifestReader & Pick<BlobReader, "readBlob">;
  readonly repository: string;
}

/**
 * The image with the signatures of a digest; undefined when there is none.
 *
 * @throws {HangarError} `invalid-signature` when its tag holds something else
 */
export async function readSignatureImage(
  { store, repository }: SignatureStore,
  digest: Digest,
  signal: AbortSignal,
): Promise<ImageManifest | undefined> {
  const tag = attachmentTag(digest, "sig");
  if (tag === undefined) return undefined;
  const content = await store.getManifest(repository, tag, { signal });
  if (!content) return undefined;
  const manifest = parseContent(content);
  if (manifest.kind === "image") return manifest;
  throw new HangarError(
    "invalid-signature",
    `tag ${tag} holds an index, which cannot hold signatures`,
  );
}

/** The layers of an image that are signatures. */
export function signatureLayers(image: ImageManifest): Descriptor[] {
  return image.layers.filter((l) => l.mediaType === SIMPLE_SIGNING_TYPE);
}

/**
 * Reads the signatures of a digest.
 *
 * @param onUnreadable called with the reason why a layer is not a signature
 * @throws {HangarError} any fault of the registry
 */
export async function readSignatures(
  place: SignatureStore,
  digest: Digest,
  signal: AbortSignal,
  onUnreadable: (reason: unknown) => void = () => {},
): Promise<SimpleSignature[]> {
  const image = await readSignatureImage(place, digest, signal);
  const layers = image ? signatureLayers(image) : [];
  if (layers.length > MAX_SIGNATURES) {
    throw new HangarError(
      "too-large",
      `${layers.length} signatures of ${digest}, at most ${MAX_SIGNATURES} are looked at`,
    );
  }
  const read = await allOf(layers.map(async (layer) => {
    const signature = signatureOf(layer);
    if (!signature) {
      onUnreadable(
        new HangarError(
          "invalid-signature",
          `layer ${layer.digest} has no signature`,
        ),
      );
      return [];
    }
    try {
      const payload = await place.store.readBlob(
        place.repository,
        layer,
        MAX_PAYLOAD_BYTES,
        { signal },
      );
      return [{ payload, signature, annotations: layer.annotations ?? {} }];
    } catch (error) {
      const isOwnFault = error instanceof HangarError &&
        (error.code === "too-large" || error.code === "content-mismatch" ||
          error.code === "not-found");
      if (!isOwnFault) throw error;
      onUnreadable(error);
      return [];
    }
  }));
  return read.flat();
}
