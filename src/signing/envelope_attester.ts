/**
 * Attesting as cosign does by default: a DSSE envelope as a layer of the image
 * under the `.att` tag.
 *
 * @module
 */

import { addLayers } from "../copy/attachments/add_layers.ts";
import { pushBytes } from "../copy/blobs/copy_blob.ts";
import { placeName } from "../copy/sides.ts";
import { HangarError } from "../errors.ts";
import {
  asAttachment,
  attachmentTag,
  SIGNATURE_ANNOTATION,
} from "../oci/attachment.ts";
import {
  ENVELOPE_TYPE,
  signStatement,
} from "../signatures/attestations/envelope.ts";
import type { Statement } from "../signatures/attestations/statement.ts";
import type { PayloadSigner } from "../signatures/sigstore_key.ts";
import { allOf } from "../together.ts";
import type { Attester, NewStatement } from "./attester.ts";
import type { SignedTarget, SignTarget } from "./image_signer.ts";
import { describeLayer, embeddedIn } from "./layer_bytes.ts";
import {
  ATT_PREDICATE_ANNOTATION,
  readAttestationImage,
  readEnvelopes,
} from "./read_attestations.ts";

/** Attests with a key. */
export class EnvelopeAttester implements Attester {
  readonly #key: PayloadSigner;

  constructor(key: PayloadSigner) {
    this.#key = key;
  }

  async own(
    target: SignedTarget,
    predicateType: string,
    options: { readonly deep?: boolean } = {},
  ): Promise<Statement[]> {
    const found = await readEnvelopes(target, predicateType, options);
    return found.filter((one) => one.verify(this.#key.publicKey))
      .map(({ statement }) => statement);
  }

  async attach(
    target: SignTarget,
    statements: readonly NewStatement[],
  ): Promise<void> {
    const { destination, descriptor: { digest }, signal } = target;
    const tag = attachmentTag(digest, "att");
    if (tag === undefined) {
      throw new HangarError(
        "unsupported-manifest",
        `${digest} cannot be attested: the tag for it would be too long`,
        { hint: "attest it with --sign-format bundle" },
      );
    }
    const made = await allOf(statements.map(async ({ text, predicateType }) => {
      const bytes = await signStatement(text, this.#key);
      const layer = describeLayer(ENVELOPE_TYPE, bytes, {
        embed: true,
        annotations: {
          // cosign keeps the signatures of attestations in their envelopes.
          [SIGNATURE_ANNOTATION]: "",
          [ATT_PREDICATE_ANNOTATION]: predicateType,
        },
      });
      return [layer.digest, { layer, bytes }] as const;
    }));
    const layers = new Map(made);
    await destination.services.locks.run(
      `${placeName(destination)}:${tag}`,
      signal,
      async () => {
        const held = await readAttestationImage(target);
        // Registries refuse a manifest of whose blobs one is gone.
        await allOf((held?.layers ?? []).map(async (layer) => {
          const bytes = destination.recheck ? embeddedIn(layer) : undefined;
          if (bytes) await pushBytes(destination, layer, bytes, { signal });
        }));
        await addLayers(destination, tag, held && asAttachment(held, tag), {
          layers: made.map(([, { layer }]) => layer),
          bring: (layer) =>
            pushBytes(destination, layer, layers.get(layer.digest)!.bytes, {
              signal,
            }),
          signal,
        });
      },
    );
  }
}
