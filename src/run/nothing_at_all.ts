/**
 * A run in which nothing was selected, which counts as a mistake of the user.
 *
 * @module
 */

import type { MirrorOutcome } from "../mirror/events.ts";

/** More platforms than this are not named. */
const MAX_NAMED = 20;

/** Why a run did nothing; undefined where something was selected or failed. */
export function nothingAtAll(
  outcomes: readonly Pick<MirrorOutcome, "kind" | "nothing">[],
): string | undefined {
  const why = outcomes.flatMap(({ nothing }) => nothing ? [nothing] : []);
  const [first] = why;
  if (!first || outcomes.some(({ kind }) => kind !== "skipped")) {
    return undefined;
  }
  const available = [...new Set(why.flatMap((w) => w.available))].sort();
  const named = available.slice(0, MAX_NAMED).join(", ");
  const more = available.length - MAX_NAMED;
  return `nothing was selected of any image: wanted ${first.wanted}; there is ${
    named || "nothing"
  }${more > 0 ? ` and ${more} more` : ""}`;
}
