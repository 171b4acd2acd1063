/**
 * Lines at the bottom of a terminal that change, below a log that grows.
 *
 * @module
 */

/** A terminal to paint on. */
export interface Terminal {
  write(text: string): void;
  size(): { readonly columns: number; readonly rows: number };
}

const TO_END_OF_LINE = "\x1b[K";
const TO_END_OF_SCREEN = "\x1b[J";
// Terminals that know them show all between the two at once.
const BEGIN = "\x1b[?2026h";
const END = "\x1b[?2026l";

/** How wide a line is: colours take no room. */
function widthOf(line: string): number {
  // deno-lint-ignore no-control-regex
  return line.replace(/\x1b\[\d*m/g, "").length;
}

/**
 * Paints the lines again in one write, over the old ones, so that nothing
 * flickers. The cursor stays after the last line.
 */
export class LiveDisplay {
  readonly #terminal: Terminal;
  /** The lines on the screen. */
  #lines: readonly string[] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /**
   * Paints lines, which may have colours. Each must be shorter than the terminal
   * is wide.
   */
  paint(lines: readonly string[]): void {
    if (lines.length === this.#lines.length) {
      if (lines.every((line, i) => line === this.#lines[i])) return;
    }
    const text = lines.map((line) => line + TO_END_OF_LINE).join("\n");
    this.#write(`${this.#home()}${text}${TO_END_OF_SCREEN}`);
    this.#lines = lines;
  }

  /** Writes whole lines of log above the painted ones. */
  log(text: string): void {
    const lines = this.#lines;
    this.#write(
      `${this.#home()}${TO_END_OF_SCREEN}${text}${
        lines.map((line) => line + TO_END_OF_LINE).join("\n")
      }`,
    );
  }

  /** Removes the painted lines. */
  clear(): void {
    if (this.#lines.length === 0) return;
    this.#write(`${this.#home()}${TO_END_OF_SCREEN}`);
    this.#lines = [];
  }

  /** Moves the cursor to the first painted line, also after a resize. */
  #home(): string {
    const { columns } = this.#terminal.size();
    // A terminal that became narrower has broken the lines that were there.
    const rows = this.#lines.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)),
      0,
    );
    return rows > 1 ? `\r\x1b[${rows - 1}A` : "\r";
  }

  #write(text: string): void {
    this.#terminal.write(`${BEGIN}${text}${END}`);
  }
}
