/**
 * Charts in SVG. Each has a text that says the same.
 *
 * @module
 */

import { type Child, el, svg } from "./dom.ts";

/** One part of a bar. */
export interface Part {
  /** The class that gives its colour. */
  readonly kind: string;
  readonly label: string;
  readonly value: number;
  /** The value for people. */
  readonly text: string;
}

const WIDTH = 1000;

/**
 * One bar of parts, side by side.
 *
 * @param whole what the full width stands for; the sum of the parts without it
 */
export function stackedBar(
  name: string,
  parts: readonly Part[],
  whole: number = sumOf(parts),
): SVGSVGElement {
  let x = 0;
  const rects = parts.filter(({ value }) => value > 0).map((part) => {
    const width = whole > 0 ? part.value / whole * WIDTH : 0;
    const rect = svg(
      "rect",
      { class: `fill-${part.kind}`, x, y: 0, width, height: 10 },
      svg("title", {}, `${part.label}: ${part.text}`),
    );
    x += width;
    return rect;
  });
  const said = parts.filter(({ value }) => value > 0)
    .map(({ label, text }) => `${label} ${text}`).join(", ");
  return svg("svg", {
    class: "bar",
    viewBox: `0 0 ${WIDTH} 10`,
    preserveAspectRatio: "none",
    role: "img",
    "aria-label": `${name}: ${said || "nothing"}`,
  }, ...rects);
}

function sumOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { value }) => sum + value, 0);
}

/** What the colours mean, with the values. */
export function legend(parts: readonly Part[]): HTMLElement {
  return el(
    "ul",
    { class: "legend" },
    ...parts.filter(({ value }) => value > 0).map(({ kind, label, text }) =>
      el("li", {}, dot(kind), `${label} `, el("b", {}, text))
    ),
  );
}

/** A spot of a colour. */
export function dot(kind: string): SVGSVGElement {
  return svg(
    "svg",
    { class: "dot", viewBox: "0 0 10 10", "aria-hidden": "true" },
    svg("rect", {
      class: `fill-${kind}`,
      width: 10,
      height: 10,
      rx: 3,
    }),
  );
}

/** A value in a table, with a bar below it. */
export function valueBar(
  value: number,
  most: number,
  text: string,
  kind: string,
): Child {
  return el(
    "div",
    { class: "value" },
    text,
    svg(
      "svg",
      {
        class: "thin",
        viewBox: `0 0 ${WIDTH} 10`,
        preserveAspectRatio: "none",
        "aria-hidden": "true",
      },
      svg("rect", {
        class: `fill-${kind}`,
        width: most > 0 ? value / most * WIDTH : 0,
        height: 10,
      }),
    ),
  );
}

/** A round step that divides a length into some ten parts at most. */
export function stepOf(length: number, steps: readonly number[]): number {
  return steps.find((step) => length / step <= 8) ?? steps.at(-1)!;
}
