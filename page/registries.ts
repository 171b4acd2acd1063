/**
 * What went to and from each registry.
 *
 * @module
 */

import { formatBytes } from "../src/report/format.ts";
import { valueBar } from "./charts.ts";
import { el } from "./dom.ts";
import { type Model, registryOf } from "./model.ts";

/** The hosts of Docker Hub, by whose name people know it. */
const HUB = new Set(["registry-1.docker.io", "index.docker.io"]);

interface Traffic {
  readonly host: string;
  from: number;
  to: number;
  spared: number;
  requests?: number;
  retries?: number;
  peak?: number;
  cuts?: number;
}

/** Adds up requests by host, and the bytes of images by registry. */
export function trafficOf({ report, rows }: Model): Traffic[] {
  const all = new Map<string, Traffic>();
  const of = (name: string): Traffic => {
    const host = HUB.has(name) ? "docker.io" : name;
    let found = all.get(host);
    if (!found) all.set(host, found = { host, from: 0, to: 0, spared: 0 });
    return found;
  };
  for (const { image } of rows) {
    const { bytesSent, bytesMounted } = image;
    const to = of(registryOf(image.destination.reference));
    to.to += bytesSent;
    to.spared += bytesMounted;
    const [source] = image.sources;
    if (source) of(registryOf(source.reference)).from += bytesSent;
  }
  for (const { host, requests, retries, peak, cuts } of report.hosts) {
    const found = of(host);
    if (requests !== undefined) {
      found.requests = (found.requests ?? 0) + requests;
    }
    if (retries !== undefined) found.retries = (found.retries ?? 0) + retries;
    found.peak = Math.max(found.peak ?? 0, peak);
    found.cuts = (found.cuts ?? 0) + cuts;
  }
  return [...all.values()].sort((a, b) =>
    b.from + b.to - a.from - a.to || (b.requests ?? 0) - (a.requests ?? 0)
  );
}

const HEADS: readonly (readonly [string, string])[] = [
  ["Registry", "host, or the host of a token server or of content"],
  ["Bytes from it", "blob bytes that were read there and sent on"],
  ["Bytes to it", "blob bytes sent"],
  ["Spared", "blob bytes mounted there instead of sent"],
  ["Requests", "those of retries included"],
  ["Retries", "requests and transfers that were tried again"],
  ["At once", "the most requests under way"],
  ["Slowed down", "how often it was given half as many requests at once"],
];

/** The section. */
export function registries(model: Model): HTMLElement {
  const traffic = trafficOf(model);
  const mostBytes = Math.max(0, ...traffic.flatMap((t) => [t.from, t.to]));
  const mostRequests = Math.max(0, ...traffic.map((t) => t.requests ?? 0));
  const number = (value: number | undefined) =>
    value === undefined ? "–" : value.toLocaleString("en");
  return el(
    "div",
    {
      class: "card scroll",
      tabindex: 0,
      role: "region",
      "aria-label": "Registries",
    },
    el(
      "table",
      { class: "plain registries" },
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ...HEADS.map(([head, title]) =>
            el("th", { scope: "col", title }, head)
          ),
        ),
      ),
      el(
        "tbody",
        {},
        ...traffic.map((t) =>
          el(
            "tr",
            {},
            el("th", { scope: "row" }, t.host),
            el(
              "td",
              {},
              valueBar(t.from, mostBytes, formatBytes(t.from), "passed"),
            ),
            el(
              "td",
              {},
              valueBar(t.to, mostBytes, formatBytes(t.to), "copied"),
            ),
            el("td", {}, formatBytes(t.spared)),
            el(
              "td",
              {},
              t.requests === undefined ? "–" : valueBar(
                t.requests,
                mostRequests,
                number(t.requests),
                "checking",
              ),
            ),
            el("td", {}, number(t.retries)),
            el("td", {}, t.peak ? number(t.peak) : "–"),
            el("td", {}, number(t.cuts)),
          )
        ),
      ),
    ),
  );
}
