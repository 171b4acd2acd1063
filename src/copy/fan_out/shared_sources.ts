/**
 * Sources that several destinations read: what one of them has read, the others
 * are given.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { abortable } from "@std/async/abortable";
import type { ByteReader } from "../../bytes.ts";
import type { Descriptor } from "../../oci/manifest.ts";
import type {
  CallOptions,
  SourceStore,
  TransferGate,
} from "../../oci/store.ts";
import type { Company } from "./company.ts";
import { RecentReads } from "../recent_reads.ts";
import { RecentAnswers } from "../recent_source.ts";
import { SharedRead } from "./shared_read.ts";

/** Blobs up to this size are read whole and kept for a while. */
export const WHOLE_BYTES = 512 * 1024;

/** Memory for manifests and for small blobs, in bytes each. */
const RECENT_BYTES = 32 * 1024 * 1024;

/** How long a blob waits for other destinations that may lack it, in ms. */
const GATHER_MS = 400;
/** How long destinations wait for slots together, in ms. */
const ENTER_MS = 2_000;

/** One destination, at work on one image. */
export interface Reader {
  readonly place: number;
  readonly company: Company;
}

/** Options of {@linkcode SharedSources}. */
export interface SharedSourcesOptions {
  readonly gate: TransferGate;
  /** The destinations' stores: what is read there is not shared. */
  readonly destinationIds: ReadonlySet<string>;
  /** The end of the run. */
  readonly signal: AbortSignal;
}

/** What all destinations of a run share. */
export class SharedSources {
  readonly #options: SharedSourcesOptions;
  readonly answers = new RecentAnswers(RECENT_BYTES);
  readonly blobs = new RecentReads<Uint8Array>(
    RECENT_BYTES,
    (bytes) => bytes.byteLength,
  );
  readonly #gatherings = new Map<string, Gathering>();

  constructor(options: SharedSourcesOptions) {
    this.#options = options;
  }

  /**
   * Whether a source can be shared. At a host that is a destination too, those who
   * hold a slot as a destination would wait for one as a source.
   */
  mayShare({ id }: SourceStore): boolean {
    return !this.#options.destinationIds.has(id);
  }

  /**
   * Waits, with others that lack the blob, for the slots of its transfer to one
   * destination. The returned function gives them back.
   */
  async enter(
    store: SourceStore,
    place: { readonly repository: string; readonly destinationId: string },
    blob: Descriptor,
    { reader, signal }: CallOptions & { readonly reader: Reader },
  ): Promise<() => void> {
    const { gate } = this.#options;
    const { destinationId, repository } = place;
    const bytes = blob.size;
    if (bytes <= WHOLE_BYTES) {
      return await gate.enter([destinationId], { signal, bytes });
    }
    const key = keyOf(store, blob);
    let gathering = this.#gatherings.get(key);
    if (gathering?.settled) {
      await gathering.settled;
      gathering = this.#gatherings.get(key);
    }
    if (gathering && !gathering.mayJoin(reader.place)) {
      // Its beginning is gone, or it is read by others that are ahead.
      return await gate.enter([destinationId], { signal, bytes });
    }
    if (!gathering) {
      gathering = new Gathering({
        ...this.#options,
        store,
        repository,
        blob,
        onEnd: () => this.#gatherings.delete(key),
        openAlone: (offset, signal) =>
          this.openAlone(store, repository, blob, offset, signal),
      });
      this.#gatherings.set(key, gathering);
    }
    return await gathering.join(reader, destinationId, signal);
  }

  /** Opens a large blob, where it can be with others. */
  async open(
    store: SourceStore,
    repository: string,
    blob: Descriptor,
    options: {
      readonly reader: Reader;
      readonly offset: number;
      readonly signal: AbortSignal;
    },
  ): Promise<ByteReader> {
    const { reader, offset, signal } = options;
    const shared = this.#gatherings.get(keyOf(store, blob))?.read;
    if (shared?.has(reader.place)) {
      return shared.openAt(reader.place, offset, signal);
    }
    return await this.openAlone(store, repository, blob, offset, signal);
  }

  /** Opens a blob for one destination, with a slot of its own at the source. */
  async openAlone(
    store: SourceStore,
    repository: string,
    blob: Descriptor,
    offset: number,
    signal: AbortSignal,
  ): Promise<ByteReader> {
    const release = await this.#options.gate.enterWithin(store.id, {
      signal,
      bytes: blob.size,
    });
    try {
      return releasing(
        await store.openBlob(repository, blob, { offset, signal }),
        release,
      );
    } catch (error) {
      release();
      throw error;
    }
  }
}

function keyOf({ id }: SourceStore, { digest }: Descriptor): string {
  return `${id} ${digest}`;
}

/** Gives a slot back at the end, at a fault and when it is let go of. */
function releasing(inner: ByteReader, release: () => void): ByteReader {
  return {
    read: async () => {
      try {
        const piece = await inner.read();
        if (!piece) release();
        return piece;
      } catch (error) {
        release();
        throw error;
      }
    },
    cancel: async (reason) => {
      await inner.cancel(reason);
      release();
    },
  };
}

