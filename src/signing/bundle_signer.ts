/**
 * Signing with Sigstore bundles, which are attached as referrers.
 *
 * @module
 */

import { listAtDestination } from "../copy/attachments.ts";
import { copyBlob } from "../copy/copy_blob.ts";
import { putManifest } from "../copy/copy_graph.ts";
import { atDestination } from "../copy/sides.ts";
import { HangarError } from "../errors.ts";
import { digestOf } from "../oci/digest.ts";
import {
  type Descriptor,
  MediaType,
  parseDescriptor,
  parseManifest,
} from "../oci/manifest.ts";
import {
  BUNDLE_TYPE,
  type BundleMaker,
  MAX_BUNDLE_BYTES,
  parseSignedBundle,
  SIGN_PREDICATE,
  type SignedBundle,
} from "../signatures/bundle.ts";
import { allOf } from "../together.ts";
import type { ImageSigner, SignTarget } from "./image_signer.ts";

/** The most bundles of one image that are looked at. */
const MAX_BUNDLES = 100;
const EMPTY_CONFIG = new TextEncoder().encode("{}");

/** Signs with bundles. */
export class BundleSigner implements ImageSigner {
  readonly #maker: BundleMaker;

  constructor(maker: BundleMaker) {
    this.#maker = maker;
  }

  async isSigned(target: SignTarget): Promise<boolean> {
    const { digest } = target.descriptor;
    return (await readBundles(target)).some((bundle) =>
      this.#maker.isOwn(bundle, digest)
    );
  }

  async sign(target: SignTarget): Promise<boolean> {
    const { context, descriptor, signal } = target;
    const { destination, destinationRepository } = context;
    return await context.locks.run(
      `bundle ${destination.id}/${destinationRepository}@${descriptor.digest}`,
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

/** The bundles that sign a manifest; what is none is passed over. */
export async function readBundles(
  { context, descriptor, signal }: SignTarget,
): Promise<SignedBundle[]> {
  const { destination, destinationRepository } = context;
  return await atDestination(
    context,
    `read the bundles of ${descriptor.digest} from`,
    (async () => {
      const referrers = await listAtDestination(
        destination,
        destinationRepository,
        descriptor.digest,
        signal,
      );
      const bundles = referrers.filter((r) => r.artifactType === BUNDLE_TYPE)
        .slice(0, MAX_BUNDLES);
      const read = await allOf(bundles.map(async ({ digest }) => {
        const content = await destination.getManifest(
          destinationRepository,
          digest,
          { signal },
        );
        try {
          const manifest = content &&
            parseManifest(content.bytes, content.mediaType, content.digest);
          const layer = manifest?.kind === "image"
            ? manifest.layers[0]
            : undefined;
          if (layer?.mediaType !== BUNDLE_TYPE) return [];
          const bytes = await destination.readBlob(
            destinationRepository,
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
  { context, descriptor, signal }: SignTarget,
  bundle: Uint8Array,
): Promise<void> {
  const layer = describe(BUNDLE_TYPE, bundle);
  const config = describe(MediaType.ociEmpty, EMPTY_CONFIG);
  const bytes = new TextEncoder().encode(JSON.stringify({
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
  context.cache.set(layer.digest, bundle);
  context.cache.set(config.digest, EMPTY_CONFIG);
  await allOf([layer, config].map((d) => copyBlob(context, d, { signal })));
  const manifest = parseManifest(bytes, MediaType.ociManifest);
  await putManifest(context, manifest, manifest.content.digest, signal);
}

function describe(mediaType: string, bytes: Uint8Array): Descriptor {
  return parseDescriptor({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.byteLength,
  }, "layer");
}
