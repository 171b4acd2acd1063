/**
 * Decides what a destination reference must hold, from both sides. Mirroring
 * acts on the decision, a dry run reports it, validation compares with it.
 *
 * @module
 */

import {
  atDestination,
  atSource,
  placeName,
  type SourceSide,
} from "../../copy/sides.ts";
import { HangarError, withContext } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Manifest } from "../../oci/manifest.ts";
import { parseContent } from "../../oci/parse_manifest.ts";
import { matchesFilter, selectsEverything } from "../../oci/platform.ts";
import { together } from "../../together.ts";
import type { ImageMerge, NothingSelected } from "../events.ts";
import type { ImageRun } from "../image_run.ts";
import {
  type ImageOrigin,
  originOfMerged,
  originOfWhole,
} from "./image_origin.ts";
import {
  destinationReader,
  type ImageReader,
  inspectEntry,
  mergeEntries,
  platformOfImage,
  sourceReader,
} from "./image_reader.ts";
import {
  type MergeExisting,
  mergeIndex,
  type MergeSource,
} from "./merge_index.ts";
import { selectEntries, type Selection } from "./select.ts";
import { describeMerge, nothingSelected } from "./tell_image.ts";

/** What a decision depends on. */
export interface DecideOptions extends Selection {
  /**
   * Ignore what the destination tag holds, and recheck all content there.
   *
   * @default {false}
   */
  readonly overwrite?: boolean;
}

/** Nothing of the image was selected. */
export interface SkippedImage {
  readonly kind: "skipped";
  readonly nothing: NothingSelected;
}

/** What the destination reference must hold. */
export interface DecidedImage {
  /** Whether it holds that already. */
  readonly kind: "up-to-date" | "write";
  readonly manifest: Manifest;
  readonly origin: ImageOrigin;
  /** What the sources' references point at, in their order. */
  readonly sourceDigests: readonly Digest[];
  /** Set when the manifest is an index that no source has. */
  readonly merge?: ImageMerge;
  /** What the reference holds now; not read with `overwrite`. */
  readonly existing?: Manifest;
}

/** The decision on a destination reference. */
export type Decision = SkippedImage | DecidedImage;

/** Decides; with two requests when both sides agree already. */
export async function decide(
  run: ImageRun,
  options: DecideOptions,
): Promise<Decision> {
  const { digest } = run.task.destination;
  return digest === undefined
    ? await new TagDecider(run, options).decide()
    : await decidePinned(run, digest, options);
}

/** An image that the list names by digest: copied whole, never merged. */
async function decidePinned(
  run: ImageRun,
  digest: Digest,
  { overwrite }: DecideOptions,
): Promise<DecidedImage> {
  const existing = overwrite
    ? undefined
    // A manifest that cannot be parsed is replaced: nothing is merged with it.
    : await readDestination(run).catch((error) => {
      if (isUnusable(error)) return undefined;
      throw error;
    });
  const isHeld = existing?.content.digest === digest;
  const manifest = isHeld
    ? existing
    : await readSource(run.sources[0]!, digest, run.signal);
  return {
    kind: isHeld ? "up-to-date" : "write",
    manifest,
    origin: originOfWhole(manifest),
    sourceDigests: [digest],
    existing,
  };
}

