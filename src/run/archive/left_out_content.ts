/**
 * Content that an archive has left out, since the far side has it: it is looked
 * for there before it is needed.
 *
 * @module
 */

import { pooledMap } from "@std/async/pool";
import type { ContentLedger } from "../../copy/content_ledger.ts";
import { HangarError } from "../../errors.ts";
import type { ArchiveRecord, LeftOut } from "../../layout/archive_record.ts";
import { fullName } from "../../layout/archive_index.ts";
import type { Stores } from "../../mirror/image_run.ts";
import {
  destinationOf,
  type PlanOptions,
} from "../../mirror/plan/plan_addresses.ts";
import type { MirrorPlan } from "../../mirror/plan/plan_mirror.ts";
import {
  type ImageAddress,
  imageAt,
  type RegistryAddress,
} from "../../names/address.ts";
import { parseRepository } from "../../names/reference.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type {
  CallOptions,
  DestinationStore,
  SourceStore,
} from "../../oci/store.ts";

/** How many requests look for content at once. */
const LOOKS_AT_ONCE = 16;

/** What the search needs of a run. */
export interface LookOptions {
  readonly stores: Pick<Stores, "destination">;
  readonly blobs: ContentLedger;
  readonly plan: MirrorPlan;
  readonly places: PlanOptions & {
    readonly furtherDestinations?: readonly RegistryAddress[];
  };
}

/** A repository at the destination that holds some content. */
interface Holder {
  readonly store: DestinationStore;
  readonly repository: string;
}

/** The content that an archive has left out. */
export class LeftOutContent {
  readonly #record: ArchiveRecord;
  readonly #options: LookOptions;
  readonly #reach: ReadonlyMap<string, ImageAddress["reach"]>;
  readonly #holders = new Map<Digest, Holder>();
  #search?: Promise<void>;

  constructor(record: ArchiveRecord, options: LookOptions) {
    this.#record = record;
    this.#options = options;
    this.#reach = new Map(
      options.plan.tasks.map(({ destination: { registry, reach } }) => [
        registry,
        reach,
      ]),
    );
  }

  /** Looks for all of it, once in a run. */
  async ready(signal: AbortSignal): Promise<void> {
    this.#search ??= this.#look(signal).catch((error) => {
      this.#search = undefined;
      throw error;
    });
    await this.#search;
  }

  async #look(signal: AbortSignal): Promise<void> {
    const places = destinationsBySource(this.#options.plan);
    const looks = pooledMap(
      LOOKS_AT_ONCE,
      this.#record.leftOut,
      async (content) => await this.#lookFor(content, places, signal),
    );
    try {
      for await (const _ of looks);
    } catch (error) {
      // The pool gathers the errors of its items.
      throw error instanceof AggregateError ? error.errors[0] : error;
    }
  }

  async #lookFor(
    content: LeftOut,
    places: ReadonlyMap<string, readonly ImageAddress[]>,
    signal: AbortSignal,
  ): Promise<void> {
    const { stores, blobs } = this.#options;
    const found = new Set<string>();
    for (const { repository, ...image } of this.#candidates(content, places)) {
      const store = stores.destination({ repository, ...image });
      if (found.has(store.id)) continue;
      const blob = { ...content, mediaType: "", json: {} };
      if (!await store.hasBlob(repository, blob, { signal })) continue;
      found.add(store.id);
      blobs.addHolder(store.id, repository, content.digest);
      this.#holders.set(content.digest, { store, repository });
    }
  }

  /** Where a base has brought some content, if it was loaded. */
  #candidates(
    { base, repositories }: LeftOut,
    places: ReadonlyMap<string, readonly ImageAddress[]>,
  ): ImageAddress[] {
    const { registry } = this.#record.bases[base]!;
    const all = repositories.flatMap((name) =>
      registry === undefined
        ? [...places.get(name) ?? [], ...this.#byDefault(name)]
        : this.#destinations().map((host) =>
          imageAt(host, { repository: name, tag: "latest" })
        )
    );
    return [...new Map(all.map((image) => [fullName(image), image])).values()]
      // Reached as the plan reaches the registry, by registries.conf too.
      .map((image) => ({ ...image, reach: this.#reach.get(image.registry) }));
  }

  /** Where an image goes that no line of the list sends elsewhere. */
  #byDefault(name: string): ImageAddress[] {
    const { registry, repository } = parseRepository(name);
    const source = { registry, repository, tag: "latest" };
    return this.#destinations().map((destination) =>
      destinationOf(
        { source, line: 0 },
        { ...this.#options.places, destination },
        name,
      )
    );
  }

  #destinations() {
    const { destination, furtherDestinations = [] } = this.#options.places;
    return destination ? [destination, ...furtherDestinations] : [];
  }

  /** An archive, with what it left out read from where it is. */
  around(archive: SourceStore): SourceStore {
    const leftOut = new Map(
      this.#record.leftOut.map((content) => [content.digest, content]),
    );
    const elsewhere = (blob: Descriptor): Holder | undefined => {
      const content = leftOut.get(blob.digest);
      if (!content) return undefined;
      const holder = this.#holders.get(blob.digest);
      if (holder) return holder;
      const { name, registry } = this.#record.bases[content.base]!;
      throw new HangarError(
        "not-found",
        `it was left out since ${name} has it, and the destination does not`,
        {
          status: 404,
          hint: registry === undefined
            ? `load ${name} first`
            : `${name} is the receipt of ${registry}: load into that registry, or save again without it`,
        },
      );
    };
    return new ArchiveWithBases(archive, elsewhere);
  }
}

