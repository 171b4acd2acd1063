/**
 * The report as a page for a browser: one file that asks for nothing.
 *
 * @module
 */

import { printableJson } from "../errors.ts";
import { SCRIPT, STYLE } from "./page_text.ts";
import type { StoredReport } from "./read_report.ts";

/** Pieces are put together up to this many characters. */
const PIECE = 64 * 1024;

// Only what the page itself brings may run, and nothing may be fetched.
const POLICY = [
  "default-src 'none'",
  `script-src '${SCRIPT.hash}'`,
  `style-src '${STYLE.hash}'`,
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/**
 * The page, in pieces. What the report says is data in it: JSON in an element
 * that does not run, in which no markup can begin.
 */
export function* htmlReport(report: StoredReport): Generator<string> {
  yield `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>hangar report</title>
<style>${STYLE.text}</style>
</head>
<body>
<div id="page"><noscript>This page needs JavaScript. The report itself is the JSON text in its source.</noscript></div>
<script type="application/json" id="report">`;
  yield* dataOf(report);
  yield `</script>
<script>${SCRIPT.text}</script>
</body>
</html>
`;
}

function* dataOf({ images, ...rest }: StoredReport): Generator<string> {
  yield `${inert(rest).slice(0, -1)},"images":[`;
  let piece = "";
  for (const [i, image] of images.entries()) {
    piece += (i > 0 ? "," : "") + inert(image);
    if (piece.length < PIECE) continue;
    yield piece;
    piece = "";
  }
  yield `${piece}]}`;
}

/** JSON in which no element can end or begin (HTML, 13.1.2.1 and 15.3.1). */
function inert(value: unknown): string {
  return printableJson(value).replaceAll("<", "\\u003c");
}
