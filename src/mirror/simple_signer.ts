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
        // One of hangar's own is known without reading it.
        const own = signatureLayers(held).some((layer) => {
          const signature = signatureOf(layer);
          return layer.digest === digestOf(payload) &&
            signature !== undefined && publicKey.verify(payload, signature);
        });
        if (own) return true;
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

function placeOf({ context }: SignTarget): SignatureStore {
  return {
    store: context.destination,
    repository: context.destinationRepository,
  };
}

function payloadOf({ reference, descriptor }: SignTarget): Uint8Array {
  return makePayload({ reference, digest: descriptor.digest });
}
