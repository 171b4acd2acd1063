/**
 * Bundles at a destination: referrers of the manifest that they are about.
 *
 * @module
 */

import { listReferrersOf } from "../copy/attachments/attachment_finder.ts";
import { pushBytes } from "../copy/blobs/copy_blob.ts";
import { putManifest } from "../copy/put_manifest.ts";
import { atDestination, type Place } from "../copy/sides.ts";
import type { Digest } from "../oci/digest.ts";
import { type Descriptor, encodeManifest, MediaType } from "../oci/manifest.ts";
import { parseContent } from "../oci/parse_manifest.ts";
import type {
  ManifestReader,
  ReferrerLister,
  StoreIdentity,
} from "../oci/store.ts";
import type { SignedStatement } from "../signatures/attestations/envelope.ts";
import {
  BUNDLE_TYPE,
  MAX_BUNDLE_BYTES,
  parseBundle,
  PREDICATE_ANNOTATION,
} from "../signatures/read_bundle.ts";
import { allOf } from "../together.ts";
import type { SignedTarget, SignTarget } from "./image_signer.ts";
import { describeLayer, isUnusable, layerBytes } from "./layer_bytes.ts";

/** The most bundles of one image that are looked at. */
const MAX_BUNDLES = 100;
const EMPTY_CONFIG = new TextEncoder().encode("{}");

/** A repository whose referrers are listed. */
type ListedPlace = Place<StoreIdentity & ManifestReader & ReferrerLister>;

/**
 * Remembers the referrers of what one image is made of, so that who signs and who
 * attests ask once.
 */
export class ReferrerLists {
  readonly #known = new WeakMap<
    object,
    Map<Digest, Promise<readonly Descriptor[]>>
  >();

  /** The referrers of a manifest. */
  of(
    place: ListedPlace,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<readonly Descriptor[]> {
    let lists = this.#known.get(place);
    if (!lists) this.#known.set(place, lists = new Map());
    let list = lists.get(digest);
    if (!list) {
      list = listReferrersOf(place, digest, signal);
      lists.set(digest, list);
      list.catch(() => this.forget(place, digest));
    }
    return list;
  }

  /** A referrer was added, or could not be listed. */
  forget(place: ListedPlace, digest: Digest): void {
    this.#known.get(place)?.delete(digest);
  }
}

/** How bundles are read. */
export interface ReadBundlesOptions {
  /** @default {nothing is remembered} */
  readonly lists?: ReferrerLists;
  /** Whether blobs are read whose content is embedded. @default {false} */
  readonly deep?: boolean;
}

/**
 * The bundles on a manifest with a statement of one type; anything that is not a
 * bundle is skipped.
 */
export async function readBundles(
  { destination, descriptor, signal }: SignedTarget,
  predicateType: string,
  { lists = new ReferrerLists(), deep }: ReadBundlesOptions = {},
): Promise<SignedStatement[]> {
  const { store, repository } = destination;
  return await atDestination(
    destination,
    `read the bundles of ${descriptor.digest} from`,
    (async () => {
      const referrers = await lists.of(destination, descriptor.digest, signal);
      const bundles = referrers.filter((one) => mayBe(one, predicateType))
        .slice(0, MAX_BUNDLES);
      const read = await allOf(bundles.map(async ({ digest }) => {
        const content = await store.getManifest(repository, digest, { signal });
        try {
          const manifest = content && parseContent(content);
          const layer = manifest?.kind === "image"
            ? manifest.layers[0]
            : undefined;
          if (layer?.mediaType !== BUNDLE_TYPE) return [];
          const bytes = await layerBytes(destination, layer, {
            limit: MAX_BUNDLE_BYTES,
            signal,
            deep,
          });
          return [parseBundle(bytes)];
        } catch (error) {
          if (isUnusable(error)) return [];
          throw error;
        }
      }));
      return read.flat().filter(({ statement }) =>
        statement.predicateType === predicateType
      );
    })(),
  );
}

function mayBe(
  { artifactType, annotations }: Descriptor,
  predicateType: string,
): boolean {
  if (artifactType !== BUNDLE_TYPE) return false;
  const told = annotations?.[PREDICATE_ANNOTATION];
  return told === undefined || told === predicateType;
}

/**
 * Attaches a bundle to the manifest that it is about.
 *
 * @param options whether its content is embedded in its manifest, too
 */
export async function attachBundle(
  { destination, descriptor, signal }: SignTarget,
  bundle: Uint8Array,
  predicateType: string,
  { embed }: { readonly embed?: boolean } = {},
): Promise<void> {
  const layer = describeLayer(BUNDLE_TYPE, bundle, { embed });
  const config = describeLayer(MediaType.ociEmpty, EMPTY_CONFIG);
  const manifest = parseContent(encodeManifest({
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    artifactType: BUNDLE_TYPE,
    config: config.json,
    layers: [layer.json],
    subject: {
      mediaType: descriptor.mediaType,
      digest: descriptor.digest,
      size: descriptor.size,
    },
    annotations: {
      "org.opencontainers.image.created": new Date().toISOString(),
      "dev.sigstore.bundle.content": "dsse-envelope",
      [PREDICATE_ANNOTATION]: predicateType,
    },
  }));
  await allOf([
    pushBytes(destination, layer, bundle, { signal }),
    pushBytes(destination, config, EMPTY_CONFIG, { signal }),
  ]);
  await putManifest(destination, manifest, manifest.content.digest, {
    role: "referrer",
    signal,
  });
}
