/**
 * The time line of the run: when each image was worked on, and how much was sent
 * meanwhile.
 *
 * @module
 */

import { formatBytes, formatDuration } from "../src/report/format.ts";
import { legend, type Part, stepOf } from "./charts.ts";
import { el, svg } from "./dom.ts";
import {
  many,
  type Model,
  OUTCOME_NAMES,
  OUTCOMES,
  type Row,
} from "./model.ts";

const WIDTH = 1000;
/** Images beyond so many at once share rows. */
const MAX_LANES = 40;
const LANES_PX = 240;
const BINS = 150;
const S = 1000;
const M = 60 * S;
const H = 60 * M;
const STEPS = [
  100,
  200,
  500,
  ...[1, 2, 5, 10, 15, 30].map((n) => n * S),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * M),
  ...[1, 2, 3, 6, 12, 24, 48, 168].map((n) => n * H),
];

interface Placed {
  readonly row: Row;
  readonly start: number;
  readonly end: number;
  readonly lane: number;
}

/** Gives each image a row in which nothing else is at its time. */
export function place(rows: readonly Row[]): Placed[] {
  const ends: number[] = [];
  return rows.flatMap((row) => row.span ? [{ row, ...row.span }] : [])
    .sort((a, b) => a.start - b.start)
    .map(({ row, start, end }) => {
      let lane = ends.findIndex((free) => free <= start);
      if (lane < 0) {
        lane = ends.length < MAX_LANES
          ? ends.length
          : ends.indexOf(Math.min(...ends));
      }
      ends[lane] = Math.max(end, ends[lane] ?? 0);
      return { row, start, end, lane };
    });
}

