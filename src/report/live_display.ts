/**
 * Some lines at the bottom of a terminal that are painted anew, with the log
 * growing above them.
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
// Terminals that know it show what is between at once; others ignore it.
const BEGIN = "\x1b[?2026h";
const END = "\x1b[?2026l";

/**
 * Paints over what it painted before, line by line and in one write, so that
 * nothing flickers. The cursor stays behind the last line.
 */
export class LiveDisplay {
  readonly #terminal: Terminal;
  /** What is on the screen. */
  #lines: readonly string[] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Paints lines, each shorter than the terminal is wide. */
  paint(lines: readonly string[]): void {
    if (lines.length === this.#lines.length) {
      if (lines.every((line, i) => line === this.#lines[i])) return;
    }
    const text = lines.map((line) => line + TO_END_OF_LINE).join("\n");
    this.#write(`${this.#home()}${text}${TO_END_OF_SCREEN}`);
    this.#lines = lines;
  }

  /** Writes whole lines above what is painted. */
  log(text: string): void {
    const lines = this.#lines;
    this.#write(
      `${this.#home()}${TO_END_OF_SCREEN}${text}${
        lines.map((line) => line + TO_END_OF_LINE).join("\n")
      }`,
    );
  }

  /** Takes away what is painted. */
  clear(): void {
    if (this.#lines.length === 0) return;
    this.#write(`${this.#home()}${TO_END_OF_SCREEN}`);
    this.#lines = [];
  }

  /** To where the painted lines begin, also when the window was resized. */
  #home(): string {
    const { columns } = this.#terminal.size();
    // A terminal that became narrower has broken the lines that were there.
    const rows = this.#lines.reduce(
      (sum, { length }) => sum + Math.max(1, Math.ceil(length / columns)),
      0,
    );
    return rows > 1 ? `\r\x1b[${rows - 1}A` : "\r";
  }

  #write(text: string): void {
    this.#terminal.write(`${BEGIN}${text}${END}`);
  }
}
