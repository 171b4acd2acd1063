/**
 * Decides what a tag must hold.
 *
 * @module
 */

import { readManifest } from "../../copy/read_manifest.ts";
import { placeName, type SourceSide } from "../../copy/sides.ts";
import { HangarError } from "../../errors.ts";
import type { Manifest } from "../../oci/manifest.ts";
import { matchesFilter, selectsEverything } from "../../oci/platform.ts";
import { allOf, together } from "../../together.ts";
import type { ImageRun } from "../image_run.ts";
import type { DecidedImage, DecideOptions, Decision } from "./decision.ts";
import { findHeld, type HeldEntries, NONE_HELD } from "./held_entries.ts";
import { originOfMerged, originOfWhole } from "./image_origin.ts";
import {
  destinationReader,
  type ImageReader,
  inspectEntry,
  mergeEntries,
  platformOfImage,
  sourceReader,
} from "./image_reader.ts";
import {
  type Merged,
  type MergeExisting,
  mergeIndex,
  type MergeSource,
} from "./merge_index.ts";
import { findPlatform, noPlatform } from "./one_platform.ts";
import { lookAtBothSides, type SourceLook, tagOf } from "./look_at_sides.ts";
import { readSource } from "./read_sides.ts";
import { selectEntries } from "./select.ts";
import { decideSparse, type IndexSource } from "./sparse_index.ts";
import {
  describeMerge,
  nothingSelected,
  tellIdle,
  tellReplaced,
} from "./tell_image.ts";

/** Decides what a tag must hold. */
export class TagDecider {
  readonly #run: ImageRun;
  readonly #options: DecideOptions;

  constructor(run: ImageRun, options: DecideOptions) {
    this.#run = run;
    this.#options = options.index === "whole"
      ? { ...options, filter: {} }
      : options;
  }

  /** Decides; with two requests when both sides agree already. */
  async decide(): Promise<Decision> {
    const { overwrite, filter, platform, mediaTypes } = this.#options;
    const [looks, existing] = overwrite
      ? [[], undefined]
      : await lookAtBothSides(this.#run, this.#options);
    if (
      existing && looks.length === 1 &&
      looks[0]!.digest === existing.content.digest && platform === undefined
    ) {
      return await this.#decideEqual(existing);
    }
    const manifests = await this.#readSources(looks);
    // The type is that of what the reference names, not of one of its platforms.
    const mediaType = manifests.map(({ content }) => content.mediaType)
      .find((type) => mediaTypes && !mediaTypes.includes(type));
    if (mediaType !== undefined) return { kind: "skipped", mediaType };
    const sources = await this.#selectAll(manifests, existing);
    if (sources.every((source) => source.selected.size === 0)) {
      return { kind: "skipped", nothing: nothingSelected(filter, sources) };
    }
    tellIdle(
      filter,
      sources,
      (i) => `${placeName(this.#run.sources[i]!)}:${tagOf(this.#run, i)}`,
      this.#run.events,
    );
    const [only] = sources;
    if (sources.length === 1 && this.#keepsIndex(only!)) {
      return await decideSparse(this.#run, only, existing);
    }
    return await this.#decideMerged(sources, existing);
  }

  /** Whether the tag gets a source's own index, whatever is selected of it. */
  #keepsIndex(source: MergeSource): source is IndexSource {
    return this.#options.index === "sparse" && source.manifest.kind === "index";
  }

  /** The tag holds what the source's does. */
  async #decideEqual(existing: Manifest): Promise<Decision> {
    const { filter, index } = this.#options;
    const source = this.#run.sources[0]!;
    const { digest } = existing.content;
    source.manifests.set(digest, existing);
    const reader = sourceReader(source, this.#run.signal);
    const isSparse = index === "sparse" && existing.kind === "index";
    if (isSparse || !selectsEverything(filter)) {
      // An index usually names its platforms; for a single manifest the config
      // is needed, one request, unless the filter takes everything.
      const selection = await this.#select(reader, existing, existing);
      if (selection.selected.size === 0) {
        const nothing = nothingSelected(filter, [selection]);
        return { kind: "skipped", nothing };
      }
      if (this.#keepsIndex(selection)) {
        return await decideSparse(this.#run, selection, existing);
      }
    }
    return {
      kind: "up-to-date",
      manifest: existing,
      existing,
      origin: originOfWhole(existing, await lackingEntries(reader, existing)),
      sourceDigests: [digest],
      held: NONE_HELD,
    };
  }

  async #decideMerged(
    sources: readonly MergeSource[],
    existing: Manifest | undefined,
  ): Promise<DecidedImage> {
    const { filter, index } = this.#options;
    const { merged, held } = await this.#merge(sources, existing);
    const { manifest } = merged;
    if (
      index === "sparse" && sources.length > 1 && merged.verbatim === undefined
    ) {
      this.#run.events.warn(
        `the tag is merged from ${sources.length} sources, so it cannot keep the index of one (--index sparse): it is rebuilt`,
      );
    }
    const isHeld = manifest.content.digest === existing?.content.digest;
    return {
      kind: isHeld ? "up-to-date" : "write",
      manifest,
      origin: originOfMerged(sources, merged),
      sourceDigests: sources.map((s) => s.manifest.content.digest),
      merge: describeMerge(filter, sources, merged),
      existing,
      held,
    };
  }

