/**
 * After a run: messages about what failed, and the failed list.
 *
 * @module
 */

import { counted } from "../counted.ts";
import { describeError } from "../errors.ts";
import type { ImageList } from "../lists/image_list.ts";
import { writeFailedList } from "../machine/failed_list.ts";
import type { MirrorOutcome } from "../mirror/events.ts";
import type { MirrorPlan } from "../mirror/plan/plan_mirror.ts";
import type { Console } from "../report/console.ts";

/** How much of what failed is listed again at the end of a run. */
const RECAPPED = 20;

/** Why an image failed, in one line. */
function reasonOf(outcome: MirrorOutcome): string {
  return outcome.findings?.join("; ") ??
    (outcome.kind === "interrupted"
      ? "interrupted before it was finished"
      : outcome.reason ?? describeError(outcome.error));
}

/** A list, what became of its tasks, and so what failed of it. */
interface FinishedList {
  readonly list: Pick<ImageList, "name" | "invalid">;
  readonly plan: Pick<MirrorPlan, "tasks">;
  /** In the order of the plan's tasks. */
  readonly outcomes: readonly MirrorOutcome[];
}

/**
 * Lists what failed again at the end of the log, where users look: images, and
 * lines that are no image.
 *
 * @param path the failed list, where there is one
 */
export function recap(
  { list, plan, outcomes }: FinishedList,
  path: string | undefined,
  console: Console,
): void {
  const isFanOut = plan.tasks.some(({ place }) => place !== undefined);
  const failed = outcomes.flatMap((outcome, i) => {
    if (outcome.kind !== "failed") return [];
    const { texts, destination } = plan.tasks[i]!;
    const where = isFanOut ? ` at ${destination.registry}` : "";
    const text = `${texts[0]}${where}: ${reasonOf(outcome)}`;
    return [{ text, image: outcome.id }];
  });
  const invalid = list.invalid.map(({ line, reason }) => ({
    text: `${list.name}:${line}: ${reason}`,
    image: undefined,
  }));
  const blocks = [
    [failed, `${counted(failed.length, "image")} failed:`],
    [
      invalid,
      `${counted(invalid.length, "line")} of the list failed:`,
    ],
  ] as const;
  for (const [all, head] of blocks) {
    if (all.length === 0) continue;
    console.error(head);
    for (const { text, image } of all.slice(0, RECAPPED)) {
      console.error(text, image);
    }
    const more = all.length - RECAPPED;
    if (more > 0) {
      console.error(
        `and ${more} more${path === undefined ? "" : `, in ${path}`}`,
      );
    }
  }
}

/** A line of the list that was not done. */
export interface UndoneLine {
  readonly line: number;
  /** What stands for it in a failed list. */
  readonly text: string;
  readonly reason: string;
}

/** The lines that were not done, in list order. */
export function failedLines(
  { list, plan, outcomes }: FinishedList,
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
 * @param isWhole whether the run came to its end: otherwise not all that is
 * left has failed
 */
export async function keepFailed(
  list: string,
  failed: readonly UndoneLine[],
  path: string,
  console: Console,
  isWhole = true,
): Promise<{ readonly failed: number; readonly isKept: boolean }> {
  try {
    await writeFailedList(path, list, failed);
    if (failed.length > 0) {
      console.warn(
        `${counted(failed.length, "line")} ${
          isWhole ? "failed" : "not done"
        }; ${failed.length === 1 ? "it is" : "they are"} in ${path}`,
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