interface GatheringOptions extends SharedSourcesOptions {
  readonly store: SourceStore;
  readonly repository: string;
  readonly blob: Descriptor;
  readonly onEnd: () => void;
  readonly openAlone: (
    offset: number,
    signal: AbortSignal,
  ) => Promise<ByteReader>;
}

interface Member {
  readonly reader: Reader;
  readonly destinationId: string;
  readonly entered: PromiseWithResolvers<() => void>;
}

/** The destinations that one blob is read for. */
class Gathering {
  read?: SharedRead;
  readonly #options: GatheringOptions;
  readonly #members = new Map<number, Member>();
  #state: "gathering" | "entering" | "reading" = "gathering";
  #company?: Company;
  /** Set while the slots are waited for; resolves when that has ended. */
  settled?: Promise<void>;
  #joined = Promise.withResolvers<void>();

  constructor(options: GatheringOptions) {
    this.#options = options;
  }

  /** Whether a place can still be given all of the blob. */
  mayJoin(place: number): boolean {
    if (this.#members.has(place)) return false;
    if (this.#company && !this.#company.places.has(place)) return false;
    return this.#state === "gathering" ||
      this.#state === "reading" && this.read!.isOpen;
  }

  /** Waits for the slots; the returned function gives them back, and leaves. */
  async join(
    reader: Reader,
    destinationId: string,
    signal: AbortSignal = this.#options.signal,
  ): Promise<() => void> {
    const { gate, blob } = this.#options;
    if (this.#state === "reading") {
      this.read!.join(reader.place);
      try {
        const free = await gate.enterWithin(destinationId, {
          signal,
          bytes: blob.size,
        });
        return () => {
          free();
          this.read!.leave(reader.place);
        };
      } catch (error) {
        this.read!.leave(reader.place);
        throw error;
      }
    }
    const entered = Promise.withResolvers<() => void>();
    this.#members.set(reader.place, { reader, destinationId, entered });
    this.#joined.resolve();
    this.#joined = Promise.withResolvers<void>();
    if (this.#members.size === 1) void this.#go(reader.company);
    try {
      return await abortable(entered.promise, signal);
    } catch (error) {
      // Whoever leaves gives back what it is granted later.
      entered.promise.then((release) => release(), () => {});
      throw error;
    }
  }

  async #go(company: Company): Promise<void> {
    this.#company = company;
    await this.#gather(company);
    this.#state = "entering";
    this.settled = this.#enter();
    await this.settled;
    this.settled = undefined;
  }

  async #enter(): Promise<void> {
    const { gate, store, blob, signal, onEnd } = this.#options;
    const members = [...this.#members.values()];
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), ENTER_MS);
    try {
      const ids = [store.id, ...members.map((m) => m.destinationId)];
      const [freeSource, ...frees] = await gate.enterTogether(ids, {
        signal: AbortSignal.any([signal, late.signal]),
        bytes: blob.size,
      });
      this.#begin(members, freeSource!, frees);
    } catch {
      onEnd();
      // One of the destinations has no slot free: each goes by itself.
      for (const { destinationId, entered } of members) {
        gate.enter([destinationId], { signal, bytes: blob.size })
          .then(entered.resolve, entered.reject);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Waits until all in step are here, or have ended, or it takes too long. Whoever
   * does not come is not waited for again with this image: it may have the rest.
   */
  async #gather(company: Company): Promise<void> {
    const from = performance.now();
    const missing = () =>
      [...company.places].filter((place) =>
        !this.#members.has(place) && !company.absent.has(place)
      );
    while (missing().length > 0 && !this.#options.signal.aborted) {
      const waited = performance.now() - from;
      if (waited >= GATHER_MS) {
        for (const place of missing()) {
          company.absent.add(place);
          company.waitedFor(place, waited);
        }
        return;
      }
      const late = new AbortController();
      await Promise.race([
        this.#joined.promise,
        // The places change when a destination is done with the image.
        delay(20, { signal: late.signal }).catch(() => {}),
      ]);
      late.abort();
    }
  }

  #begin(
    members: readonly Member[],
    freeSource: () => void,
    frees: readonly (() => void)[],
  ): void {
    const { store, repository, blob, openAlone, onEnd } = this.#options;
    const { company } = members[0]!.reader;
    const read = new SharedRead({
      places: members.map(({ reader }) => reader.place),
      open: (offset, signal) =>
        store.openBlob(repository, blob, { offset, signal }),
      openAlone,
      waitedFor: (place, ms) => company.waitedFor(place, ms),
      onEnd: () => {
        freeSource();
        onEnd();
      },
    });
    this.read = read;
    this.#state = "reading";
    for (const [i, { reader, entered }] of members.entries()) {
      entered.resolve(() => {
        frees[i]!();
        read.leave(reader.place);
      });
    }
  }
}
