/**
 * Makes `src/report/page_text.ts` from `page/`: the page's style and its code,
 * bundled and minified, with the hashes that its Content-Security-Policy names.
 * With `--check`, fails when that file is not up to date.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding/base64";

const ROOT = new URL("../", import.meta.url).pathname;
const TARGET = `${ROOT}src/report/page_text.ts`;

async function bundle(entry: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--minify", "--platform=browser", entry],
    env: { NO_COLOR: "1" },
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (code !== 0) {
    throw new Error(`deno bundle: ${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout).trim();
}

/** Smaller CSS: without comments, and without blanks that say nothing. */
function minified(css: string): string {
  return css.replace(/\/\*[^]*?\*\//g, "").replace(/\s+/g, " ")
    .replace(/ ?([{};,]) ?/g, "$1").replace(/: /g, ":").replaceAll(";}", "}")
    .trim();
}

/** The hash of inline content (CSP level 3, 2.3.1). */
async function hashOf(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return `sha256-${encodeBase64(hash)}`;
}

/** The text of the file. */
export async function pageText(): Promise<string> {
  const style = minified(await Deno.readTextFile(`${ROOT}page/page.css`));
  const script = await bundle("page/main.ts");
  // The end of a script element would end it within a string too.
  if (/<\/(script|style)|<!--/i.test(script + style)) {
    throw new Error("page/ has the end of an element in its text");
  }
  return `// Made by scripts/report_page.ts from page/: \`deno task page\`.
// deno-fmt-ignore-file
/**
 * The style and the code of the report page.
 *
 * @module
 */

/** The style, and its hash for the Content-Security-Policy. */
export const STYLE: { readonly text: string; readonly hash: string } = {
  text: ${JSON.stringify(style)},
  hash: ${JSON.stringify(await hashOf(style))},
};

/** The code, and its hash for the Content-Security-Policy. */
export const SCRIPT: { readonly text: string; readonly hash: string } = {
  text: ${JSON.stringify(script)},
  hash: ${JSON.stringify(await hashOf(script))},
};
`;
}

if (import.meta.main) {
  const text = await pageText();
  if (!Deno.args.includes("--check")) await Deno.writeTextFile(TARGET, text);
  else if (await Deno.readTextFile(TARGET).catch(() => "") !== text) {
    console.error(
      "src/report/page_text.ts is not what page/ gives: run deno task page",
    );
    Deno.exit(1);
  }
}
