/**
 * After a run: messages about the failed images, and the failed list.
 *
 * @module
 */

import { describeError } from "../errors.ts";
import type { ImageList } from "../lists/image_list.ts";
import { writeFailedList } from "../machine/failed_list.ts";
import type { MirrorOutcome } from "../mirror/events.ts";
import type { Console } from "../report/console.ts";

/** How many failed images are listed again at the end of a run. */
const RECAPPED = 20;

/** Why an image failed, in one line. */
function reasonOf(outcome: MirrorOutcome): string {
  return outcome.findings?.join("; ") ??
    (outcome.kind === "interrupted"
      ? "interrupted before it was finished"
      : outcome.reason ?? describeError(outcome.error));
}

function textsOf(list: ImageList): ReadonlyMap<number, string> {
  return new Map(list.entries.map(({ line, text }) => [line, text]));
}

/**
 * Lists the failed images again at the end of the log, where users look.
 *
 * @param path the failed list, where there is one
 */
export function recap(
  list: ImageList,
  outcomes: readonly MirrorOutcome[],
  path: string | undefined,
  console: Console,
): void {
  const failed = outcomes.filter((outcome) => outcome.kind === "failed");
  if (failed.length === 0) return;
  const texts = textsOf(list);
  console.error(
    failed.length === 1 ? "1 image failed:" : `${failed.length} images failed:`,
  );
  for (const outcome of failed.slice(0, RECAPPED)) {
    const text = texts.get(outcome.lines[0]!) ?? "";
    console.error(`${text}: ${reasonOf(outcome)}`, outcome.id);
  }
  const more = failed.length - RECAPPED;
  if (more > 0) {
    console.error(
      `and ${more} more${path === undefined ? "" : `, in ${path}`}`,
    );
  }
}

/**
 * Writes the lines that were not done to the failed list. If that fails, they
 * are written to the log.
 */
export async function keepFailed(
  list: ImageList,
  outcomes: readonly MirrorOutcome[],
  path: string,
  console: Console,
): Promise<{ readonly failed: number; readonly isKept: boolean }> {
  const texts = textsOf(list);
  const failed = [
    ...list.invalid,
    ...outcomes.filter((o) => o.kind === "failed" || o.kind === "interrupted")
      .flatMap((outcome) =>
        outcome.lines.map((line) => ({
          line,
          text: texts.get(line)!,
          reason: reasonOf(outcome),
        }))
      ),
  ].sort((a, b) => a.line - b.line);
  try {
    await writeFailedList(path, list.name, failed);
    if (failed.length > 0) {
      console.warn(
        failed.length === 1
          ? `1 line failed; it is in ${path}`
          : `${failed.length} lines failed; they are in ${path}`,
      );
    }
  } catch (error) {
    // With a full disk, the user still gets the lines.
    console.error(describeError(error));
    for (const { text } of failed) console.error(`to do again: ${text}`);
    return { failed: failed.length, isKept: false };
  }
  return { failed: failed.length, isKept: true };
}
