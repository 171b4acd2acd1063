/**
 * Signing with Sigstore bundles, which are attached as referrers.
 *
 * @module
 */

import { listReferrersOf } from "../copy/attachments/attachment_finder.ts";
import { pushBytes } from "../copy/blobs/copy_blob.ts";
import { putManifest } from "../copy/put_manifest.ts";
import { atDestination, placeName } from "../copy/sides.ts";
import { HangarError } from "../errors.ts";
import { digestOf } from "../oci/digest.ts";
import {
  type Descriptor,
  encodeManifest,
  MediaType,
  parseDescriptor,
} from "../oci/manifest.ts";
import { parseContent } from "../oci/parse_manifest.ts";
import {
  BUNDLE_TYPE,
  type BundleMaker,
  MAX_BUNDLE_BYTES,
  parseSignedBundle,
  SIGN_PREDICATE,
  type SignedBundle,
} from "../signatures/bundle.ts";
import { allOf } from "../together.ts";
import type { ImageSigner, SignedTarget, SignTarget } from "./image_signer.ts";

/** The most bundles of one image that are looked at. */
const MAX_BUNDLES = 100;
const EMPTY_CONFIG = new TextEncoder().encode("{}");

/** Signs with bundles. */
export class BundleSigner implements ImageSigner {
  readonly #maker: BundleMaker;

  constructor(maker: BundleMaker) {
    this.#maker = maker;
  }

  async isSigned(target: SignedTarget): Promise<boolean> {
    const { digest } = target.descriptor;
    return (await readBundles(target)).some((bundle) =>
      this.#maker.isOwn(bundle, digest)
    );
  }

  async sign(target: SignTarget): Promise<boolean> {
    const { destination, descriptor, signal } = target;
    return await destination.services.locks.run(
      `bundle ${placeName(destination)}@${descriptor.digest}`,
      signal,
      async () => {
        if (await this.isSigned(target)) return false;
        const bundle = await this.#maker.make(descriptor.digest);
        signal.throwIfAborted();
        await attach(target, bundle);
        return true;
      },
    );
  }
}

/**
 * The bundles that sign a manifest; anything that is not a bundle is skipped.
 */
export async function readBundles(
  { destination, descriptor, signal }: SignedTarget,
): Promise<SignedBundle[]> {
  const { store, repository } = destination;
  return await atDestination(
    destination,
    `read the bundles of ${descriptor.digest} from`,
    (async () => {
      const referrers = await listReferrersOf(
        destination,
        descriptor.digest,
        signal,
      );
      const bundles = referrers.filter((r) => r.artifactType === BUNDLE_TYPE)
        .slice(0, MAX_BUNDLES);
      const read = await allOf(bundles.map(async ({ digest }) => {
        const content = await store.getManifest(repository, digest, { signal });
        try {
          const manifest = content &&
            parseContent(content);
          const layer = manifest?.kind === "image"
            ? manifest.layers[0]
            : undefined;
          if (layer?.mediaType !== BUNDLE_TYPE) return [];
          const bytes = await store.readBlob(
            repository,
            layer,
            MAX_BUNDLE_BYTES,
            { signal },
          );
          return [parseSignedBundle(bytes)];
        } catch (error) {
          if (error instanceof HangarError && NO_BUNDLE.has(error.code)) {
            return [];
          }
          throw error;
        }
      }));
      return read.flat();
    })(),
  );
}

const NO_BUNDLE = new Set<string>([
  "invalid-signature",
  "invalid-manifest",
  "too-large",
  "content-mismatch",
  "not-found",
]);

async function attach(
  { destination, descriptor, signal }: SignTarget,
  bundle: Uint8Array,
): Promise<void> {
  const layer = describe(BUNDLE_TYPE, bundle);
  const config = describe(MediaType.ociEmpty, EMPTY_CONFIG);
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
      "dev.sigstore.bundle.predicateType": SIGN_PREDICATE,
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

function describe(mediaType: string, bytes: Uint8Array): Descriptor {
  return parseDescriptor({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.byteLength,
  }, "layer");
}
