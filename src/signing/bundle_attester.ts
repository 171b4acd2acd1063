/**
 * Attesting with Sigstore bundles, which are attached as referrers.
 *
 * @module
 */

import { placeName } from "../copy/sides.ts";
import type { Statement } from "../signatures/attestations/statement.ts";
import type { BundleMaker } from "../signatures/bundle.ts";
import type { Attester, NewStatement } from "./attester.ts";
import { attachBundle, readBundles, ReferrerLists } from "./bundles.ts";
import type { SignedTarget, SignTarget } from "./image_signer.ts";

/** Attests with bundles. */
export class BundleAttester implements Attester {
  readonly #maker: BundleMaker;
  readonly #lists: ReferrerLists;

  /** @param lists shared with who signs */
  constructor(maker: BundleMaker, lists = new ReferrerLists()) {
    this.#maker = maker;
    this.#lists = lists;
  }

  async own(
    target: SignedTarget,
    predicateType: string,
    { deep }: { readonly deep?: boolean } = {},
  ): Promise<Statement[]> {
    const { digest } = target.descriptor;
    const found = await readBundles(target, predicateType, {
      lists: this.#lists,
      deep,
    });
    return found.filter((one) => this.#maker.isOwn(one, digest))
      .map(({ statement }) => statement);
  }

  async attach(
    target: SignTarget,
    statements: readonly NewStatement[],
  ): Promise<void> {
    const { destination, descriptor: { digest }, signal } = target;
    await destination.services.locks.run(
      `bundle ${placeName(destination)}@${digest}`,
      signal,
      async () => {
        for (const { text, predicateType } of statements) {
          const bundle = await this.#maker.make(text);
          signal.throwIfAborted();
          await attachBundle(target, bundle, predicateType, { embed: true });
          this.#lists.forget(destination, digest);
        }
      },
    );
  }
}
