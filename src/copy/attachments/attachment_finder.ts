/**
 * Finding what is attached to an image, mostly at its source: cosign's tags, by listing
 * the repository's, and referrers, by the API and by the tag that stands in for
 * it.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import { HangarError, isRefusal } from "../../errors.ts";
import {
  ATTACHMENT_SUFFIXES,
  attachmentTag,
  fallbackTag,
  isAttachmentTag,
  isFallbackTag,
  isOfDigest,
} from "../../oci/attachment.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Descriptor, Manifest } from "../../oci/manifest.ts";
import { parseContent } from "../../oci/parse_manifest.ts";
import type {
  ManifestReader,
  ReferrerLister,
  StoreIdentity,
  TagLister,
} from "../../oci/store.ts";
import { allOf } from "../../together.ts";
import type { AttachmentChoice } from "./attachment_choice.ts";
import { Memo } from "../keyed_lock.ts";
import { atDestination, atSource, type Place, placeName } from "../sides.ts";

/** Pages of a tag listing that are read to find signatures. */
const MAX_TAG_PAGES = 10;

/** Where to search. */
export type SearchPlace = Place<
  StoreIdentity & ManifestReader & TagLister & ReferrerLister
>;

/** How to search, and for what. */
export interface SearchOptions extends AttachmentChoice {
  readonly signal: AbortSignal;
  /** Told of what cannot be searched. */
  readonly warn: (message: string) => void;
  /** How messages name the place. @default {"source"} */
  readonly side?: "source" | "destination";
}

/** Runs a search, so that errors name the side. */
async function searching<T>(
  place: SearchPlace,
  what: string,
  { side }: SearchOptions,
  operation: Promise<T>,
): Promise<T> {
  return side === "destination"
    ? await atDestination(place, `read ${what} from`, operation)
    : await atSource(place, what, operation);
}

/** What is attached to one digest. */
export interface Attachments {
  /** Those of cosign's tags that there are. */
  readonly tags: readonly string[];
  /** Other tags that begin with the digest, where they are wanted. */
  readonly others: readonly string[];
  readonly referrers: readonly Descriptor[];
}

/** What is known, in this run, of the repositories that are searched. */
export class AttachmentFinder {
  readonly #tags = new Memo<ReadonlySet<string> | undefined>();
  /** Stores that have listed tags. */
  readonly #listing = new Set<string>();
  /** Registries that have no referrers API. */
  readonly #withoutApi = new Set<string>();
  /** The end of the first request for referrers to each registry. */
  readonly #firstAsks = new Map<string, Promise<unknown>>();
  /** Repositories whose referrers are kept from us. */
  readonly #denied = new Set<string>();

  /** Takes all tags of a repository, which need not be listed once more then. */
  learnTags(place: Place<StoreIdentity>, tags: Iterable<string>): void {
    this.#tags.set(placeName(place), new Set(ofAttachments(tags)));
    this.#listing.add(place.store.id);
  }

  /**
   * Finds out already what a search in a repository begins with, at a store where
   * a search was of use before. Where that fails or is refused, the search does it
   * once more, and tells.
   */
  async lookAhead(place: SearchPlace, signal: AbortSignal): Promise<void> {
    if (!this.#listing.has(place.store.id)) return;
    const warn = (message: string) => {
      throw new Error(message);
    };
    await this.#listed(place, { signal, warn }).catch(() => {});
  }

  /** Finds what is attached to a digest at the source. */
  async find(
    place: SearchPlace,
    digest: Digest,
    options: SearchOptions,
  ): Promise<Attachments> {
    const { tags = true, referrers = true, accepts = () => true } = options;
    const [cosign, others, listed] = await allOf([
      tags ? this.#cosignTags(place, digest, options) : [],
      tags === "all" ? this.#otherTags(place, digest, options) : [],
      referrers ? this.#referrers(place, digest, options) : [],
    ]);
    return { tags: cosign, others, referrers: listed.filter(accepts) };
  }

  async #cosignTags(
    place: SearchPlace,
    digest: Digest,
    options: SearchOptions,
  ): Promise<string[]> {
    const { store, repository } = place;
    const { signal } = options;
    const known = await this.#listed(place, options);
    const tags = ATTACHMENT_SUFFIXES.flatMap((suffix) =>
      attachmentTag(digest, suffix) ?? []
    );
    if (known) return tags.filter((tag) => known.has(tag));
    const heads = await allOf(tags.map((tag) =>
      searching(
        place,
        `tag ${tag}`,
        options,
        store.headManifest(repository, tag, { signal }),
      )
    ));
    return tags.filter((_, i) => heads[i] !== undefined);
  }

