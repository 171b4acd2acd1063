/**
 * Which destinations check the digests of the blobs that they are sent.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import { digestAlgorithm, type VerifyMode } from "../../oci/digest.ts";
import type { Descriptor } from "../../oci/manifest.ts";
import type {
  BlobWriter,
  DigestTrialResult,
  StoreIdentity,
  TransferGate,
} from "../../oci/store.ts";
import type { Place } from "../sides.ts";

/** Smaller blobs are always hashed here: that costs less than a trial. */
const LARGE_BYTES = 1024 * 1024;

/** How often a trial is tried that a fault ended. */
const MAX_TRIALS = 3;

/** How long a trial may take, in ms. */
const TRIAL_MS = 60_000;

/** Options of {@linkcode DigestChecks}. */
export interface DigestChecksOptions {
  /** @default {"auto"} */
  readonly mode?: VerifyMode;
  /** The size of blobs from which on it is worth it, in bytes. @default {1 MiB} */
  readonly fromBytes?: number;
  /** Told of each store, once it has shown what it does. */
  readonly onResult?: (storeId: string, isChecking: boolean) => void;
}

/** Where blobs go, and the gate that bounds what is in transfer. */
export interface TrialPlace
  extends Place<StoreIdentity & Pick<BlobWriter, "digestTrier">> {
  readonly gate: TransferGate;
}

interface StoreHabit {
  result?: DigestTrialResult;
  trials: number;
  /** The trial that is under way; it never rejects. */
  running?: Promise<void>;
}

/** What is known, during one transfer, of its destination. */
export interface DigestCheck {
  /** Whether the destination has shown that it refuses a wrong digest. */
  isElsewhere(): boolean;
  /** Waits for the trial that this transfer began. */
  settled(): Promise<void>;
}

/** What is known, in this run, of how destinations treat a wrong digest. */
export class DigestChecks {
  readonly #options: DigestChecksOptions;
  readonly #habits = new Map<string, StoreHabit>();

  constructor(options: DigestChecksOptions = {}) {
    this.#options = options;
  }

  /** Whether a store has shown that it refuses a wrong digest. */
  isChecking(storeId: string): boolean {
    return this.#habits.get(storeId)?.result === "refused";
  }

  /**
   * For the transfer of a blob. The first large blob for a store begins a trial,
   * which goes on beside its transfer: nothing waits for it.
   *
   * @returns undefined where the blob is to be hashed in any case
   */
  forTransfer(
    place: TrialPlace,
    blob: Descriptor,
    signal: AbortSignal,
  ): DigestCheck | undefined {
    const { store } = place;
    const { mode, fromBytes = LARGE_BYTES } = this.#options;
    if (
      mode === "always" || !store.digestTrier ||
      blob.size < fromBytes ||
      digestAlgorithm(blob.digest) !== "sha256"
    ) {
      return undefined;
    }
    const own = this.#begin(place, signal);
    return {
      isElsewhere: () => this.isChecking(store.id),
      settled: async () => await own,
    };
  }

  /** Begins a trial if one is due. */
  #begin(place: TrialPlace, signal: AbortSignal): Promise<void> | undefined {
    const { id } = place.store;
    const habit = this.#habits.get(id) ?? { trials: 0 };
    this.#habits.set(id, habit);
    if (habit.result || habit.running || habit.trials >= MAX_TRIALS) {
      return undefined;
    }
    habit.trials++;
    habit.running = this.#try(place, signal).then((result) => {
      habit.running = undefined;
      habit.result = result;
      if (result === "refused" || result === "taken") {
        this.#options.onResult?.(id, result === "refused");
      }
    });
    return habit.running;
  }

  /** Undefined when a fault ended it that may not come again. */
  async #try(
    { store, repository, gate }: TrialPlace,
    given: AbortSignal,
  ): Promise<DigestTrialResult | undefined> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), TRIAL_MS);
    const signal = AbortSignal.any([given, late.signal]);
    let release = () => {};
    try {
      release = await gate.enter([store.id], { signal, bytes: 0 });
      return await store.digestTrier!.tryWrongDigest(repository, { signal });
    } catch (error) {
      const isPassing = signal.aborted ||
        error instanceof HangarError && error.temporary;
      return isPassing ? undefined : "unclear";
    } finally {
      clearTimeout(timer);
      release();
    }
  }
}
