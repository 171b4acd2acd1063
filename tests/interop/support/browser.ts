/**
 * Chromium without a window.
 *
 * @module
 */

import {
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { requireTool } from "./tools.ts";

const CHROMIUM = requireTool("chromium");

/** Whether tests with a browser are to be left out: it is not installed. */
export const browserIgnored: boolean = CHROMIUM === undefined;

/** A page that is open, and what was seen of it. */
export interface SeenPage {
  readonly page: Page;
  /** The URLs that it asked for. */
  readonly requests: readonly string[];
  /** Errors, and all that it wrote to the console. */
  readonly said: readonly string[];
}

/** Opens a file in a browser of its own. */
export async function withPage(
  path: string,
  use: (seen: SeenPage) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    // Chromium's sandbox refuses root.
    args: Deno.uid() === 0 ? ["--no-sandbox"] : [],
  });
  try {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const requests: string[] = [];
    const said: string[] = [];
    page.on("request", (request) => requests.push(request.url()));
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(`${error}`));
    await page.goto(`file://${path}`);
    await use({ page, requests, said });
  } finally {
    await browser.close();
  }
}
