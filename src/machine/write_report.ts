/**
 * Writing the report of a run.
 *
 * @module
 */

import { printableJson } from "../errors.ts";
import type { MirrorReport } from "../report/json_report.ts";
import { fileError } from "./file_error.ts";
import { replaceFile } from "./replace_file.ts";

/** Pieces are put together up to this many characters before they are written. */
const PIECE = 64 * 1024;

/**
 * The report's text, in pieces: a report of many images is larger as one text
 * than all that the run keeps.
 */
export function* reportText(report: MirrorReport): Generator<string> {
  const { images, ...rest } = report;
  const frame = printableJson({ ...rest, images: [] }, 2);
  const mark = '"images": []';
  const at = frame.lastIndexOf(mark);
  yield frame.slice(0, at);
  if (images.length === 0) yield mark;
  else {
    let piece = '"images": [\n';
    for (const [i, image] of images.entries()) {
      const text = printableJson(image, 2).replaceAll("\n", "\n    ");
      piece += `    ${text}${i < images.length - 1 ? "," : ""}\n`;
      if (piece.length < PIECE) continue;
      yield piece;
      piece = "";
    }
    yield `${piece}  ]`;
  }
  yield `${frame.slice(at + mark.length)}\n`;
}

/** Whether a report at this path is a page for a browser. */
function isPage(path: string): boolean {
  return /\.html?$/i.test(path);
}

/** As a page, or as JSON. The page is loaded for those who want it. */
async function piecesFor(
  path: string,
  report: MirrorReport,
): Promise<Iterable<string>> {
  if (!isPage(path)) return reportText(report);
  const { htmlReport } = await import("../report/html_report.ts");
  return htmlReport(report);
}

/**
 * Writes it to a file, whole or not at all; `-` is standard output. A file whose
 * name ends in `.html` gets a page for a browser. A symbolic link to a file is
 * replaced, not followed.
 *
 * @throws {HangarError} `file`
 */
export async function writeReport(
  path: string,
  report: MirrorReport,
  context: { readonly stdout: (output: string) => boolean | void },
): Promise<void> {
  if (path === "-") {
    for (const piece of reportText(report)) context.stdout(piece);
    return;
  }
  try {
    await replaceFile(path, await piecesFor(path, report));
  } catch (cause) {
    throw fileError("write", `the report ${path}`, cause);
  }
}