/** The section; undefined where the report has no times. */
export function timeline(
  model: Model,
  open: (row: Row) => void,
): HTMLElement | undefined {
  const placed = place(model.rows);
  if (placed.length === 0) return undefined;
  const { start, end } = model;
  const length = Math.max(1, end - start);
  const lanes = 1 + placed.reduce((most, { lane }) => Math.max(most, lane), 0);
  const xOf = (at: number) => (at - start) / length * WIDTH;
  const height = Math.max(4, Math.min(16, Math.floor(LANES_PX / lanes)));
  const chart = svg(
    "svg",
    {
      class: "lanes",
      viewBox: `0 0 ${WIDTH} ${lanes * height}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": `Time line of ${
        many(placed.length, "image")
      }, at most ${lanes} at once, over ${formatDuration(length)}`,
    },
    ...grid(length, lanes * height),
    ...OUTCOMES.map((outcome) =>
      svg("path", {
        class: `fill-${outcome}`,
        d: placed.filter(({ row }) => row.image.outcome === outcome)
          .map(({ lane, start, end }) => {
            const x = xOf(start);
            const width = Math.max(1.2, xOf(end) - x - 0.8);
            const y = lane * height;
            return `M${x.toFixed(1)} ${y}h${width.toFixed(1)}v${height - 1}h-${
              width.toFixed(1)
            }z`;
          }).join(""),
      })
    ),
  );
  chart.style.height = `${lanes * height}px`;
  const box = el("div", { class: "plot" }, chart);
  addPointer(box, { placed, lanes, start, length, open });
  return el(
    "div",
    { class: "card" },
    legend(partsOf(placed)),
    box,
    ticks(length),
    ...rateChart(placed, start, length),
  );
}

function partsOf(placed: readonly Placed[]): Part[] {
  return OUTCOMES.map((outcome) => {
    const value = placed.filter(({ row }) => row.image.outcome === outcome)
      .length;
    return {
      kind: outcome,
      label: OUTCOME_NAMES[outcome],
      value,
      text: value.toLocaleString("en"),
    };
  });
}

function tickTimes(length: number): number[] {
  const step = stepOf(length, STEPS);
  return Array.from(
    { length: Math.floor(length / step) + 1 },
    (_, i) => i * step,
  );
}

function grid(length: number, height: number): SVGElement[] {
  return tickTimes(length).map((at) => {
    const x = at / length * WIDTH;
    return svg("line", { class: "grid", x1: x, x2: x, y1: 0, y2: height });
  });
}

/** The times below the chart; the last must not leave the page. */
function ticks(length: number): HTMLElement {
  return el(
    "div",
    { class: "ticks", "aria-hidden": "true" },
    ...tickTimes(length).filter((at) => at / length < 0.96).map((at) => {
      const tick = el("span", {}, at === 0 ? "0" : tickText(at));
      tick.style.left = `${at / length * 100}%`;
      return tick;
    }),
  );
}

function tickText(ms: number): string {
  if (ms < S) return `${ms / S}s`;
  if (ms < M) return `${ms / S}s`;
  if (ms < H) {
    const rest = ms % M / S;
    return rest > 0 ? `${Math.floor(ms / M)}m${rest}s` : `${ms / M}m`;
  }
  const rest = ms % H / M;
  return rest > 0 ? `${Math.floor(ms / H)}h${rest}m` : `${ms / H}h`;
}

/** Bytes a second: those of an image are spread over its time. */
function rateChart(
  placed: readonly Placed[],
  start: number,
  length: number,
): HTMLElement[] {
  const bin = length / BINS;
  const bytes = new Array<number>(BINS + 1).fill(0);
  for (const { row, start: from, end } of placed) {
    const sent = row.image.bytesSent;
    if (sent === 0) continue;
    const first = Math.max(0, Math.floor((from - start) / bin));
    const last = Math.min(BINS - 1, Math.floor((end - start) / bin));
    for (let i = first; i <= last; i++) {
      bytes[i]! += sent / (last - first + 1);
    }
  }
  const most = Math.max(...bytes);
  if (most === 0) return [];
  const rate = most / (bin / S);
  const points = bytes.map((value, i) =>
    `${(i / BINS * WIDTH).toFixed(1)} ${(60 - value / most * 58).toFixed(1)}`
  );
  return [
    el(
      "p",
      { class: "note" },
      `Sent: up to ${
        formatBytes(Math.round(rate))
      }/s (the bytes of each image, spread over its time)`,
    ),
    el(
      "div",
      { class: "plot" },
      svg(
        "svg",
        {
          class: "rate",
          viewBox: `0 0 ${WIDTH} 60`,
          preserveAspectRatio: "none",
          role: "img",
          "aria-label": `Bytes sent over time, at most ${
            formatBytes(Math.round(rate))
          } a second`,
        },
        ...grid(length, 60),
        svg("path", {
          class: "fill-copied",
          d: `M0 60L${points.join("L")}L${WIDTH} 60Z`,
        }),
      ),
    ),
  ];
}

interface Pointer {
  readonly placed: readonly Placed[];
  readonly lanes: number;
  readonly start: number;
  readonly length: number;
  readonly open: (row: Row) => void;
}

/** Names the image under the pointer; a click opens it. */
function addPointer(box: HTMLElement, of: Pointer): void {
  const tip = el("div", { class: "tip", hidden: true });
  box.append(tip);
  const at = ({ clientX, clientY }: MouseEvent): Placed | undefined => {
    const { left, top, width, height } = box.getBoundingClientRect();
    const lane = Math.floor((clientY - top) / height * of.lanes);
    const time = of.start + (clientX - left) / width * of.length;
    // Short images are wider on the page than they took.
    const slack = of.length / width * 3;
    return of.placed.find((each) =>
      each.lane === lane && each.start <= time + slack &&
      each.end >= time - slack
    );
  };
  box.addEventListener("mousemove", (event) => {
    const found = at(event);
    tip.hidden = !found;
    box.classList.toggle("hit", found !== undefined);
    if (!found) return;
    const { image, name } = found.row;
    tip.textContent = `${name} — ${OUTCOME_NAMES[image.outcome]}, ${
      formatDuration(image.durationMs)
    }, ${formatBytes(image.bytesSent)} sent`;
    const { left, width } = box.getBoundingClientRect();
    const x = event.clientX - left;
    tip.style.left = `${Math.max(0, Math.min(x, width - tip.offsetWidth))}px`;
  });
  box.addEventListener("mouseleave", () => tip.hidden = true);
  box.addEventListener("click", (event) => {
    const found = at(event);
    if (found) of.open(found.row);
  });
}
