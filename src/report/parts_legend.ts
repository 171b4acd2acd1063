/**
 * `copied 2/3`: images of which some platforms were copied, on a terminal.
 *
 * @module
 */

import { counted } from "../counted.ts";
import type { MirrorOutcome } from "../mirror/events.ts";
import type { Console } from "./console.ts";

/** `2/3`: so many of its platforms an image has at its destination. */
export function partOf({ merge, sparse }: MirrorOutcome): string {
  const part = merge ?? sparse;
  return part ? `${part.selected.length}/${part.available}` : "";
}

/**
 * Says what `copied 2/3` and `PASS ~ 2/3` mean, before they are first seen on a
 * terminal.
 */
export class PartsLegend {
  readonly #console: Console;
  #isRebuiltSaid = false;
  #isKeptSaid = false;

  constructor(console: Console) {
    this.#console = console;
  }

  /** Takes the outcome of an image before its line is written. */
  explain(outcome: MirrorOutcome): void {
    const { kind, merge, sparse } = outcome;
    if (kind !== "copied" && kind !== "passed") return;
    const word = kind === "copied" ? "copied" : merge ? "PASS ~" : "PASS ==";
    const what = () => {
      const { selected, available } = (merge ?? sparse)!;
      return `${word} ${partOf(outcome)} is ${selected.length} of ${
        counted(available, "platform")
      }`;
    };
    if (merge && !this.#isRebuiltSaid) {
      this.#isRebuiltSaid = true;
      this.#console.info(
        `index rebuilt: ${what()}, so its digest is not the source's; --report has both`,
      );
    }
    if (sparse && !this.#isKeptSaid) {
      this.#isKeptSaid = true;
      this.#console.info(
        `index kept: ${what()}; the index and its digest are the source's`,
      );
    }
  }
}