/** What the destination reference holds; undefined where there is nothing. */
export async function readDestination(
  { task, destination, signal }: Pick<
    ImageRun,
    "task" | "destination" | "signal"
  >,
): Promise<Manifest | undefined> {
  const { store, repository } = destination;
  const { tag, digest } = task.destination;
  return await atDestination(
    destination,
    `read ${tag === undefined ? digest : `tag ${tag}`} from`,
    (async () => {
      const content = await store.getManifest(repository, tag ?? digest!, {
        signal,
      });
      if (!content) return undefined;
      try {
        return parseContent(content);
      } catch (error) {
        // A merge would lose content that cannot be parsed.
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

const UNUSABLE = new Set<string>([
  "invalid-manifest",
  "unsupported-manifest",
  "too-large",
]);

function isUnusable(error: unknown): boolean {
  return error instanceof HangarError && UNUSABLE.has(error.code);
}

/**
 * A manifest of a source, by tag or by digest.
 *
 * @param digest what the tag points at, where that is known
 */
async function readSource(
  source: SourceSide,
  reference: string,
  signal: AbortSignal,
  digest?: Digest,
): Promise<Manifest> {
  const { store, repository, manifests } = source;
  const content = await atSource(
    source,
    `manifest ${reference}`,
    (async () => {
      const content = await store.getManifest(repository, digest ?? reference, {
        signal,
      });
      return content && parseContent(content);
    })(),
  );
  const manifest = content ?? absent(source, reference);
  manifests.set(manifest.content.digest, manifest);
  return manifest;
}

function absent(source: SourceSide, reference: string): never {
  throw withContext(
    `cannot read ${reference} from source ${placeName(source)}`,
    new HangarError("not-found", "404, there is no such image", {
      status: 404,
      hint: "check the name and tag in the list",
    }),
  );
}

/** Decides what a tag must hold. */
class TagDecider {
  readonly #run: ImageRun;
  readonly #options: DecideOptions;

  constructor(run: ImageRun, options: DecideOptions) {
    this.#run = run;
    this.#options = options;
  }

  async decide(): Promise<Decision> {
    const { overwrite, filter } = this.#options;
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
        manifest: existing,
        existing,
        origin: originOfWhole(existing),
        sourceDigests: heads,
      };
    }
    const sources = await this.#readSources(heads, existing);
    if (sources.every((source) => source.selected.size === 0)) {
      return { kind: "skipped", nothing: nothingSelected(filter, sources) };
    }
    const merged = mergeIndex(sources, await this.#rivals(sources, existing));
    const { manifest } = merged;
    const isHeld = manifest.content.digest === existing?.content.digest;
    return {
      kind: isHeld ? "up-to-date" : "write",
      manifest,
      origin: originOfMerged(sources, merged),
      sourceDigests: sources.map((s) => s.manifest.content.digest),
      merge: describeMerge(filter, sources, merged),
      existing,
    };
  }

  /**
   * Why nothing is selected of an image that both sides hold. An index usually
   * names its platforms; for a single manifest the config is needed, one
   * request, unless the filter takes everything.
   */
  async #nothingOf(held: Manifest): Promise<NothingSelected | undefined> {
    const { filter } = this.#options;
    if (selectsEverything(filter)) return undefined;
    const source = this.#run.sources[0]!;
    source.manifests.set(held.content.digest, held);
    const reader = sourceReader(source, this.#run.signal);
    const selection = await this.#select(reader, held, held);
    return selection.selected.size === 0
      ? nothingSelected(filter, [selection])
      : undefined;
  }

  /** The sources' HEAD and the destination's GET, side by side. */
  async #lookAtBothSides(): Promise<[Digest[], Manifest | undefined]> {
    const { sources, signal } = this.#run;
    let existing: Manifest | undefined;
    const heads: Digest[] = [];
    await together<void>([
      ...sources.map((source, i) => async (signal: AbortSignal) => {
        heads[i] = await this.#headSource(source, this.#tagOf(i), signal);
      }),
      async (signal) => {
        existing = await readDestination({ ...this.#run, signal });
      },
    ], signal);
    return [heads, existing];
  }

  async #headSource(
    source: SourceSide,
    tag: string,
    signal: AbortSignal,
  ): Promise<Digest> {
    const { store, repository } = source;
    const head = await atSource(
      source,
      `tag ${tag}`,
      store.headManifest(repository, tag, { signal }),
    );
    return head?.digest ?? absent(source, tag);
  }

  #tagOf(source: number): string {
    return this.#run.task.sources[source]!.tag!;
  }

  async #readSources(
    heads: readonly Digest[],
    existing: Manifest | undefined,
  ): Promise<MergeSource[]> {
    const { sources, signal } = this.#run;
    return await together(
      sources.map((source, i) => async (signal) => {
        const tag = this.#tagOf(i);
        const manifest = await readSource(source, tag, signal, heads[i]);
        const reader = sourceReader(source, signal);
        return await this.#select(reader, manifest, existing);
      }),
      signal,
    );
  }

  async #select(
    reader: ImageReader,
    manifest: Manifest,
    existing: Manifest | undefined,
  ): Promise<MergeSource> {
    const isAlone = this.#run.sources.length === 1 && existing === undefined;
    if (manifest.kind === "image") {
      return await this.#selectSingle(reader, manifest, isAlone);
    }
    const selected = await selectEntries(manifest, this.#options, {
      inspect: (entry) => inspectEntry(reader, entry),
      signal: this.#run.signal,
    });
    const rivals = existing?.kind === "index"
      ? existing.entries
      : isAlone
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
    isAlone: boolean,
  ): Promise<MergeSource> {
    const { filter } = this.#options;
    const platform = isAlone && selectsEverything(filter)
      ? undefined
      : await platformOfImage(reader, manifest);
    // A manifest without a platform cannot have the wrong one.
    const wanted = platform === undefined || matchesFilter(filter, platform);
    if (platform === undefined && this.#run.sources.length > 1) {
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

  /** The part of the destination's content that takes part in the merge. */
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
    const own = sources.flatMap((source) => source.entries);
    const held = own.find((entry) =>
      entry.descriptor.digest === existing.content.digest
    );
    if (existing.kind === "image" && held) {
      return { manifest: existing, entries: [held] };
    }
    const { destination, signal } = this.#run;
    const entries = await mergeEntries(
      destinationReader(destination, signal),
      existing,
      own.map((entry) => entry.descriptor),
    );
    if (existing.kind === "image" && entries[0]?.key === undefined) {
      return undefined;
    }
    return { manifest: existing, entries };
  }
}
