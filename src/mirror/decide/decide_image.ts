/**
 * What a destination tag is to hold, worked out from both sides. Mirroring acts
 * on it, validating compares with it.
 *
 * @module
 */

import type { CopyContext } from "../../copy/copy_context.ts";
import { atDestination, atSource } from "../../copy/sides.ts";
import { together } from "../../together.ts";
import { HangarError, withContext } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import {
  describeManifest,
  type Descriptor,
  type Manifest,
  parseManifest,
} from "../../oci/manifest.ts";
import { matchesFilter, selectsEverything } from "../../oci/platform.ts";
import {
  type Merged,
  type MergeExisting,
  mergeIndex,
  type MergeSource,
} from "./merge_index.ts";
import type { ImageMerge, NothingSelected } from "../events.ts";
import type { MirrorTask } from "../plan.ts";
import { describeMerge, nothingSelected } from "./tell_image.ts";
import { selectEntries, type Selection } from "./select.ts";
import {
  destinationReader,
  type ImageReader,
  inspectEntry,
  mergeEntries,
  platformOfImage,
  sourceReader,
} from "./image_reader.ts";

/** How images are mirrored. */
export interface MirrorOptions extends Selection {
  /**
   * Ignore what the destination tag holds, and take nothing there for granted.
   *
   * @default {false}
   */
  readonly overwrite?: boolean;
  /**
   * Whether signatures and referrers come along.
   *
   * @default {true}
   */
  readonly signatures?: boolean;
}

/** Something of a tag's content that a source has under the same digest. */
export interface ImagePart {
  readonly descriptor: Descriptor;
  /** The source's position. */
  readonly source: number;
  /** What it is, where that is known without reading it. */
  readonly manifest?: Manifest;
}

/** Where what a tag holds comes from. */
export interface TagOrigin {
  /** The sources' entries, and their own manifests where those are kept. */
  readonly parts: readonly ImagePart[];
  /** The manifest that the tag is to hold, where it is a source's own. */
  readonly top?: ImagePart;
  /** The sources' manifests that were not kept, since an index was rebuilt. */
  readonly rebuilt: readonly ImagePart[];
  /** What only the destination has: no source of this run vouches for it. */
  readonly strangers: ReadonlySet<string>;
}

/** What is to be done about a tag. */
export type Decision =
  /** The tag holds what is wanted. */
  | {
    readonly kind: "up-to-date";
    readonly existing: Manifest;
    readonly origin: TagOrigin;
    /** What the sources' references point at, in their order. */
    readonly sourceDigests: readonly Digest[];
    readonly merge?: ImageMerge;
  }
  /** Nothing of the image was selected. */
  | { readonly kind: "skipped"; readonly nothing: NothingSelected }
  | {
    readonly kind: "write";
    readonly merged: Merged;
    readonly origin: TagOrigin;
    readonly sourceDigests: readonly Digest[];
    readonly merge?: ImageMerge;
    /** What the tag holds; not read with `overwrite`. */
    readonly existing?: Manifest;
  };

/** Where an image that was taken whole comes from. */
export function originOfWhole(manifest: Manifest): TagOrigin {
  const descriptor = describeManifest(manifest.content);
  const top = { descriptor, source: 0, manifest };
  const entries = manifest.kind === "index" ? manifest.entries : [];
  return {
    parts: [top, ...entries.map((descriptor) => ({ descriptor, source: 0 }))],
    top,
    rebuilt: [],
    strangers: new Set(),
  };
}

function originOf(sources: readonly MergeSource[], merged: Merged): TagOrigin {
  const tops = sources.map(({ manifest }, source) => ({
    descriptor: describeManifest(manifest.content),
    source,
    manifest,
  }));
  const top = merged.verbatim === undefined ? undefined : tops[merged.verbatim];
  const parts = [...top ? [top] : [], ...merged.fromSources];
  const kept = new Set(parts.map((part) => part.descriptor.digest));
  return {
    parts: parts.filter((part, i) =>
      parts.findIndex((p) => p.descriptor.digest === part.descriptor.digest) ===
        i
    ),
    top,
    rebuilt: tops.filter((part) => !kept.has(part.descriptor.digest)),
    strangers: new Set(merged.strangers.map((e) => e.descriptor.digest)),
  };
}

