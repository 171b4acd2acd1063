/**
 * How a list is worked through, and what is done with it.
 *
 * @module
 */

import type { Narrowing } from "../lists/tags/tag_rules.ts";
import type { MirrorEventSink, MirrorOutcome } from "../mirror/events.ts";
import type { destinationOf } from "../mirror/plan/plan_addresses.ts";
import type { DestinationsOptions } from "../mirror/plan/plan_destinations.ts";
import type { MirrorPlan, planMirror } from "../mirror/plan/plan_mirror.ts";
import type { Shard } from "../mirror/plan/shard.ts";
import type { ImageWork } from "../mirror/pool/for_each_image.ts";
import type { SourceStore, Trace } from "../oci/store.ts";
import type { Console } from "../report/console.ts";
import type { MirrorReport } from "../report/json_report.ts";
import type { summaryLine } from "../report/summary.ts";
import type { ProgressMode } from "./list_progress.ts";
import type { LogOptions } from "./log_console.ts";
import type {
  ReachOptions,
  RegistryAccess,
} from "./network/connect_network.ts";
import type { Network } from "./network/network.ts";
import type { ListInput, OutputPaths } from "./read_list.ts";
import type { LogJob } from "./run_log.ts";

/** The most images at once. */
export const MAX_JOBS = 20;

/** How a list is worked through. */
export interface ListRunOptions
  extends
    DestinationsOptions,
    ReachOptions,
    LogOptions,
    OutputPaths,
    Narrowing {
  readonly input: ListInput;
  /** The part that this run takes. @default {the whole list} */
  readonly shard?: Shard;
  /** Images at once. */
  readonly jobs: number;
  /** Whether a list may say otherwise. @default {false} */
  readonly areJobsDefault?: boolean;
  /** As `skopeo sync --scoped`, for lists of skopeo's. @default {false} */
  readonly scoped?: boolean;
  /** Per image, in ms; 0 for no limit. */
  readonly timeoutMs: number;
  readonly skipLogin: boolean;
  /** @default {"none"} */
  readonly progress?: ProgressMode;
  /** Receives the report, as a program's caller does. */
  readonly onReport?: (report: MirrorReport) => void;
  /** Receives every event. */
  readonly onEvent?: MirrorEventSink;
  /** Warnings about the options. */
  readonly warnings: readonly string[];
  /** Replaces parts of the user's own credentials and certificates. */
  readonly access?: Partial<RegistryAccess>;
}

/** What is done with a list, and how it is reported. */
export interface ListJob {
  readonly command: string;
  /** @default {false} */
  readonly dryRun?: boolean;
  /** @default {planMirror} */
  readonly plan?: typeof planMirror;
  /** Where lines that choose look for tags. @default {sourceAddress} */
  readonly placeOf?: typeof destinationOf;
  /** The store that lists them. @default {that of the place} */
  readonly tagsFrom?: SourceStore;
  /** Where a list sends images does not matter. @default {false} */
  readonly isToArchive?: boolean;
  readonly log: LogJob;
  readonly summary: typeof summaryLine;
  /** Whether the destinations are asked for a login first. */
  readonly needsLogin: boolean;
  /** What is done before the first image. */
  readonly prepare?: (
    network: Network,
    plan: MirrorPlan,
    console: Console,
    signal: AbortSignal,
  ) => Promise<void>;
  readonly work: (
    network: Network,
    plan: MirrorPlan,
    trace: Trace | undefined,
  ) => ImageWork;
  /**
   * What is done after the last image.
   *
   * @returns whether it succeeded
   */
  readonly finish?: (
    outcomes: readonly MirrorOutcome[],
    console: Console,
    signal: AbortSignal,
  ) => Promise<boolean>;
}
