/**
 * The table of all images: sorted, filtered, searched. Only the rows that can
 * be seen are in the page, so that 10,000 are as fluent as ten.
 *
 * @module
 */

import type { OutcomeKind } from "../src/mirror/events.ts";
import { formatBytes, formatDuration } from "../src/report/format.ts";
import { dot } from "./charts.ts";
import { button, el } from "./dom.ts";
import {
  many,
  type Model,
  OUTCOME_NAMES,
  OUTCOMES,
  type Row,
} from "./model.ts";

/** As in page.css. */
const ROW_PX = { wide: 44, narrow: 66 };
/** Rows above and below what can be seen. */
const SPARE = 12;
/** So many rows are printed. */
const PRINTED = 2_000;

interface Column {
  readonly key: string;
  readonly head: string;
  readonly title?: string;
  readonly compare: (a: Row, b: Row) => number;
}

const by = (value: (row: Row) => number): Column["compare"] => (a, b) =>
  value(a) - value(b);

const COLUMNS: readonly Column[] = [
  {
    key: "id",
    head: "#",
    title: "[IMG:n] of the log",
    compare: by(({ image }) => image.id),
  },
  {
    key: "name",
    head: "Image",
    compare: (a, b) =>
      a.destination < b.destination
        ? -1
        : a.destination > b.destination
        ? 1
        : 0,
  },
  {
    key: "outcome",
    head: "Outcome",
    compare: by(({ image }) => OUTCOMES.indexOf(image.outcome)),
  },
  { key: "sent", head: "Sent", compare: by(({ image }) => image.bytesSent) },
  {
    key: "spared",
    head: "Spared",
    title: "bytes that were mounted instead of sent",
    compare: by(({ image }) => image.bytesMounted),
  },
  {
    key: "requests",
    head: "Requests",
    compare: by(({ image }) => image.requests),
  },
  {
    key: "retries",
    head: "Retries",
    compare: by(({ image }) => image.retries),
  },
  { key: "time", head: "Time", compare: by(({ image }) => image.durationMs) },
];

const MARKS: readonly (readonly [string, (row: Row) => boolean])[] = [
  ["with warnings", ({ image }) => image.warnings.length > 0],
  ["with retries", ({ image }) => image.retries > 0],
  ["index rebuilt", ({ image }) => image.merge !== undefined],
  ["index not complete", ({ image }) => image.sparse !== undefined],
];

