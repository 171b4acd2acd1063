/**
 * After a run: messages about the failed images, and the failed list.
 *
 * @module
 */

import { describeError } from "../errors.ts";
import type { ImageList } from "../lists/image_list.ts";
import { writeFailedList } from "../machine/failed_list.ts";
import type { MirrorOutcome } from "../mirror/events.ts";
import type { MirrorPlan } from "../mirror/plan/plan_mirror.ts";
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

/**
 * Lists the failed images again at the end of the log, where users look.
 *
 * @param outcomes in the order of the plan's tasks
 * @param path the failed list, where there is one
 */
export function recap(
  { tasks }: Pick<MirrorPlan, "tasks">,
  outcomes: readonly MirrorOutcome[],
  path: string | undefined,
  console: Console,
): void {
  const failed = outcomes.flatMap((outcome, i) =>
    outcome.kind === "failed" ? [{ outcome, text: tasks[i]!.texts[0] }] : []
  );
  if (failed.length === 0) return;
  console.error(
    failed.length === 1 ? "1 image failed:" : `${failed.length} images failed:`,
  );
  for (const { outcome, text } of failed.slice(0, RECAPPED)) {
    console.error(`${text}: ${reasonOf(outcome)}`, outcome.id);
  }
  const more = failed.length - RECAPPED;
  if (more > 0) {
    console.error(
      `and ${more} more${path === undefined ? "" : `, in ${path}`}`,
    );
  }
}

/** A line of the list that was not done. */
export interface UndoneLine {
  readonly line: number;
  /** What stands for it in a failed list. */
  readonly text: string;
  readonly reason: string;
}

/**
 * The lines that were not done, in list order.
 *
 * @param outcomes in the order of the plan's tasks
 */
export function failedLines(
  { list, plan, outcomes }: {
    readonly list: ImageList;
    readonly plan: Pick<MirrorPlan, "tasks">;
    readonly outcomes: readonly MirrorOutcome[];
  },
): UndoneLine[] {
  const isUndone = ({ kind }: MirrorOutcome) =>
    kind === "failed" || kind === "interrupted";
  return onceEach([
    ...list.invalid,
    ...outcomes.flatMap((outcome, i) =>
      !isUndone(outcome) ? [] : outcome.lines.map((line, j) => ({
        line,
        // A line that chose tags stands for several images, each with its own
        // text.
        text: plan.tasks[i]!.texts[j]!,
        reason: reasonOf(outcome),
      }))
    ),
  ]).sort((a, b) => a.line - b.line);
}

/** What failed at several destinations is one line to do again. */
function onceEach(lines: readonly UndoneLine[]): UndoneLine[] {
  const byText = Map.groupBy(lines, ({ line, text }) => `${line} ${text}`);
  return [...byText.values()].map((same) => ({
    ...same[0]!,
    reason: [...new Set(same.map(({ reason }) => reason))].join("; "),
  }));
}

/**
 * Writes lines that were not done to the failed list. If that fails, they are
 * written to the log.
 *
 * @param list the name of the list
 */
export async function keepFailed(
  list: string,
  failed: readonly UndoneLine[],
  path: string,
  console: Console,
): Promise<{ readonly failed: number; readonly isKept: boolean }> {
  try {
    await writeFailedList(path, list, failed);
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
