/**
 * A unit of work of a run.
 *
 * @module
 */

import type { HangarError } from "../../errors.ts";
import type { EntrySettings } from "../../lists/entry_settings.ts";
import type { ListEntry } from "../../lists/image_list.ts";
import type { ImageAddress } from "../../names/address.ts";

/** One unit of work: all that goes to one destination reference. */
export interface MirrorTask {
  /** Ordinal of its first entry. */
  readonly id: number;
  /** Every line it stands for, ascending. */
  readonly lines: readonly number[];
  /** What stands for each of these lines in a failed list, in their order. */
  readonly texts: readonly string[];
  /** In list order, each once. */
  readonly sources: readonly ImageAddress[];
  readonly destination: ImageAddress;
  /**
   * Which of several destinations of its line it is for, from 0. Undefined where
   * each line has one.
   */
  readonly place?: number;
  /** @default {it is copied as the flags have it} */
  readonly settings?: EntrySettings;
  /** When set, the task fails at once with this. */
  readonly refusal?: HangarError;
  /** When set, the task is left out with this warning. */
  readonly skip?: string;
}

/** A list entry with the addresses that result from it. */
export interface Step {
  readonly entry: ListEntry;
  readonly source: ImageAddress;
  readonly destination: ImageAddress;
}
