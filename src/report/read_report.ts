/**
 * Reports, read back. They come from other machines, so all that hangar uses of
 * them is checked. Fields of later versions are kept as they are.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { isJsonObject } from "../json.ts";
import type { MirrorTotals, OutcomeKind } from "../mirror/events.ts";
import type { MirrorReport } from "./json_report.ts";

/** A report that was written to a file; older ones lack what came later. */
export interface StoredReport
  extends Omit<MirrorReport, "list" | "failedLines"> {
  readonly list?: MirrorReport["list"];
  readonly failedLines?: MirrorReport["failedLines"];
}

/**
 * The largest report that is read, in bytes: ten times what a hundred thousand
 * images take.
 */
export const MAX_REPORT_BYTES = 512 * 1024 * 1024;

/** Refuses a value of another form; `where` is its path in the report. */
type Check = (value: unknown, where: string) => void;

function wrong(where: string, want: string): never {
  throw new HangarError("file", `${where || "it"} is not ${want}`);
}

const text: Check = (value, where) => {
  if (typeof value !== "string") wrong(where, "a text");
};

const count: Check = (value, where) => {
  if (!Number.isSafeInteger(value) || Number(value) < 0) {
    wrong(where, "a whole number");
  }
};

const flag: Check = (value, where) => {
  if (typeof value !== "boolean") wrong(where, "true or false");
};

function oneOf(...words: readonly unknown[]): Check {
  return (value, where) => {
    if (!words.includes(value)) wrong(where, `one of ${words.join(", ")}`);
  };
}

function listOf(check: Check): Check {
  return (value, where) => {
    if (!Array.isArray(value)) return wrong(where, "a list");
    value.forEach((item, i) => check(item, `${where}[${i}]`));
  };
}

function objectOf(
  needed: Readonly<Record<string, Check>>,
  optional: Readonly<Record<string, Check>> = {},
): Check {
  return (value, where) => {
    if (!isJsonObject(value)) return wrong(where, "an object");
    const path = (key: string) => where === "" ? key : `${where}.${key}`;
    for (const [key, check] of Object.entries(needed)) {
      check(value[key], path(key));
    }
    for (const [key, check] of Object.entries(optional)) {
      if (value[key] !== undefined) check(value[key], path(key));
    }
  };
}

/** An object of which every value is of one kind. */
function recordOf(check: Check): Check {
  return (value, where) => {
    if (!isJsonObject(value)) return wrong(where, "an object");
    for (const [key, each] of Object.entries(value)) {
      check(each, `${where}.${key}`);
    }
  };
}

const OUTCOMES: Readonly<Record<OutcomeKind, true>> = {
  "copied": true,
  "up-to-date": true,
  "present": true,
  "skipped": true,
  "passed": true,
  "signed": true,
  "planned": true,
  "failed": true,
  "interrupted": true,
};

const TOTALS: Readonly<Record<keyof MirrorTotals, Check>> = {
  copied: count,
  passed: count,
  signed: count,
  planned: count,
  upToDate: count,
  present: count,
  skipped: count,
  indexesRebuilt: count,
  indexesSparse: count,
  entriesKept: count,
  wantedEntriesKept: count,
  failed: count,
  interrupted: count,
  bytesSent: count,
  attachmentsFound: count,
  attachmentsCopied: count,
  signaturesMade: count,
  attestationsMade: count,
  bytesResent: count,
  retries: count,
  requests: count,
  bytesMounted: count,
  plannedBlobs: count,
  plannedBytes: count,
  plannedMountedBytes: count,
  durationMs: count,
};

/** Later versions may count more. */
const totals: Check = (value, where) => {
  objectOf(TOTALS)(value, where);
  recordOf(count)(value, where);
};

const amount = objectOf({ blobs: count, bytes: count });
const reference = objectOf({ reference: text }, { digest: text });
const line = objectOf({ line: count, text, reason: text });
const time: Check = (value, where) => {
  if (typeof value !== "string" || Number.isNaN(Date.parse(value))) {
    wrong(where, "a time");
  }
};

const image = objectOf({
  id: count,
  lines: listOf(count),
  sources: listOf(reference),
  destination: reference,
  outcome: oneOf(...Object.keys(OUTCOMES)),
  bytesSent: count,
  bytesMounted: count,
  requests: count,
  retries: count,
  durationMs: count,
  warnings: listOf(text),
}, {
  startedAt: time,
  phases: recordOf(count),
  findings: listOf(text),
  platforms: listOf(objectOf({ digest: text }, { platform: text })),
  merge: objectOf({
    selected: listOf(text),
    available: count,
    kept: listOf(objectOf({ digest: text, wanted: flag }, { platform: text })),
  }),
  sparse: objectOf({
    selected: listOf(text),
    available: count,
    lost: listOf(objectOf({ digest: text, platform: text })),
  }),
  nothing: objectOf({ wanted: text, available: listOf(text) }),
  plan: objectOf({
    platforms: listOf(text),
    send: amount,
    mount: amount,
    attachments: count,
  }),
  error: objectOf(
    { code: text, message: text },
    { hint: text, status: count },
  ),
});

const report = objectOf({
  schemaVersion: oneOf(1),
  tool: objectOf({ name: oneOf("hangar"), version: text }),
  command: text,
  dryRun: flag,
  startedAt: time,
  finishedAt: time,
  exitCode: oneOf(0, 1, 130),
  totals,
  images: listOf(image),
  hosts: listOf(objectOf(
    { host: text, peak: count, cuts: count },
    { requests: count, retries: count },
  )),
  invalidLines: listOf(line),
}, {
  list: objectOf({ name: text, digest: text, lines: count }),
  shard: objectOf({ index: count, count }),
  failedLines: listOf(line),
});

function isReport(value: unknown): value is StoredReport {
  report(value, "");
  return true;
}

/**
 * Reads a report.
 *
 * @param json the text of the file
 * @param name the file in errors
 * @throws {HangarError} `usage`, naming the file and what is wrong in it
 */
export function readReport(json: string, name: string): StoredReport {
  const refuse = (why: string, cause: unknown) =>
    new HangarError("usage", `${name} is no report of hangar: ${why}`, {
      cause,
    });
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw refuse("it is not JSON", cause);
  }
  try {
    const filled = isJsonObject(value) ? withDefaults(value) : value;
    if (isReport(filled)) return filled;
  } catch (cause) {
    if (!(cause instanceof HangarError)) throw cause;
    throw refuse(cause.message, cause);
  }
  throw new Error("unreachable: what is no report is refused with a reason");
}

/** Fields that the first reports of this schema version lack. */
function withDefaults(
  value: { readonly [key: string]: unknown },
): { readonly [key: string]: unknown } {
  const zeros = Object.fromEntries(Object.keys(TOTALS).map((key) => [key, 0]));
  return {
    hosts: [],
    invalidLines: [],
    ...value,
    totals: isJsonObject(value.totals)
      ? { ...zeros, ...value.totals }
      : value.totals,
  };
}
