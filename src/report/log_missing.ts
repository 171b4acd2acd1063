/**
 * The log of a run with `--missing`.
 *
 * @module
 */

import {
  imageKey,
  type MirrorEvent,
  type MirrorEventSink,
} from "../mirror/events.ts";
import type { Console } from "./console.ts";
import { logEvents, logOutcome } from "./log_events.ts";
import type { ResultRows } from "./result_rows.ts";

/**
 * Writes the events of a run that leaves alone what is there: that an image is
 * copied is said once it is seen not to be there.
 */
export function logMissing(
  console: Console,
  rows?: ResultRows,
): MirrorEventSink {
  const log = logEvents(console, rows);
  if (rows) return log;
  const started = new Map<string, MirrorEvent>();
  return (event) => {
    if (event.image === undefined) return log(event);
    const key = imageKey({ ...event, image: event.image });
    if (event.type === "image-started") {
      started.set(key, event);
      return;
    }
    const begin = started.get(key);
    const isEnd = event.type === "image-finished";
    if (begin && (isEnd || event.type === "phase")) started.delete(key);
    if (isEnd && event.outcome.kind === "present") {
      return logOutcome(console, event, 0, "info");
    }
    if (begin && event.type === "phase") log(begin);
    log(event);
  };
}
