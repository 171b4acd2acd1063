/**
 * The report of a run, for programs: `--report` and the library. Its schema is
 * `docs/report.schema.json`. Within one `schemaVersion` fields are only added.
 *
 * @module
 */

import { describeError, HangarError, printable } from "../errors.ts";
import {
  imageKey,
  type ImageMerge,
  type ImagePlan,
  type MirrorEventSink,
  type MirrorOutcome,
  type MirrorTotals,
  type NothingSelected,
  type OutcomeKind,
  type PlatformDigest,
  type SparseIndex,
} from "../mirror/events.ts";
import { PhaseClock, type PhaseTimes } from "./phases.ts";

/** A reference, and its digest where that is known. */
export interface ReportedReference {
  /** In full, with registry and tag or digest. */
  readonly reference: string;
  /** Its digest: after a dry run, the one it would get. Undefined if not read. */
  readonly digest?: string;
}

/** The result for one image. */
export interface ReportedImage {
  /** The `[IMG:n]` ordinal of the log. */
  readonly id: number;
  /** Its lines in the list. */
  readonly lines: readonly number[];
  /** In list order: several where lines share a destination tag. */
  readonly sources: readonly ReportedReference[];
  /** The destination. */
  readonly destination: ReportedReference;
  /** How it ended. */
  readonly outcome: OutcomeKind;
  /** Blob bytes sent, those of broken attempts included. */
  readonly bytesSent: number;
  /** Blob bytes that were mounted instead of sent. */
  readonly bytesMounted: number;
  /** Its requests; a request for several images counts for the first. */
  readonly requests: number;
  /** Requests and transfers that were tried again. */
  readonly retries: number;
  /** When its work began, RFC 3339; undefined if it never did. */
  readonly startedAt?: string;
  /** How long it took, in ms. */
  readonly durationMs: number;
  /** How long it was in each phase, in ms. */
  readonly phases?: PhaseTimes;
  /** What the log warned of. */
  readonly warnings: readonly string[];
  /** What a validation found missing or different. */
  readonly findings?: readonly string[];
  /** What its index has, or would have: one manifest for each platform. */
  readonly platforms?: readonly PlatformDigest[];
  /** Set where the tag gets a rebuilt index instead of the source's. */
  readonly merge?: ImageMerge;
  /** Why nothing of it was selected, where nothing was. */
  readonly nothing?: NothingSelected;
  /** Set where the tag gets the source's index, but not all that it names. */
  readonly sparse?: SparseIndex;
  /** What a dry run would do. */
  readonly plan?: ImagePlan;
  /** Why it failed, or was interrupted. */
  readonly error?: {
    /** A code of a closed set; docs/troubleshooting.md lists them. */
    readonly code: string;
    /** In one line, the hint included. */
    readonly message: string;
    /** What can be done about it. */
    readonly hint?: string;
    /** HTTP status that a registry answered with. */
    readonly status?: number;
  };
}

/** The report of a run. */
export interface MirrorReport {
  /** The version of this schema. */
  readonly schemaVersion: 1;
  /** The program that wrote it. */
  readonly tool: { readonly name: "hangar"; readonly version: string };
  /** `mirror`, `mirror validate`, `receipt`, `sign` or `sign validate`. */
  readonly command: string;
  /** The list that was worked through. */
  readonly list: {
    /** The path that was given, or another name for it. */
    readonly name: string;
    /** Of its text: `sha256:…`, as `sha256sum` prints it for a file. */
    readonly digest: string;
    /** How many lines it has that are no comments, in all parts. */
    readonly lines: number;
  };
  /** The part of the list that this run took; undefined for the whole list. */
  readonly shard?: { readonly index: number; readonly count: number };
  /** Whether nothing was written. */
  readonly dryRun: boolean;
  /** RFC 3339. */
  readonly startedAt: string;
  /** RFC 3339. */
  readonly finishedAt: string;
  /** The exit code of the command. */
  readonly exitCode: number;
  /** Sums over all images. */
  readonly totals: MirrorTotals;
  /** In list order. */
  readonly images: readonly ReportedImage[];
  /** The registry hosts that were asked. */
  readonly hosts: readonly {
    /** `host[:port]` */
    readonly host: string;
    /** The most requests that were under way there at once. */
    readonly peak: number;
    /**
     * How often that had to be halved, since the host refused a request for now
     * (429, 503) or did not answer.
     */
    readonly cuts: number;
    /** Requests to it. */
    readonly requests?: number;
    /** Requests and transfers that were tried again there. */
    readonly retries?: number;
    /**
     * Whether it has shown, by refusing a wrong digest, that it checks the blobs
     * that it is sent. Then hangar left the digests of large ones to it.
     */
    readonly checksDigests?: boolean;
  }[];
  /** Lines of the list that are not images. */
  readonly invalidLines: readonly {
    readonly line: number;
    readonly text: string;
    readonly reason: string;
  }[];
  /** What the failed list holds: the lines to do again, in list order. */
  readonly failedLines: readonly {
    readonly line: number;
    readonly text: string;
    readonly reason: string;
  }[];
}

