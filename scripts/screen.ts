/**
 * As much of a terminal as hangar's display asks for, so that a script can see
 * what a user sees.
 *
 * @module
 */

/** Text of one colour; `color` is an SGR code, 0 for the usual one. */
export interface Run {
  readonly text: string;
  readonly color: number;
}

interface Cell {
  readonly char: string;
  readonly color: number;
}

const BLANK: Cell = { char: " ", color: 0 };

/** A screen of a size, on which the lines move up when it is full. */
export class Screen {
  readonly columns: number;
  readonly rows: number;
  #lines: Cell[][] = [[]];
  #row = 0;
  #column = 0;
  #color = 0;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /**
   * Writes text.
   *
   * @throws {Error} for control sequences that it does not know
   */
  write(text: string): void {
    // deno-lint-ignore no-control-regex
    for (const [token] of text.matchAll(/\x1b\[[?\d;]*[A-Za-z]|[^]/gu)) {
      if (token.length > 2) this.#control(token);
      else if (token === "\n") this.#newLine();
      else if (token === "\r") this.#column = 0;
      else this.#put(token);
    }
  }

  /** What is seen, line by line. */
  lines(): Run[][] {
    return this.#lines.map((cells) => {
      const runs: { text: string; color: number }[] = [];
      for (const { char, color } of cells) {
        const last = runs.at(-1);
        if (last?.color === color) last.text += char;
        else runs.push({ text: char, color });
      }
      return runs;
    });
  }

  #put(char: string): void {
    if (this.#column === this.columns) this.#newLine();
    const line = this.#lines[this.#row]!;
    while (line.length < this.#column) line.push(BLANK);
    line[this.#column++] = { char, color: this.#color };
  }

  #newLine(): void {
    this.#column = 0;
    this.#row++;
    this.#lines[this.#row] ??= [];
    if (this.#lines.length <= this.rows) return;
    this.#lines.shift();
    this.#row--;
  }

  #control(token: string): void {
    const parameter = token.slice(2, -1);
    const name = token.at(-1);
    const line = this.#lines[this.#row]!;
    switch (name) {
      case "m":
        this.#color = Number(parameter);
        return;
      case "A":
        this.#row = Math.max(0, this.#row - Number(parameter || 1));
        return;
      case "K":
        line.length = Math.min(line.length, this.#column);
        return;
      case "J":
        line.length = Math.min(line.length, this.#column);
        this.#lines.length = this.#row + 1;
        return;
      case "h":
      case "l":
        // Synchronized output: what is between comes at once anyway.
        if (parameter === "?2026") return;
    }
    throw new Error(`unknown control sequence: ${JSON.stringify(token)}`);
  }
}
