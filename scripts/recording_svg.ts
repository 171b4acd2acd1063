/**
 * A recording of a terminal as SVG that plays by CSS: it needs no script, so it
 * plays within a page as an image too.
 *
 * @module
 */

import type { Run } from "./screen.ts";

/** What was on the screen from a time on. */
export interface Frame {
  /** In ms since the beginning. */
  readonly at: number;
  readonly lines: readonly (readonly Run[])[];
}

/** How the recording looks. */
export interface RecordingOptions {
  readonly columns: number;
  readonly rows: number;
  /** What it shows, for those who do not see it. */
  readonly title: string;
  /** How long the last frame stays, in ms. */
  readonly holdMs: number;
}

const CHAR = 8.2;
const LINE = 18;
const MARGIN = 14;
const BAR = 30;

/** Colours by SGR code. */
const COLORS: Readonly<Record<number, string>> = {
  0: "#d6dde6",
  1: "#ffffff",
  31: "#ff7b72",
  32: "#56d364",
  33: "#e3b341",
  36: "#56c7d6",
  90: "#8b97a5",
};

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** One line; each piece has its place, so that any font keeps the columns. */
function lineOf(runs: readonly Run[]): string {
  let column = 0;
  return runs.map(({ text, color }) => {
    const lead = text.length - text.trimStart().length;
    const shown = text.trim();
    const x = column + lead;
    column += text.length;
    if (shown === "") return "";
    const length = round(shown.length * CHAR);
    return `<text x="${round(x * CHAR)}" textLength="${length}" fill="${
      COLORS[color] ?? COLORS[0]
    }">${escaped(shown)}</text>`;
  }).join("");
}

/** The recording as one SVG. */
export function recordingSvg(
  frames: readonly Frame[],
  { columns, rows, title, holdMs }: RecordingOptions,
): string {
  const width = Math.ceil(columns * CHAR + 2 * MARGIN);
  const screen = rows * LINE;
  const height = screen + BAR + MARGIN;
  const total = Math.round(frames.at(-1)!.at + holdMs);
  const names = new Map<string, string>();
  const shown = frames.map(({ lines }, i) =>
    lines.map((runs, row) => {
      const drawn = lineOf(runs);
      if (drawn === "") return "";
      let name = names.get(drawn);
      if (name === undefined) names.set(drawn, name = `l${names.size}`);
      return `<use href="#${name}" y="${i * screen + row * LINE}"/>`;
    }).join("")
  );
  const steps = frames.map(({ at }, i) =>
    `${round(at / total * 100)}%{transform:translateY(-${i * screen}px)}`
  ).join("");
  const last = (frames.length - 1) * screen;
  const defs = [...names].map(([drawn, name]) => `<g id="${name}">${drawn}</g>`)
    .join("\n");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title">
<title id="title">${escaped(title)}</title>
<style>
text{font:13.6px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre}
#frames{transform:translateY(-${last}px)}
@keyframes play{${steps}100%{transform:translateY(-${last}px)}}
@media (prefers-reduced-motion:no-preference){#frames{animation:play ${total}ms step-end infinite}}
</style>
<defs>
${defs}
</defs>
<rect width="${width}" height="${height}" rx="9" fill="#161b22"/>
<circle cx="20" cy="16" r="5.5" fill="#ff5f57"/><circle cx="38" cy="16" r="5.5" fill="#febc2e"/><circle cx="56" cy="16" r="5.5" fill="#28c840"/>
<svg x="${MARGIN}" y="${BAR}" width="${width - 2 * MARGIN}" height="${screen}">
<g id="frames"><g transform="translate(0 13)">${shown.join("\n")}</g></g>
</svg>
</svg>
`;
}