  /**
   * Merges with what the tag holds. An index may name what its registry does not
   * have, so what would be kept of it is looked for first.
   */
  async #merge(
    sources: readonly MergeSource[],
    existing: Manifest | undefined,
  ): Promise<{ readonly merged: Merged; readonly held: HeldEntries }> {
    const rivals = this.#options.replace
      ? undefined
      : await this.#rivals(sources, existing);
    const merged = mergeIndex(sources, rivals);
    const { manifest } = merged;
    if (
      !rivals || manifest.kind === "image" ||
      manifest.content.digest === existing?.content.digest
    ) {
      return { merged, held: NONE_HELD };
    }
    const held = await findHeld(this.#run, manifest.entries, existing);
    const selected = new Set(sources.flatMap((source) => [...source.selected]));
    const named = new Set<string>(manifest.entries.map((e) => e.digest));
    const isGone = ({ descriptor: { digest } }: MergeExisting["entries"][0]) =>
      named.has(digest) && !held.has(digest) && !selected.has(digest);
    const gone = rivals.entries.filter(isGone);
    if (gone.length === 0) return { merged, held };
    for (const { descriptor } of gone) {
      this.#run.events.warn(
        `the destination's tag names ${descriptor.digest}, but the destination does not hold it: it is left out`,
      );
    }
    const entries = rivals.entries.filter((entry) => !isGone(entry));
    return { merged: mergeIndex(sources, { ...rivals, entries }), held };
  }

  async #readSources(looks: readonly SourceLook[]): Promise<Manifest[]> {
    const { sources, signal } = this.#run;
    return await together(
      sources.map((source, i) => async (signal) =>
        looks[i]?.manifest ??
          await readSource(
            source,
            tagOf(this.#run, i),
            signal,
            looks[i]?.digest,
          )
      ),
      signal,
    );
  }

  async #selectAll(
    manifests: readonly Manifest[],
    existing: Manifest | undefined,
  ): Promise<MergeSource[]> {
    const { sources, signal } = this.#run;
    return await together(
      sources.map((source, i) => async (signal) => {
        const manifest = await this.#onePlatform(
          source,
          manifests[i]!,
          existing,
        );
        const reader = sourceReader(source, signal);
        return await this.#select(reader, manifest, existing);
      }),
      signal,
    );
  }

  /** The manifest of the one platform that is wanted. */
  async #onePlatform(
    source: SourceSide,
    whole: Manifest,
    existing: Manifest | undefined,
  ): Promise<Manifest> {
    const { platform } = this.#options;
    if (!platform || whole.kind === "image") return whole;
    const entry = findPlatform(whole.entries, platform);
    if (!entry) throw noPlatform(whole, platform, placeName(source));
    if (entry.digest === existing?.content.digest) {
      source.manifests.set(entry.digest, existing);
      return existing;
    }
    const { signal } = this.#run;
    return await readManifest(source, entry, { signal, keep: true });
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
    const lacking = await lackingEntries(reader, manifest);
    const entries = manifest.entries.filter((e) => !lacking.has(e.digest));
    const selected = await selectEntries(
      { ...manifest, entries },
      this.#options,
      {
        inspect: (entry) => inspectEntry(reader, entry),
        signal: this.#run.signal,
      },
    );
    const chosen = new Set(selected);
    const digests = new Set<string>(selected.map((entry) => entry.digest));
    const rivals = existing?.kind === "index"
      ? existing.entries
      : isAlone
      ? []
      : manifest.entries;
    return {
      manifest,
      entries: await mergeEntries(reader, manifest, rivals),
      selected: digests,
      unwanted: new Set(
        entries.filter((e) => digests.has(e.digest) && !chosen.has(e)),
      ),
      lacking,
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
    if (!existing || this.#options.alone) return undefined;
    // An artifact is pushed as it is, and replaced as a whole.
    const isArtifact = sources.some((source) =>
      source.manifest.kind === "image" &&
      source.entries.every((entry) => entry.key === undefined)
    );
    if (isArtifact) {
      tellReplaced(existing, this.#run.events);
      return undefined;
    }
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

/** Entries of an index that its source may lack, and does. */
async function lackingEntries(
  { holds }: ImageReader,
  manifest: Manifest,
): Promise<ReadonlySet<string>> {
  if (!holds || manifest.kind === "image") return new Set();
  const found = await allOf(
    manifest.entries.map(async ({ digest }) =>
      await holds(digest) ? [] : [digest]
    ),
  );
  return new Set<string>(found.flat());
}
