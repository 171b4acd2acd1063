/**
 * Finding what is attached to an image at its source: cosign's tags, by listing
 * the repository's, and referrers, by the API and by the tag that stands in for
 * it.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import {
  ATTACHMENT_SUFFIXES,
  attachmentTag,
  fallbackTag,
  isAttachmentTag,
  isFallbackTag,
} from "../oci/attachment.ts";
import type { Digest } from "../oci/digest.ts";
import {
  type Descriptor,
  type Manifest,
  parseManifest,
} from "../oci/manifest.ts";
import type { ManifestReader } from "../oci/store.ts";
import { allOf } from "../together.ts";
import { Memo } from "./keyed_lock.ts";
import { atSource, type SourceSide } from "./sides.ts";

/** Pages of a tag listing that are read to find signatures. */
const MAX_TAG_PAGES = 10;

/** Where to search, and whom to tell of trouble. */
export interface SearchContext extends SourceSide {
  readonly events: { warn(message: string): void };
}

/** What is attached to one digest. */
export interface Attachments {
  /** Those of cosign's tags that there are. */
  readonly tags: readonly string[];
  readonly referrers: readonly Descriptor[];
}

/** What is known, in this run, of the repositories that are searched. */
export class AttachmentFinder {
  readonly #tags = new Memo<ReadonlySet<string> | undefined>();
  /** Registries that have no referrers API. */
  readonly #withoutApi = new Set<string>();
  /** Repositories whose referrers are kept from us. */
  readonly #denied = new Set<string>();

  /** Finds what is attached to a digest at the source. */
  async find(
    context: SearchContext,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<Attachments> {
    const [tags, referrers] = await allOf([
      this.#cosignTags(context, digest, signal),
      this.#referrers(context, digest, signal),
    ]);
    return { tags, referrers };
  }

  async #cosignTags(
    context: SearchContext,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<string[]> {
    const { source, sourceRepository } = context;
    const known = await this.#listed(context, signal);
    const tags = ATTACHMENT_SUFFIXES.flatMap((suffix) =>
      attachmentTag(digest, suffix) ?? []
    );
    if (known) return tags.filter((tag) => known.has(tag));
    const heads = await allOf(tags.map((tag) =>
      atSource(
        context,
        `tag ${tag}`,
        source.headManifest(sourceRepository, tag, { signal }),
      )
    ));
    return tags.filter((_, i) => heads[i] !== undefined);
  }

  async #referrers(
    context: SearchContext,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<Descriptor[]> {
    const { source, sourceRepository } = context;
    const tag = fallbackTag(digest);
    const known = await this.#listed(context, signal);
    const [byApi, byTag] = await allOf([
      this.#byApi(context, digest, signal),
      known === undefined || known.has(tag)
        ? atSource(
          context,
          `tag ${tag}`,
          readFallback(source, sourceRepository, tag, signal),
        )
        : undefined,
    ]);
    const all = [...byApi ?? [], ...byTag?.entries ?? []];
    return [...new Map(all.map((d) => [d.digest, d])).values()];
  }

  async #byApi(
    context: SearchContext,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<readonly Descriptor[] | undefined> {
    const { source, sourceRepository, events } = context;
    const name = `${source.id}/${sourceRepository}`;
    if (this.#withoutApi.has(source.id) || this.#denied.has(name)) {
      return undefined;
    }
    try {
      const listed = await source.listReferrers(sourceRepository, digest, {
        signal,
      });
      if (listed === undefined) this.#withoutApi.add(source.id);
      return listed;
    } catch (error) {
      if (!isDenial(error)) {
        return await atSource(
          context,
          `the referrers of ${digest}`,
          Promise.reject(error),
        );
      }
      // It says nothing of the registry's other repositories.
      if (!this.#denied.has(name)) {
        this.#denied.add(name);
        events.warn(
          `the referrers of source ${name} cannot be listed (${
            (error as HangarError).status
          }): those that no tag lists stay behind`,
        );
      }
      return undefined;
    }
  }

  /** The tags that may matter; undefined where they cannot all be listed. */
  async #listed(
    context: SearchContext,
    signal: AbortSignal,
  ): Promise<ReadonlySet<string> | undefined> {
    const { source, sourceRepository, events } = context;
    return await this.#tags.get(
      `${source.id}/${sourceRepository}`,
      signal,
      async () => {
        const tags = new Set<string>();
        try {
          const pages = source.listTags(sourceRepository, {
            maxPages: MAX_TAG_PAGES,
            signal,
          });
          for await (const page of pages) {
            for (const tag of page) {
              if (isAttachmentTag(tag) || isFallbackTag(tag)) tags.add(tag);
            }
          }
          return tags;
        } catch (error) {
          if (error instanceof HangarError && error.code === "too-large") {
            return undefined;
          }
          if (!isDenial(error)) {
            return await atSource(context, "the tags", Promise.reject(error));
          }
          events.warn(
            `the tags of source ${source.id}/${sourceRepository} cannot be listed (${
              (error as HangarError).status
            }): signatures are looked for one by one`,
          );
          return undefined;
        }
      },
    );
  }
}

/** A registry that has no such service, or keeps it to itself. */
function isDenial(error: unknown): boolean {
  return error instanceof HangarError && error.status !== undefined &&
    error.status >= 400 && error.status < 500 && !error.temporary;
}

/** The index under a fallback tag; undefined when there is none. */
export async function readFallback(
  store: ManifestReader,
  repository: string,
  tag: string,
  signal: AbortSignal,
): Promise<Manifest & { kind: "index" } | undefined> {
  const content = await store.getManifest(repository, tag, { signal });
  if (!content) return undefined;
  const manifest = parseManifest(
    content.bytes,
    content.mediaType,
    content.digest,
  );
  if (manifest.kind === "index") return manifest;
  throw new HangarError(
    "invalid-manifest",
    `it holds ${content.digest}, which is no index of referrers`,
  );
}
