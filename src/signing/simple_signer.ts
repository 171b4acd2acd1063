/**
 * Signing as cosign does by default: a payload and its signature as a layer of
 * the image under the `.sig` tag.
 *
 * @module
 */

import { addLayers } from "../copy/add_layers.ts";
import { copyBlob } from "../copy/copy_blob.ts";
import { atDestination } from "../copy/sides.ts";
import { HangarError } from "../errors.ts";
import { asAttachment, attachmentTag } from "../oci/attachment.ts";
import { digestOf } from "../oci/digest.ts";
import type { Descriptor, ImageManifest } from "../oci/manifest.ts";
import {
  readSignatureImage,
  readSignatures,
  signatureLayers,
  type SignatureStore,
} from "../signatures/read_signatures.ts";
import type { SigningKey } from "../signatures/sigstore_key.ts";
import {
  describeSignature,
  makePayload,
  MAX_PAYLOAD_BYTES,
  parsePayload,
  signatureOf,
} from "../signatures/simple_signing.ts";
import type { ImageSigner, SignTarget } from "./image_signer.ts";

/** Signs with a key. */
export class SimpleSigner implements ImageSigner {
  readonly #key: SigningKey;

  constructor(key: SigningKey) {
    this.#key = key;
  }

  async isSigned(target: SignTarget): Promise<boolean> {
    const { context, descriptor, signal } = target;
    const { digest } = descriptor;
    const place = placeOf(target);
    const { publicKey } = this.#key;
    const payload = payloadOf(target);
    return await atDestination(
      context,
      `read the signatures of ${digest} from`,
      (async () => {
        const held = await readSignatureImage(place, digest, signal);
        if (!held) return false;
        // One of hangar's own is known by its digest; it counts where it is whole.
        const own = this.#ownLayer(held, payload);
        if (own && await holdsPayload(target, own)) return true;
        const others = await readSignatures(place, digest, signal);
        return others.some((other) => {
          if (!publicKey.verify(other.payload, other.signature)) return false;
          try {
            const claim = parsePayload(other.payload);
            return claim.digest === digest &&
              claim.reference === target.reference;
          } catch {
            return false;
          }
        });
      })(),
    );
  }

  #ownLayer(
    held: ImageManifest,
    payload: Uint8Array,
  ): Descriptor | undefined {
    const digest = digestOf(payload);
    return signatureLayers(held).find((layer) => {
      const signature = signatureOf(layer);
      return layer.digest === digest && signature !== undefined &&
        this.#key.publicKey.verify(payload, signature);
    });
  }

  async sign(target: SignTarget): Promise<boolean> {
    const { context, descriptor, signal } = target;
    const { destination, destinationRepository } = context;
    const tag = attachmentTag(descriptor.digest, "sig");
    if (tag === undefined) {
      throw new HangarError(
        "unsupported-manifest",
        `${descriptor.digest} cannot be signed: the tag for its signature would be too long`,
        { hint: "sign it with --sign-format bundle" },
      );
    }
    return await context.locks.run(
      `${destination.id}/${destinationRepository}:${tag}`,
      signal,
      async () => {
        if (await this.isSigned(target)) return false;
        const payload = payloadOf(target);
        const layer = describeSignature(payload, this.#key.sign(payload));
        const held = await atDestination(
          context,
          `read tag ${tag} from`,
          readSignatureImage(placeOf(target), descriptor.digest, signal),
        );
        context.cache.set(layer.digest, payload);
        if (held && this.#ownLayer(held, payload)) {
          await repairPayload(target, layer);
          return true;
        }
        await addLayers(context, tag, held && asAttachment(held, tag), {
          layers: [layer],
          bring: (added) => copyBlob(context, added, { signal }),
          signal,
        });
        return true;
      },
    );
  }
}

/** Whether the destination gives out a payload as it was signed. */
async function holdsPayload(
  target: SignTarget,
  layer: Descriptor,
): Promise<boolean> {
  const { destination, destinationRepository } = target.context;
  try {
    await destination.readBlob(
      destinationRepository,
      layer,
      MAX_PAYLOAD_BYTES,
      { signal: target.signal },
    );
    return true;
  } catch (error) {
    if (error instanceof HangarError && BROKEN.has(error.code)) return false;
    throw error;
  }
}

const BROKEN = new Set<string>(["not-found", "content-mismatch", "too-large"]);

/** Sends a payload again whose signature is there. */
async function repairPayload(
  target: SignTarget,
  layer: Descriptor,
): Promise<void> {
  const { context, signal, descriptor } = target;
  await copyBlob(context, layer, { signal });
  if (await holdsPayload(target, layer)) return;
  throw new HangarError(
    "content-mismatch",
    `the signature of ${descriptor.digest} is damaged: the registry keeps its copy of ${layer.digest}, which differs`,
    {
      hint: "delete that blob or the .sig tag at the registry, and sign again",
    },
  );
}

function placeOf({ context }: SignTarget): SignatureStore {
  return {
    store: context.destination,
    repository: context.destinationRepository,
  };
}

function payloadOf({ reference, descriptor }: SignTarget): Uint8Array {
  return makePayload({ reference, digest: descriptor.digest });
}
