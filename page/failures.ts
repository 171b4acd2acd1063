/**
 * What failed, by reason: first what the most images failed for, and last what
 * was not finished.
 *
 * @module
 */

import { button, type Child, el } from "./dom.ts";
import { many, type Model, reasonOf, type Row } from "./model.ts";

const SHOWN = 8;
const CHUNK = 200;

/** The title of what was not finished. */
const INTERRUPTED = "interrupted";

interface Group {
  readonly title: string;
  readonly hint?: string;
  readonly items: (() => HTMLElement)[];
}

/** The section; undefined where nothing failed. */
export function failures(
  model: Model,
  open: (row: Row) => void,
): HTMLElement | undefined {
  const groups = new Map<string, Group>();
  const add = (
    title: string,
    hint: string | undefined,
    item: () => HTMLElement,
  ) => {
    const key = `${title}\n${hint ?? ""}`;
    let group = groups.get(key);
    if (!group) groups.set(key, group = { title, hint, items: [] });
    group.items.push(item);
  };
  for (const row of model.rows) {
    const { outcome, findings, error } = row.image;
    if (outcome !== "failed") continue;
    const title = findings ? "not as it should be" : error?.code ?? "failed";
    add(title, error?.hint, () => itemOf(row, open));
  }
  for (const { line, text, reason } of model.report.invalidLines) {
    add(
      "not an image",
      "correct the line in the list",
      () =>
        el(
          "li",
          {},
          el("code", {}, text),
          el("p", { class: "reason" }, `line ${line}: ${reason}`),
        ),
    );
  }
  const unfinished = model.rows.filter(({ image }) =>
    image.outcome === "interrupted"
  );
  for (const row of unfinished) {
    add(
      INTERRUPTED,
      "run the same command again: it goes on from there",
      () => itemOf(row, open),
    );
  }
  if (groups.size === 0) return undefined;
  return el(
    "div",
    { class: "groups" },
    ...[...groups.values()].sort((a, b) =>
      Number(a.title === INTERRUPTED) - Number(b.title === INTERRUPTED) ||
      b.items.length - a.items.length
    ).map(groupOf),
  );
}

function groupOf({ title, hint, items }: Group): HTMLElement {
  const list = el("ul", {});
  let shown = 0;
  const more = button({ class: "more" }, () => show(CHUNK));
  const show = (count: number) => {
    list.append(...items.slice(shown, shown + count).map((make) => make()));
    shown = Math.min(items.length, shown + count);
    const left = items.length - shown;
    more.hidden = left === 0;
    more.textContent = `Show ${Math.min(left, CHUNK)} more of ${left}`;
  };
  show(SHOWN);
  return el(
    "section",
    { class: "card group", "aria-label": title },
    el(
      "h3",
      {},
      el("span", { class: "code" }, title),
      ` ${many(items.length, title === "not an image" ? "line" : "image")}`,
    ),
    hint === undefined
      ? undefined
      : el("p", { class: "hint" }, el("b", {}, "What to do: "), hint),
    list,
    more,
  );
}

function itemOf(row: Row, open: (row: Row) => void): HTMLElement {
  const { image, source, name } = row;
  const reasons: Child[] = image.findings
    ? image.findings.map((finding) => el("p", { class: "reason" }, finding))
    : image.outcome === "interrupted"
    ? []
    : [el("p", { class: "reason" }, reasonOf(image))];
  return el(
    "li",
    {},
    button({ class: "link" }, () => open(row), name),
    el("span", { class: "dim" }, ` from ${source}`),
    ...reasons,
  );
}
