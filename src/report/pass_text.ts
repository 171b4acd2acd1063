/**
 * What a validation found to be as it should be.
 *
 * @module
 */

import { counted } from "../counted.ts";
import type { MirrorOutcome } from "../mirror/events.ts";
import { partOf } from "./parts_legend.ts";

/** The line of an image that passed; `==` means equal digests. */
export function passText(
  source: string,
  destination: string,
  { digest, sourceDigests, merge, sparse }: MirrorOutcome,
): string {
  const isEqual = isVerbatim({ digest, sourceDigests, merge });
  if (!merge) {
    return `PASS: [${source}] ${isEqual ? "==" : "~"} [${destination}]${
      digest === undefined
        ? ": its tag is there"
        : sparse
        ? `: ${sparse.selected.length} of ${
          counted(sparse.available, "platform")
        } there (${sparse.selected.join(", ")})`
        : ""
    }`;
  }
  const { selected, available, kept } = merge;
  return [
    `PASS: [${source}] ~ [${destination}]: ${selected.length} of ${
      counted(available, "platform")
    } selected (${selected.join(", ")})`,
    ...kept.length > 0
      ? [
        `${kept.length} kept (${
          kept.map(({ platform, digest }) =>
            platform === undefined ? digest : `${platform} ${digest}`
          ).join(", ")
        })`,
      ]
      : [],
  ].join(", ");
}

/** The same in a word or two, for a column: `PASS ==`, `PASS ~ 2/3`. */
export function passWord(outcome: MirrorOutcome): string {
  const part = partOf(outcome);
  return `PASS ${isVerbatim(outcome) ? "==" : "~"}${part && ` ${part}`}`;
}

function isVerbatim(
  { digest, sourceDigests, merge }: Pick<
    MirrorOutcome,
    "digest" | "sourceDigests" | "merge"
  >,
): boolean {
  return merge === undefined && digest !== undefined &&
    sourceDigests?.includes(digest) === true;
}