/** The destinations of each source repository, by its full name. */
function destinationsBySource(
  { tasks }: MirrorPlan,
): Map<string, ImageAddress[]> {
  const places = new Map<string, ImageAddress[]>();
  for (const { sources, destination } of tasks) {
    for (const source of sources) {
      const known = places.get(fullName(source));
      if (known) known.push(destination);
      else places.set(fullName(source), [destination]);
    }
  }
  return places;
}

class ArchiveWithBases implements SourceStore {
  readonly id: string;
  readonly partial: SourceStore["partial"];
  readonly getManifest: SourceStore["getManifest"];
  readonly headManifest: SourceStore["headManifest"];
  readonly listTags: SourceStore["listTags"];
  readonly listReferrers: SourceStore["listReferrers"];
  readonly #archive: SourceStore;
  readonly #elsewhere: (blob: Descriptor) => Holder | undefined;

  constructor(
    archive: SourceStore,
    elsewhere: (blob: Descriptor) => Holder | undefined,
  ) {
    this.id = archive.id;
    this.partial = archive.partial;
    this.#archive = archive;
    this.#elsewhere = elsewhere;
    this.getManifest = archive.getManifest.bind(archive);
    this.headManifest = archive.headManifest.bind(archive);
    this.listTags = archive.listTags.bind(archive);
    this.listReferrers = archive.listReferrers.bind(archive);
  }

  async openBlob(
    repository: string,
    blob: Descriptor,
    options?: CallOptions & { readonly offset?: number },
  ): ReturnType<SourceStore["openBlob"]> {
    const holder = this.#elsewhere(blob);
    return holder
      ? await holder.store.openBlob(holder.repository, blob, options)
      : await this.#archive.openBlob(repository, blob, options);
  }

  async readBlob(
    repository: string,
    blob: Descriptor,
    limit: number,
    options?: CallOptions,
  ): Promise<Uint8Array> {
    const holder = this.#elsewhere(blob);
    return holder
      ? await holder.store.readBlob(holder.repository, blob, limit, options)
      : await this.#archive.readBlob(repository, blob, limit, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#archive[Symbol.asyncDispose]();
  }
}