  /** Those of neither cosign nor a list of referrers. */
  async #otherTags(
    place: SearchPlace,
    digest: Digest,
    options: SearchOptions,
  ): Promise<string[]> {
    const known = await this.#listed(place, options);
    const prefix = digest.replace(":", "-");
    return [...known ?? []].filter((tag) =>
      tag.startsWith(prefix) && !isAttachmentTag(tag) && !isFallbackTag(tag)
    );
  }

  async #referrers(
    place: SearchPlace,
    digest: Digest,
    options: SearchOptions,
  ): Promise<Descriptor[]> {
    const { signal } = options;
    const tag = fallbackTag(digest);
    const known = await this.#listed(place, options);
    const [byApi, byTag] = await allOf([
      this.#byApi(place, digest, options),
      known === undefined || known.has(tag)
        ? searching(
          place,
          `tag ${tag}`,
          options,
          readFallback(place, tag, signal),
        )
        : undefined,
    ]);
    const all = [...byApi ?? [], ...byTag?.entries ?? []];
    return [...new Map(all.map((d) => [d.digest, d])).values()];
  }

  async #byApi(
    place: SearchPlace,
    digest: Digest,
    options: SearchOptions,
  ): Promise<readonly Descriptor[] | undefined> {
    const { store, repository } = place;
    const { signal, warn, side = "source" } = options;
    const name = placeName(place);
    const ask = async () => {
      if (this.#withoutApi.has(store.id) || this.#denied.has(name)) {
        return undefined;
      }
      const listed = await store.listReferrers(repository, digest, { signal });
      if (listed === undefined) this.#withoutApi.add(store.id);
      return listed;
    };
    try {
      return await this.#afterFirst(store.id, signal, ask);
    } catch (error) {
      if (!isRefusal(error)) {
        return await searching(
          place,
          `the referrers of ${digest}`,
          options,
          Promise.reject(error),
        );
      }
      // It says nothing of the registry's other repositories.
      if (!this.#denied.has(name)) {
        this.#denied.add(name);
        warn(
          `the referrers of ${side} ${name} cannot be listed (${error.status}): those that no tag lists stay behind`,
        );
      }
      return undefined;
    }
  }

  /**
   * Where there is no API, one request shows it: the others wait for its end,
   * however it ends, and then do not wait for each other.
   */
  async #afterFirst<T>(
    storeId: string,
    signal: AbortSignal,
    ask: () => Promise<T>,
  ): Promise<T> {
    const first = this.#firstAsks.get(storeId);
    if (first) {
      await abortable(first, signal);
      return await ask();
    }
    const asked = ask();
    this.#firstAsks.set(storeId, asked.catch(() => {}));
    return await asked;
  }

  /** The tags that may matter; undefined where they cannot all be listed. */
  async #listed(
    place: SearchPlace,
    options: SearchOptions,
  ): Promise<ReadonlySet<string> | undefined> {
    const { store, repository } = place;
    const { signal, warn, side = "source" } = options;
    const name = placeName(place);
    return await this.#tags.get(
      name,
      signal,
      async () => {
        const tags = new Set<string>();
        try {
          const pages = store.listTags(repository, {
            maxPages: MAX_TAG_PAGES,
            signal,
          });
          for await (const page of pages) {
            for (const tag of ofAttachments(page)) tags.add(tag);
          }
          this.#listing.add(store.id);
          return tags;
        } catch (error) {
          if (error instanceof HangarError && error.code === "too-large") {
            return undefined;
          }
          if (!isRefusal(error)) {
            return await searching(
              place,
              "the tags",
              options,
              Promise.reject(error),
            );
          }
          warn(
            `the tags of ${side} ${name} cannot be listed (${error.status}): signatures are looked for one by one`,
          );
          return undefined;
        }
      },
    );
  }
}

/** Those of some tags that may matter. */
function ofAttachments(tags: Iterable<string>): string[] {
  return [...tags].filter(isOfDigest);
}

/** The index under a fallback tag; undefined when there is none. */
export async function readFallback(
  { store, repository }: Place<StoreIdentity & ManifestReader>,
  tag: string,
  signal: AbortSignal,
): Promise<Manifest & { kind: "index" } | undefined> {
  const content = await store.getManifest(repository, tag, { signal });
  if (!content) return undefined;
  const manifest = parseContent(content);
  if (manifest.kind === "index") return manifest;
  throw new HangarError(
    "invalid-manifest",
    `it holds ${content.digest}, which is no index of referrers`,
  );
}

/** The referrers of a digest, by the API or by the tag that stands in for it. */
export async function listReferrersOf(
  place: Place<StoreIdentity & ManifestReader & ReferrerLister>,
  subject: Digest,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const { store, repository } = place;
  const listed = await store.listReferrers(repository, subject, { signal });
  if (listed) return listed;
  return (await readFallback(place, fallbackTag(subject), signal))?.entries ??
    [];
}
