/**
 * Signing as cosign does by default: a payload and its signature as a layer of
 * the image under the `.sig` tag.
 *
 * @module
 */

import { addLayers } from "../copy/attachments/add_layers.ts";
import { pushBytes } from "../copy/blobs/copy_blob.ts";
import { atDestination, placeName } from "../copy/sides.ts";
import { HangarError } from "../errors.ts";
import { asAttachment, attachmentTag } from "../oci/attachment.ts";
import { digestOf } from "../oci/digest.ts";
import type { Descriptor, ImageManifest } from "../oci/manifest.ts";
import {
  readSignatureImage,
  readSignatures,
  signatureLayers,
} from "../signatures/read_signatures.ts";
import type { PayloadSigner } from "../signatures/sigstore_key.ts";
import {
  describeSignature,
  makePayload,
  MAX_PAYLOAD_BYTES,
  parsePayload,
  signatureOf,
} from "../signatures/simple_signing.ts";
import type { ImageSigner, SignedTarget, SignTarget } from "./image_signer.ts";

/** Signs with a key. */
export class SimpleSigner implements ImageSigner {
  readonly #key: PayloadSigner;

  constructor(key: PayloadSigner) {
    this.#key = key;
  }

  async isSigned(target: SignedTarget): Promise<boolean> {
    const { destination, descriptor, signal } = target;
    const { digest } = descriptor;
    const { publicKey } = this.#key;
    const payload = payloadOf(target);
    return await atDestination(
      destination,
      `read the signatures of ${digest} from`,
      (async () => {
        const held = await readSignatureImage(destination, digest, signal);
        if (!held) return false;
        // A signature of hangar's own is found by its digest, and counts if its
        // payload is whole.
        const own = this.#ownLayer(held, payload);
        if (own && await holdsPayload(target, own)) return true;
        const others = await readSignatures(destination, digest, signal);
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
    const { destination, descriptor, signal } = target;
    const tag = attachmentTag(descriptor.digest, "sig");
    if (tag === undefined) {
      throw new HangarError(
        "unsupported-manifest",
        `${descriptor.digest} cannot be signed: the tag for its signature would be too long`,
        { hint: "sign it with --sign-format bundle" },
      );
    }
    return await destination.services.locks.run(
      `${placeName(destination)}:${tag}`,
      signal,
      async () => {
        if (await this.isSigned(target)) return false;
        const payload = payloadOf(target);
        const layer = describeSignature(
          payload,
          await this.#key.sign(payload),
        );
        const held = await atDestination(
          destination,
          `read tag ${tag} from`,
          readSignatureImage(destination, descriptor.digest, signal),
        );
        if (held && this.#ownLayer(held, payload)) {
          await repairPayload(target, layer, payload);
          return true;
        }
        await addLayers(destination, tag, held && asAttachment(held, tag), {
          layers: [layer],
          bring: (added) => pushBytes(destination, added, payload, { signal }),
          signal,
        });
        return true;
      },
    );
  }
}

/** Whether the destination has the payload as it was signed. */
async function holdsPayload(
  { destination: { store, repository }, signal }: SignedTarget,
  layer: Descriptor,
): Promise<boolean> {
  try {
    await store.readBlob(repository, layer, MAX_PAYLOAD_BYTES, { signal });
    return true;
  } catch (error) {
    if (error instanceof HangarError && BROKEN.has(error.code)) return false;
    throw error;
  }
}

const BROKEN = new Set<string>(["not-found", "content-mismatch", "too-large"]);

/**
 * Sends a payload again when its signature is there and the payload is not
 * whole.
 */
async function repairPayload(
  target: SignTarget,
  layer: Descriptor,
  payload: Uint8Array,
): Promise<void> {
  const { destination, signal, descriptor } = target;
  await pushBytes(destination, layer, payload, { signal });
  if (await holdsPayload(target, layer)) return;
  throw new HangarError(
    "content-mismatch",
    `the signature of ${descriptor.digest} is damaged: the registry keeps its copy of ${layer.digest}, which differs`,
    {
      hint: "delete that blob or the .sig tag at the registry, and sign again",
    },
  );
}

function payloadOf({ reference, descriptor }: SignedTarget): Uint8Array {
  return makePayload({ reference, digest: descriptor.digest });
}