interface HostCount {
  requests: number;
  retries: number;
}

interface Count {
  readonly startedAt: string;
  readonly phases: PhaseClock;
  bytesSent: number;
  bytesMounted: number;
  requests: number;
  retries: number;
  readonly warnings: string[];
}

/** Collects events for a report. */
export class ReportCollector {
  readonly #counts = new Map<string, Count>();
  readonly #images: {
    readonly image: ReportedImage;
    readonly place: number;
  }[] = [];
  readonly #begun = new Set<string>();
  readonly #hosts = new Map<string, HostCount>();

  /** Takes an event. */
  readonly sink: MirrorEventSink = (event) => {
    if (event.type === "request") this.#hostOf(event.host).requests++;
    if (event.type === "retry" && event.host !== undefined) {
      this.#hostOf(event.host).retries++;
    }
    if (event.type === "image-finished") {
      this.#begun.add(imageKey(event));
      this.#add(event.outcome, event);
      this.#counts.delete(imageKey(event));
      return;
    }
    if (!("image" in event) || event.image === undefined) return;
    const { image, place } = event;
    const count = this.#countOf(imageKey({ image, place }));
    count.phases.sink(event);
    if (event.type === "blob-bytes") count.bytesSent += event.bytes;
    if (event.type === "request") count.requests++;
    if (event.type === "retry") count.retries++;
    if (event.type === "warning") count.warnings.push(event.message);
    if (event.type === "blob-finished" && event.how === "mounted") {
      count.bytesMounted += event.size;
    }
  };

  /** Adds an image that an interrupt kept from being started. */
  addUnstarted(
    outcome: MirrorOutcome,
    names: {
      readonly sources: readonly string[];
      readonly destination: string;
    },
  ): void {
    this.#add(outcome, names);
  }

  #add(
    outcome: MirrorOutcome,
    names: Parameters<ReportCollector["addUnstarted"]>[1],
  ): void {
    const { place = 0 } = outcome;
    this.#images.push({ image: this.#imageOf(outcome, names), place });
  }

  /** The images so far, in list order, and for each destination in turn. */
  images(): readonly ReportedImage[] {
    return this.#images.toSorted((a, b) =>
      a.image.id - b.image.id || a.place - b.place
    ).map(({ image }) => image);
  }

  /** Whether an image was begun. */
  hasBegun({ id, place }: MirrorOutcome): boolean {
    return this.#begun.has(imageKey({ image: id, place }));
  }

  /** What was counted of each host. */
  hosts(): ReadonlyMap<string, Readonly<HostCount>> {
    return this.#hosts;
  }

  #hostOf(host: string): HostCount {
    let count = this.#hosts.get(host);
    if (!count) this.#hosts.set(host, count = { requests: 0, retries: 0 });
    return count;
  }

  #countOf(key: string): Count {
    let count = this.#counts.get(key);
    if (!count) {
      count = {
        startedAt: new Date().toISOString(),
        phases: new PhaseClock(),
        bytesSent: 0,
        bytesMounted: 0,
        requests: 0,
        retries: 0,
        warnings: [],
      };
      this.#counts.set(key, count);
    }
    return count;
  }

  #imageOf(
    outcome: MirrorOutcome,
    names: {
      readonly sources: readonly string[];
      readonly destination: string;
    },
  ): ReportedImage {
    const { id, lines, kind, findings, plan, error } = outcome;
    const { merge, sparse, nothing } = outcome;
    const key = imageKey({ image: id, place: outcome.place });
    const wasStarted = this.#counts.has(key);
    const { phases, startedAt, ...count } = this.#countOf(key);
    return {
      id,
      lines,
      sources: names.sources.map((reference, i) => ({
        reference,
        digest: outcome.sourceDigests?.[i],
      })),
      destination: { reference: names.destination, digest: outcome.digest },
      outcome: kind,
      ...count,
      ...wasStarted ? { startedAt, phases: phases.times() } : {},
      durationMs: Math.round(outcome.durationMs),
      findings,
      platforms: outcome.platforms,
      merge,
      nothing,
      sparse,
      plan,
      error: error === undefined ? undefined : errorOf(error),
    };
  }
}

function errorOf(error: unknown): ReportedImage["error"] {
  return error instanceof HangarError
    ? {
      code: error.code,
      message: describeError(error),
      hint: error.hint === undefined ? undefined : printable(error.hint, 600),
      status: error.status,
    }
    : { code: "internal", message: describeError(error) };
}
