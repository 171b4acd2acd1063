/**
 * One image, from its source to its tag at the destination.
 *
 * @module
 */

import {
  atDestination,
  atSource,
  type CopyContext,
  type CopyEvents,
  type CopyTools,
} from "../copy/copy_context.ts";
import { copyContent, copyGraph, putManifest } from "../copy/copy_graph.ts";
import { together } from "../copy/together.ts";
import { HangarError, withContext } from "../errors.ts";
import { type Digest, digestAlgorithm } from "../oci/digest.ts";
import { type Manifest, parseManifest } from "../oci/manifest.ts";
import { matchesFilter, selectsEverything } from "../oci/platform.ts";
import type { DestinationStore, SourceStore } from "../oci/store.ts";
import {
  type Merged,
  type MergeExisting,
  mergeIndex,
  type MergeSource,
} from "./merge_index.ts";
import type { ImageAddress, MirrorTask } from "./plan.ts";
import { selectEntries, type Selection } from "./select.ts";
import {
  destinationReader,
  type ImageReader,
  inspectEntry,
  mergeEntries,
  platformOfImage,
  sourceReader,
} from "./source_image.ts";

/** How images are mirrored. */
export interface MirrorOptions extends Selection {
  /**
   * Ignore what the destination tag holds, and take nothing there for granted.
   *
   * @default {false}
   */
  readonly overwrite?: boolean;
}

/** What mirroring works with. */
export interface MirrorTools extends CopyTools {
  readonly source: (image: ImageAddress) => SourceStore;
  readonly destination: (image: ImageAddress) => DestinationStore;
}

/** What came of an image that did not fail. */
export interface MirrorResult {
  readonly kind: "copied" | "up-to-date" | "skipped";
  /** What the destination reference points at now. */
  readonly digest?: Digest;
}

/** What one image reports while it is mirrored. */
export interface ImageEvents extends CopyEvents {
  warn(message: string): void;
}

/** Mirrors one image. Nothing is tagged unless everything below it is there. */
export async function mirrorImage(
  task: MirrorTask,
  options: MirrorOptions,
  tools: MirrorTools,
  events: ImageEvents,
  signal: AbortSignal,
): Promise<MirrorResult> {
  if (task.refusal) throw task.refusal;
  const contexts = task.sources.map((image) => ({
    ...tools,
    source: tools.source(image),
    sourceRepository: image.repository,
    destination: tools.destination(task.destination),
    destinationRepository: task.destination.repository,
    events,
    cache: new Map(),
    manifestCache: new Map(),
    present: new Set<Digest>(),
  }));
  const image = new ImageMirror(task, options, contexts, events, signal);
  return task.destination.digest === undefined
    ? await image.mirrorTag()
    : await image.mirrorPinned(task.destination.digest);
}

class ImageMirror {
  readonly #task: MirrorTask;
  readonly #options: MirrorOptions;
  readonly #contexts: readonly CopyContext[];
  readonly #events: ImageEvents;
  readonly #signal: AbortSignal;

  constructor(
    task: MirrorTask,
    options: MirrorOptions,
    contexts: readonly CopyContext[],
    events: ImageEvents,
    signal: AbortSignal,
  ) {
    this.#task = task;
    this.#options = options;
    this.#contexts = contexts;
    this.#events = events;
    this.#signal = signal;
  }

  /** A digest asked for by name: whole, byte for byte, never merged. */
  async mirrorPinned(digest: Digest): Promise<MirrorResult> {
    const signal = this.#signal;
    const context = this.#contexts[0]!;
    const { destination, destinationRepository } = context;
    const { tag } = this.#task.destination;
    const recheck = this.#options.overwrite;
    const held = recheck ? undefined : await atDestination(
      context,
      `read ${tag ?? digest} from`,
      destination.headManifest(destinationRepository, tag ?? digest, {
        signal,
      }),
    );
    if (held?.digest === digest) return { kind: "up-to-date", digest };
    const manifest = await this.#readSource(context, digest, digest);
    await copyContent(context, manifest, { signal, recheck });
    // A tag makes its manifest known by its canonical digest alone.
    if (tag === undefined || digestAlgorithm(digest) !== "sha256") {
      await putManifest(context, manifest, digest, signal);
    }
    if (tag !== undefined) await putManifest(context, manifest, tag, signal);
    return { kind: "copied", digest };
  }

  /** A tag: selected, merged with what the destination's tag holds. */
  async mirrorTag(): Promise<MirrorResult> {
    const { overwrite } = this.#options;
    const [heads, existing] = overwrite
      ? [[], undefined]
      : await this.#lookAtBothSides();
    if (
      existing && heads.length === 1 && heads[0] === existing.content.digest
    ) {
      return { kind: "up-to-date", digest: existing.content.digest };
    }
    const sources = await this.#readSources(heads, existing);
    if (sources.every((source) => source.selected.size === 0)) {
      this.#events.warn("no available image for specified arch and os");
      return { kind: "skipped" };
    }
    const merged = mergeIndex(sources, await this.#rivals(sources, existing));
    const { digest } = merged.content;
    if (digest === existing?.content.digest) {
      return { kind: "up-to-date", digest };
    }
    await this.#copy(merged, existing);
    return { kind: "copied", digest };
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
        existing = await this.#readExisting(signal);
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

  async #readExisting(signal: AbortSignal): Promise<Manifest | undefined> {
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

  async #readSource(
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
        const manifest = await this.#readSource(
          context,
          this.#tagOf(i),
          heads[i],
          signal,
        );
        context.manifestCache.set(manifest.content.digest, manifest);
        const reader = sourceReader(
          context,
          (what, operation) => atSource(context, what, operation),
          signal,
        );
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

  /** Children first, the tag last. */
  async #copy(
    merged: Merged,
    existing: Manifest | undefined,
  ): Promise<void> {
    const recheck = this.#options.overwrite;
    const present = new Set<Digest>(
      existing?.kind === "index"
        ? existing.entries.map((entry) => entry.digest)
        : existing && [existing.content.digest],
    );
    const tag = this.#task.destination.tag!;
    const manifest = parseManifest(
      merged.content.bytes,
      merged.content.mediaType,
      merged.content.digest,
    );
    if (manifest.kind === "image") {
      const context = { ...this.#contexts[merged.verbatim!]!, present };
      await copyContent(context, manifest, { signal: this.#signal, recheck });
      await putManifest(context, manifest, tag, this.#signal);
      return;
    }
    await together(
      merged.fromSources.map(({ descriptor, source }) => (signal) =>
        copyGraph({ ...this.#contexts[source]!, present }, descriptor, {
          signal,
          recheck,
        })
      ),
      this.#signal,
    );
    await putManifest(this.#contexts[0]!, manifest, tag, this.#signal);
  }
}
