/**
 * The content that destinations are known to hold in this run, and the content
 * that is on its way there.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import type { Digest } from "../oci/digest.ts";

interface Delivery {
  readonly repository: string;
  /** Resolves when the delivery has ended, well or not; never rejects. */
  readonly ended: Promise<void>;
}

interface StoreBook {
  /**
   * The repositories that hold a piece of content. Most have one, so a set is
   * made only for more.
   */
  readonly holders: Map<string, string | Set<string>>;
  readonly deliveries: Map<string, Delivery[]>;
}

/**
 * One delivery per repository and digest at a time. Later callers wait and then
 * find the content there. When the delivery failed, the next caller that waits
 * takes it over, since the failure may concern only the first image.
 */
export class ContentLedger<Key extends string = Digest> {
  readonly #books = new Map<string, StoreBook>();

  /** Notes that a repository holds some content. */
  addHolder(registry: string, repository: string, digest: Key): void {
    const { holders } = this.#book(registry);
    const known = holders.get(digest);
    if (known === undefined) holders.set(digest, repository);
    else if (typeof known !== "string") known.add(repository);
    else if (known !== repository) {
      holders.set(digest, new Set([known, repository]));
    }
  }

  /** Whether a repository is known to hold some content. */
  holds(registry: string, repository: string, digest: Key): boolean {
    const known = this.#books.get(registry)?.holders.get(digest);
    return typeof known === "string"
      ? known === repository
      : known?.has(repository) ?? false;
  }

  /** A repository that some content can be mounted from. */
  holderOf(registry: string, digest: Key): string | undefined {
    const known = this.#books.get(registry)?.holders.get(digest);
    return typeof known === "string" || known === undefined
      ? known
      : known.values().next().value;
  }

  /**
   * Brings content to a repository unless it is there. Only one caller at a
   * time runs `bring`. If `mayMount` allows it and no repository holds the
   * content yet, callers for other repositories wait as well: they can mount
   * the content afterwards.
   *
   * @returns what `bring` gave, or `undefined` when the content is there already
   */
  async deliver<T>(
    registry: string,
    repository: string,
    digest: Key,
    options: {
      /** @default {nothing is mounted} */
      readonly mayMount?: () => boolean;
      readonly signal: AbortSignal;
    },
    bring: () => Promise<T>,
  ): Promise<T | undefined> {
    const { signal, mayMount = () => false } = options;
    const book = this.#book(registry);
    while (true) {
      signal.throwIfAborted();
      if (this.holds(registry, repository, digest)) return undefined;
      const under = book.deliveries.get(digest) ?? [];
      const mine = under.find((d) => d.repository === repository);
      const other = !book.holders.has(digest) && mayMount()
        ? under[0]
        : undefined;
      const wait = mine ?? other;
      if (!wait) break;
      await abortable(wait.ended, signal);
    }
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const delivery: Delivery = { repository, ended };
    book.deliveries.set(digest, [
      ...(book.deliveries.get(digest) ?? []),
      delivery,
    ]);
    try {
      const result = await bring();
      this.addHolder(registry, repository, digest);
      return result;
    } finally {
      const left = book.deliveries.get(digest)?.filter((d) => d !== delivery);
      if (left?.length) book.deliveries.set(digest, left);
      else book.deliveries.delete(digest);
      end();
    }
  }

  #book(registry: string): StoreBook {
    let book = this.#books.get(registry);
    if (!book) {
      book = {
        holders: new Map(),
        deliveries: new Map(),
      };
      this.#books.set(registry, book);
    }
    return book;
  }
}
