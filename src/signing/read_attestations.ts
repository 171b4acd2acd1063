/**
 * Reading what is attested of a manifest, from cosign's `.att` tag and from
 * bundles.
 *
 * @module
 */

import { atDestination } from "../copy/sides.ts";
import { attachmentTag } from "../oci/attachment.ts";
import type { Descriptor, ImageManifest } from "../oci/manifest.ts";
import { parseContent } from "../oci/parse_manifest.ts";
import {
  ENVELOPE_TYPE,
  MAX_ENVELOPE_BYTES,
  parseEnvelope,
  type SignedStatement,
} from "../signatures/attestations/envelope.ts";
import { allOf } from "../together.ts";
import { readBundles } from "./bundles.ts";
import type { SignedTarget } from "./image_signer.ts";
import { isUnusable, layerBytes } from "./layer_bytes.ts";

/** The annotation of a layer: the predicate type of its statement. */
export const ATT_PREDICATE_ANNOTATION = "predicateType";

/** The most attestations of one image that are read. */
const MAX_ATTESTATIONS = 200;

/** The image under the `.att` tag; undefined where there is none. */
export async function readAttestationImage(
  { destination, descriptor, signal }: SignedTarget,
): Promise<ImageManifest | undefined> {
  const tag = attachmentTag(descriptor.digest, "att");
  if (tag === undefined) return undefined;
  const { store, repository } = destination;
  return await atDestination(
    destination,
    `read tag ${tag} from`,
    (async () => {
      const content = await store.getManifest(repository, tag, { signal });
      const manifest = content && parseContent(content);
      return manifest?.kind === "image" ? manifest : undefined;
    })(),
  );
}

/**
 * The statements of a type in cosign's form. What cannot be read as one is
 * skipped: others may attach what they like.
 */
export async function readEnvelopes(
  target: SignedTarget,
  predicateType: string,
  { deep }: { readonly deep?: boolean } = {},
): Promise<SignedStatement[]> {
  const image = await readAttestationImage(target);
  const layers = (image?.layers ?? []).filter((layer) =>
    layer.mediaType === ENVELOPE_TYPE && mayBe(layer, predicateType)
  ).slice(-MAX_ATTESTATIONS);
  const { destination, signal } = target;
  const read = await allOf(layers.map(async (layer) => {
    try {
      const bytes = await layerBytes(destination, layer, {
        limit: MAX_ENVELOPE_BYTES,
        signal,
        deep,
      });
      return [parseEnvelope(bytes)];
    } catch (error) {
      if (isUnusable(error)) return [];
      throw error;
    }
  }));
  return read.flat().filter(({ statement }) =>
    statement.predicateType === predicateType &&
    statement.digests.includes(target.descriptor.digest)
  );
}

/** The statements of a type on a manifest, in both forms. */
export async function readAttestations(
  target: SignedTarget,
  predicateType: string,
): Promise<SignedStatement[]> {
  const [envelopes, bundles] = await allOf([
    readEnvelopes(target, predicateType),
    readBundles(target, predicateType),
  ]);
  return [...envelopes, ...bundles];
}

function mayBe({ annotations }: Descriptor, predicateType: string): boolean {
  const told = annotations?.[ATT_PREDICATE_ANNOTATION];
  return told === undefined || told === predicateType;
}
