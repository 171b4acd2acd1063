/**
 * Signing with Sigstore bundles, which are attached as referrers.
 *
 * @module
 */

import { placeName } from "../copy/sides.ts";
import { makeStatement } from "../signatures/attestations/statement.ts";
import type { BundleMaker } from "../signatures/bundle.ts";
import { SIGN_PREDICATE } from "../signatures/read_bundle.ts";
import { attachBundle, readBundles, ReferrerLists } from "./bundles.ts";
import type { ImageSigner, SignedTarget, SignTarget } from "./image_signer.ts";

/** Signs with bundles. */
export class BundleSigner implements ImageSigner {
  readonly #maker: BundleMaker;
  readonly #lists: ReferrerLists;

  /** @param lists shared with who attests */
  constructor(maker: BundleMaker, lists = new ReferrerLists()) {
    this.#maker = maker;
    this.#lists = lists;
  }

  async isSigned(target: SignedTarget): Promise<boolean> {
    const { digest } = target.descriptor;
    const bundles = await readBundles(target, SIGN_PREDICATE, {
      lists: this.#lists,
    });
    return bundles.some((bundle) => this.#maker.isOwn(bundle, digest));
  }

  async sign(target: SignTarget): Promise<boolean> {
    const { destination, descriptor: { digest }, signal } = target;
    return await destination.services.locks.run(
      `bundle ${placeName(destination)}@${digest}`,
      signal,
      async () => {
        if (await this.isSigned(target)) return false;
        const bundle = await this.#maker.make(makeStatement({
          digest,
          predicateType: SIGN_PREDICATE,
          predicate: {},
        }));
        signal.throwIfAborted();
        await attachBundle(target, bundle, SIGN_PREDICATE);
        this.#lists.forget(destination, digest);
        return true;
      },
    );
  }
}