/** The table, with its search and filters. */
export class ImageTable {
  readonly element: HTMLElement;
  readonly #rows: readonly Row[];
  readonly #open: (row: Row) => void;
  readonly #search = el("input", {
    type: "search",
    id: "search",
    placeholder: "name, digest, reason …  ( / )",
    autocomplete: "off",
    spellcheck: "false",
  });
  readonly #count = el("p", { class: "note", role: "status" });
  readonly #body = el("tbody");
  readonly #scroller: HTMLElement;
  readonly #table: HTMLTableElement;
  readonly #heads = new Map<string, HTMLTableCellElement>();
  readonly #outcomes = new Set<OutcomeKind>();
  readonly #toggles = new Map<OutcomeKind, HTMLButtonElement>();
  readonly #marks = new Set<(row: Row) => boolean>();
  readonly #narrow = matchMedia("(max-width: 700px)");
  #sort = { column: COLUMNS[0]!, down: false };
  /** What is left by search and filters, sorted. */
  #view: readonly Row[] = [];
  #made = new Map<Row, HTMLTableRowElement>();
  #prints = false;

  constructor({ rows }: Model, open: (row: Row) => void) {
    this.#rows = rows;
    this.#open = open;
    this.#table = el(
      "table",
      { class: "images" },
      el("caption", { class: "unseen" }, "All images"),
      el("thead", {}, el("tr", { "aria-rowindex": 1 }, ...this.#headCells())),
      this.#body,
    );
    this.#scroller = el(
      "div",
      {
        class: "card scroller",
        tabindex: 0,
        role: "region",
        "aria-label": "All images",
      },
      this.#table,
    );
    this.element = el(
      "div",
      {},
      el(
        "div",
        { class: "tools" },
        el("label", { for: "search" }, "Search"),
        this.#search,
        ...this.#filterButtons(),
      ),
      this.#count,
      this.#scroller,
    );
    this.#listen();
    this.#select();
  }

  /** Shows the images of one outcome alone. */
  only(outcome: OutcomeKind): void {
    this.#outcomes.clear();
    this.#outcomes.add(outcome);
    this.#select();
    this.element.scrollIntoView();
    this.#scroller.focus({ preventScroll: true });
  }

  #listen(): void {
    this.#search.addEventListener("input", () => this.#select());
    this.#scroller.addEventListener("scroll", () => this.#paint(), {
      passive: true,
    });
    this.#body.addEventListener("keydown", (event) => this.#move(event));
    this.#narrow.addEventListener("change", () => this.#paint(true));
    addEventListener("resize", () => this.#paint());
    addEventListener("keydown", (event) => {
      const typing = event.target instanceof HTMLInputElement;
      if (
        event.key !== "/" || typing || document.querySelector("dialog[open]")
      ) {
        return;
      }
      event.preventDefault();
      this.#search.focus();
    });
    addEventListener("beforeprint", () => this.#print(true));
    addEventListener("afterprint", () => this.#print(false));
  }

  #headCells(): HTMLElement[] {
    return COLUMNS.map((column) => {
      const head = el(
        "th",
        { scope: "col", class: `c-${column.key}`, title: column.title },
        button({ class: "sort" }, () => this.#sortBy(column), column.head),
      );
      this.#heads.set(column.key, head);
      return head;
    });
  }

  #filterButtons(): HTMLElement[] {
    const count = (is: (row: Row) => boolean) => this.#rows.filter(is).length;
    const outcomes = OUTCOMES.flatMap((outcome) => {
      const images = count(({ image }) => image.outcome === outcome);
      if (images === 0) return [];
      const toggle = button(
        { class: "toggle", "aria-pressed": "false" },
        () => {
          if (!this.#outcomes.delete(outcome)) this.#outcomes.add(outcome);
          this.#select();
        },
        dot(outcome),
        `${OUTCOME_NAMES[outcome]} ${images.toLocaleString("en")}`,
      );
      this.#toggles.set(outcome, toggle);
      return [toggle];
    });
    const marks = MARKS.flatMap(([name, is]) => {
      const images = count(is);
      if (images === 0) return [];
      const toggle = button(
        { class: "toggle", "aria-pressed": "false" },
        () => {
          const isOn = !this.#marks.delete(is);
          if (isOn) this.#marks.add(is);
          toggle.setAttribute("aria-pressed", `${isOn}`);
          this.#select();
        },
        `${name} ${images.toLocaleString("en")}`,
      );
      return [toggle];
    });
    return [
      el(
        "div",
        { class: "toggles", role: "group", "aria-label": "Filters" },
        ...outcomes,
        ...marks,
      ),
    ];
  }

  #sortBy(column: Column): void {
    const { column: old, down } = this.#sort;
    this.#sort = { column, down: column === old ? !down : false };
    this.#select();
  }

  /** Applies search, filters and order. */
  #select(): void {
    const words = this.#search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const { column, down } = this.#sort;
    const marks = [...this.#marks];
    const view = this.#rows.filter((row) =>
      (this.#outcomes.size === 0 || this.#outcomes.has(row.image.outcome)) &&
      marks.every((is) => is(row)) &&
      words.every((word) => row.text.includes(word))
    );
    view.sort((a, b) =>
      (down ? -column.compare(a, b) : column.compare(a, b)) || a.index - b.index
    );
    this.#view = view;
    for (const [key, head] of this.#heads) {
      if (key !== column.key) head.removeAttribute("aria-sort");
      else head.setAttribute("aria-sort", down ? "descending" : "ascending");
    }
    for (const [outcome, toggle] of this.#toggles) {
      toggle.setAttribute("aria-pressed", `${this.#outcomes.has(outcome)}`);
    }
    this.#table.setAttribute("aria-rowcount", `${view.length + 1}`);
    this.#count.textContent = view.length === this.#rows.length
      ? many(view.length, "image")
      : `${view.length.toLocaleString("en")} of ${
        many(this.#rows.length, "image")
      }`;
    this.#scroller.scrollTop = 0;
    this.#paint(true);
  }

  get #rowPx(): number {
    return this.#narrow.matches ? ROW_PX.narrow : ROW_PX.wide;
  }

  /** Puts the rows that can be seen into the page. */
  #paint(anew = false): void {
    const px = this.#rowPx;
    const { scrollTop, clientHeight } = this.#scroller;
    const count = this.#view.length;
    const seen = Math.ceil(Math.max(clientHeight, innerHeight * 0.72) / px);
    const first = this.#prints ? 0 : Math.min(
      Math.max(0, Math.floor(scrollTop / px) - SPARE),
      Math.max(0, count - seen),
    );
    const last = this.#prints
      ? Math.min(count, PRINTED)
      : Math.min(count, first + seen + 2 * SPARE);
    const rows = new Map<Row, HTMLTableRowElement>();
    for (let i = first; i < last; i++) {
      const row = this.#view[i]!;
      const made = (anew ? undefined : this.#made.get(row)) ?? this.#make(row);
      made.setAttribute("aria-rowindex", `${i + 2}`);
      made.dataset["at"] = `${i}`;
      rows.set(row, made);
    }
    const old = [...this.#made.keys()];
    const isSame = !anew && old.length === rows.size && rows.has(old[0]!) &&
      rows.has(old.at(-1)!);
    this.#made = rows;
    if (isSame) return;
    const focused = document.activeElement?.closest("tr")?.dataset["at"];
    this.#body.replaceChildren(
      gap(first * px),
      ...rows.values(),
      gap(this.#prints ? 0 : (count - last) * px),
      ...count === 0
        ? [
          el(
            "tr",
            {},
            el(
              "td",
              { colspan: COLUMNS.length, class: "none" },
              "No image matches.",
            ),
          ),
        ]
        : this.#prints && last < count
        ? [
          el(
            "tr",
            {},
            el(
              "td",
              { colspan: COLUMNS.length },
              `and ${
                many(count - last, "more image")
              }: filter the table to print them`,
            ),
          ),
        ]
        : [],
    );
    if (focused !== undefined && !anew) this.#focusRow(Number(focused));
  }

  #make(row: Row): HTMLTableRowElement {
    const { image, name, source } = row;
    const number = (key: string, text: string) =>
      el("td", { class: `c-${key}` }, text);
    return el(
      "tr",
      {},
      number("id", `${image.id}`),
      el(
        "td",
        { class: "c-name" },
        button(
          { class: "link", title: row.destination },
          () => this.#open(row),
          name,
        ),
        el(
          "span",
          { class: "dim", title: source },
          image.error ? image.error.message : source,
        ),
      ),
      el(
        "td",
        { class: "c-outcome" },
        el(
          "span",
          { class: `badge badge-${image.outcome}` },
          OUTCOME_NAMES[image.outcome],
        ),
      ),
      number("sent", image.bytesSent > 0 ? formatBytes(image.bytesSent) : "–"),
      number(
        "spared",
        image.bytesMounted > 0 ? formatBytes(image.bytesMounted) : "–",
      ),
      number("requests", image.requests.toLocaleString("en")),
      number(
        "retries",
        image.retries > 0 ? image.retries.toLocaleString("en") : "–",
      ),
      number("time", formatDuration(image.durationMs)),
    );
  }

  /** Arrow keys, Page Up and Down, Home and End go from image to image. */
  #move(event: KeyboardEvent): void {
    const at = Number((event.target as Element).closest("tr")?.dataset["at"]);
    if (Number.isNaN(at)) return;
    const page = Math.max(
      1,
      Math.floor(this.#scroller.clientHeight / this.#rowPx) - 2,
    );
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: this.#view.length - 1,
    };
    const wanted = steps[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    const to = Math.max(0, Math.min(this.#view.length - 1, wanted));
    this.#reveal(to);
    this.#paint();
    this.#focusRow(to);
  }

  #reveal(at: number): void {
    const px = this.#rowPx;
    const box = this.#scroller;
    const head = px;
    if (at * px < box.scrollTop) box.scrollTop = at * px;
    const bottom = (at + 1) * px + head;
    if (bottom > box.scrollTop + box.clientHeight) {
      box.scrollTop = bottom - box.clientHeight;
    }
  }

  #focusRow(at: number): void {
    this.#body.querySelector<HTMLElement>(`tr[data-at="${at}"] button`)
      ?.focus({ preventScroll: true });
  }

  #print(isOn: boolean): void {
    this.#prints = isOn;
    this.#paint(true);
  }
}

function gap(px: number): HTMLTableRowElement {
  const row = el("tr", { class: "gap", "aria-hidden": "true" });
  row.style.height = `${px}px`;
  return row;
}