/** Works out what a tag is to hold. */
export class ImageDecider {
  readonly #task: MirrorTask;
  readonly #options: MirrorOptions;
  readonly #contexts: readonly CopyContext[];
  readonly #signal: AbortSignal;

  /**
   * @param contexts one for each source of the task
   */
  constructor(
    task: MirrorTask,
    options: MirrorOptions,
    contexts: readonly CopyContext[],
    signal: AbortSignal,
  ) {
    this.#task = task;
    this.#options = options;
    this.#contexts = contexts;
    this.#signal = signal;
  }

  /** Decides, with two requests where both sides agree already. */
  async decide(): Promise<Decision> {
    const { overwrite } = this.#options;
    const [heads, existing] = overwrite
      ? [[], undefined]
      : await this.#lookAtBothSides();
    if (
      existing && heads.length === 1 && heads[0] === existing.content.digest
    ) {
      const nothing = await this.#nothingOf(existing);
      if (nothing) return { kind: "skipped", nothing };
      return {
        kind: "up-to-date",
        existing,
        origin: originOfWhole(existing),
        sourceDigests: heads,
      };
    }
    const sources = await this.#readSources(heads, existing);
    if (sources.every((source) => source.selected.size === 0)) {
      const { filter } = this.#options;
      return { kind: "skipped", nothing: nothingSelected(filter, sources) };
    }
    const merged = mergeIndex(sources, await this.#rivals(sources, existing));
    const origin = originOf(sources, merged);
    const sourceDigests = sources.map((s) => s.manifest.content.digest);
    const merge = describeMerge(this.#options.filter, sources, merged);
    const told = { origin, sourceDigests, merge };
    return existing && merged.content.digest === existing.content.digest
      ? { kind: "up-to-date", existing, ...told }
      : { kind: "write", merged, existing, ...told };
  }

  /**
   * Why nothing is selected of an image that both sides hold. An index mostly
   * says it itself; a single manifest costs one request for its config, unless
   * the filter takes everything.
   */
  async #nothingOf(held: Manifest): Promise<NothingSelected | undefined> {
    const { filter } = this.#options;
    if (selectsEverything(filter)) return undefined;
    const context = this.#contexts[0]!;
    context.manifestCache.set(held.content.digest, held);
    const reader = this.#sourceReader(context, this.#signal);
    const source = await this.#select(reader, held, held);
    return source.selected.size === 0
      ? nothingSelected(filter, [source])
      : undefined;
  }

  #sourceReader(context: CopyContext, signal: AbortSignal): ImageReader {
    return sourceReader(
      context,
      (what, operation) => atSource(context, what, operation),
      signal,
    );
  }

