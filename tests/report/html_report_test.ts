import { assert, assertEquals, assertMatch } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import { htmlReport } from "../../src/report/html_report.ts";
import type { MirrorReport } from "../../src/report/json_report.ts";
import { makeReport } from "../support/reports.ts";

const pageOf = (report: MirrorReport) => [...htmlReport(report)].join("");

function dataOf(page: string): string {
  return /<script type="application\/json" id="report">(.*?)<\/script>/s
    .exec(page)![1]!;
}

Deno.test("html report: the data is the report, whole", () => {
  for (const images of [0, 1, 300]) {
    const report = makeReport(images);
    assertEquals(
      JSON.parse(dataOf(pageOf(report))),
      JSON.parse(JSON.stringify(report)),
    );
  }
});

Deno.test("html report: no markup begins or ends within the data", () => {
  const [image] = makeReport(1).images;
  const name = "</script><script>alert(1)</script><!--\u2028";
  const page = pageOf({
    ...makeReport(0),
    command: name,
    images: [{ ...image!, destination: { reference: name } }],
  });
  const data = dataOf(page);
  assert(!data.includes("<") && !data.includes("\u2028"));
  assertEquals(JSON.parse(data).images[0].destination.reference, name);
});

Deno.test("html report: the policy allows the page's own code and style alone", async () => {
  const page = pageOf(makeReport(1));
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/
    .exec(page)![1]!;
  const hashOf = async (text: string) =>
    `'sha256-${
      encodeBase64(
        await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)),
      )
    }'`;
  const style = /<style>(.*?)<\/style>/s.exec(page)![1]!;
  const script = /<script>(.*?)<\/script>/s.exec(page)![1]!;
  assertEquals(policy.split("; ").sort(), [
    "base-uri 'none'",
    "default-src 'none'",
    "form-action 'none'",
    "img-src data:",
    `script-src ${await hashOf(script)}`,
    `style-src ${await hashOf(style)}`,
  ]);
  // The policy stands before all that it is about.
  assert(page.indexOf("Content-Security-Policy") < page.indexOf("<style>"));
});

Deno.test("html report: without data it is under 150 KB, and names no other place", () => {
  const page = pageOf(makeReport(0));
  assert(page.length < 150_000, `${page.length}`);
  const places = [...page.matchAll(/https?:\/\/[^"'\s]+/g)].map(([url]) => url);
  // The name of a namespace is no request.
  assertEquals(places, ["http://www.w3.org/2000/svg"]);
  assertMatch(page, /^<!doctype html>\n<html lang="en">/);
});

const CSS = await Deno.readTextFile(
  new URL("../../page/page.css", import.meta.url),
);

/** The colours of a theme, by name. */
function coloursOf(selector: string): Map<string, string> {
  const at = CSS.indexOf(`${selector} {`);
  const block = CSS.slice(at, CSS.indexOf("}", at));
  return new Map(
    [...block.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map((m) =>
      [m[1]!, m[2]!] as const
    ),
  );
}

/** WCAG 2.2, "relative luminance". */
function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const c = parseInt(colour.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(a: string, b: string): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light! + 0.05) / (dark! + 0.05);
}

for (
  const [theme, selector] of [
    ["light", ":root"],
    ["dark", ':root[data-theme="dark"]'],
  ] as const
) {
  Deno.test(`html report: text has a contrast of 4.5, charts of 3, when ${theme}`, () => {
    const colours = coloursOf(selector);
    assert(colours.size > 20, `${colours.size} colours`);
    for (const ground of ["card", "ground", "faint"]) {
      for (const text of ["ink", "dim", "accent", "good", "bad"]) {
        const found = contrast(colours.get(text)!, colours.get(ground)!);
        assert(found >= 4.5, `${text} on ${ground}: ${found.toFixed(2)}`);
      }
    }
    for (const name of ["copied", "failed", "skipped", "checking", "copying"]) {
      const found = contrast(colours.get(name)!, colours.get("card")!);
      assert(found >= 3, `${name}: ${found.toFixed(2)}`);
    }
  });
}