  /** The sources' HEAD and the destination's GET, side by side. */
  async #lookAtBothSides(): Promise<[Digest[], Manifest | undefined]> {
    let existing: Manifest | undefined;
    const heads: Digest[] = [];
    await together<void>([
      ...this.#contexts.map((context, i) => async (signal: AbortSignal) => {
        heads[i] = await this.#headSource(context, this.#tagOf(i), signal);
      }),
      async (signal) => {
        existing = await this.readExisting(signal);
      },
    ], this.#signal);
    return [heads, existing];
  }

  async #headSource(
    context: CopyContext,
    tag: string,
    signal: AbortSignal,
  ): Promise<Digest> {
    const head = await atSource(
      context,
      `tag ${tag}`,
      context.source.headManifest(context.sourceRepository, tag, { signal }),
    );
    return head?.digest ?? this.#absent(context, tag);
  }

  /** What the destination's tag holds; 404 alone means nothing. */
  async readExisting(signal: AbortSignal): Promise<Manifest | undefined> {
    const context = this.#contexts[0]!;
    const tag = this.#task.destination.tag!;
    return await atDestination(
      context,
      `read tag ${tag} from`,
      (async () => {
        const content = await context.destination.getManifest(
          context.destinationRepository,
          tag,
          { signal },
        );
        if (!content) return undefined;
        try {
          return parseManifest(
            content.bytes,
            content.mediaType,
            content.digest,
          );
        } catch (error) {
          // Merging with what cannot be understood would lose it.
          throw error instanceof HangarError
            ? new HangarError(error.code, error.message, {
              cause: error,
              hint: "replace what the tag holds with --overwrite",
            })
            : error;
        }
      })(),
    );
  }

  #tagOf(source: number): string {
    return this.#task.sources[source]!.tag!;
  }

  #absent(context: CopyContext, reference: string): never {
    throw withContext(
      `cannot read ${reference} from source ${context.source.id}/${context.sourceRepository}`,
      new HangarError("not-found", "404, there is no such image", {
        status: 404,
        hint: "check the name and tag in the list",
      }),
    );
  }

  /** A manifest of a source, by tag or by digest. */
  async readSource(
    context: CopyContext,
    reference: string,
    digest: Digest | undefined,
    signal: AbortSignal = this.#signal,
  ): Promise<Manifest> {
    return await atSource(
      context,
      `manifest ${reference}`,
      (async () => {
        const content = await context.source.getManifest(
          context.sourceRepository,
          digest ?? reference,
          { signal },
        );
        return content
          ? parseManifest(content.bytes, content.mediaType, content.digest)
          : undefined;
      })(),
    ) ?? this.#absent(context, reference);
  }

  async #readSources(
    heads: readonly Digest[],
    existing: Manifest | undefined,
  ): Promise<MergeSource[]> {
    return await together(
      this.#contexts.map((context, i) => async (signal) => {
        const manifest = await this.readSource(
          context,
          this.#tagOf(i),
          heads[i],
          signal,
        );
        context.manifestCache.set(manifest.content.digest, manifest);
        const reader = this.#sourceReader(context, signal);
        return await this.#select(reader, manifest, existing);
      }),
      this.#signal,
    );
  }

  async #select(
    reader: ImageReader,
    manifest: Manifest,
    existing: Manifest | undefined,
  ): Promise<MergeSource> {
    const alone = this.#contexts.length === 1 && existing === undefined;
    if (manifest.kind === "image") {
      return await this.#selectSingle(reader, manifest, alone);
    }
    const selected = await selectEntries(
      manifest.entries,
      this.#options,
      (entry) => inspectEntry(reader, entry),
    );
    const rivals = existing?.kind === "index"
      ? existing.entries
      : alone
      ? []
      : manifest.entries;
    return {
      manifest,
      entries: await mergeEntries(reader, manifest, rivals),
      selected: new Set(selected.map((entry) => entry.digest)),
    };
  }

  async #selectSingle(
    reader: ImageReader,
    manifest: Manifest & { kind: "image" },
    alone: boolean,
  ): Promise<MergeSource> {
    const { filter } = this.#options;
    const platform = alone && selectsEverything(filter)
      ? undefined
      : await platformOfImage(reader, manifest);
    // What names no platform cannot be the wrong one.
    const wanted = platform === undefined || matchesFilter(filter, platform);
    if (platform === undefined && this.#contexts.length > 1) {
      throw new HangarError(
        "conflict",
        `${manifest.content.digest} has no platform, so it cannot be merged with other sources of one tag`,
        { hint: "give it a tag of its own" },
      );
    }
    return {
      manifest,
      entries: await mergeEntries(reader, manifest, []),
      selected: new Set(wanted ? [manifest.content.digest] : []),
    };
  }

  /** What of the destination's content takes part in the merge. */
  async #rivals(
    sources: readonly MergeSource[],
    existing: Manifest | undefined,
  ): Promise<MergeExisting | undefined> {
    if (!existing) return undefined;
    // An artifact is pushed as it is, and replaced as a whole.
    const isArtifact = sources.some((source) =>
      source.manifest.kind === "image" &&
      source.entries.every((entry) => entry.key === undefined)
    );
    if (isArtifact) return undefined;
    const context = this.#contexts[0]!;
    const reader = destinationReader(
      context,
      (what, operation) =>
        atDestination(context, `read ${what} from`, operation),
      this.#signal,
    );
    const own = sources.flatMap((s) => s.entries.map((e) => e.descriptor));
    const known = own.some((d) => d.digest === existing.content.digest);
    if (existing.kind === "image" && known) {
      const entry = sources.flatMap((s) => s.entries)
        .find((e) => e.descriptor.digest === existing.content.digest)!;
      return { manifest: existing, entries: [entry] };
    }
    const entries = await mergeEntries(reader, existing, own);
    if (existing.kind === "image" && entries[0]?.key === undefined) {
      return undefined;
    }
    return { manifest: existing, entries };
  }
}
