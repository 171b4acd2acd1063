/// <reference lib="dom" />
import { assert, assertEquals } from "@std/assert";
import type { BrowserContextOptions } from "playwright-core";
import { htmlReport } from "../../src/report/html_report.ts";
import type { MirrorReport } from "../../src/report/json_report.ts";
import { makeReport } from "../support/reports.ts";
import { browserIgnored, type SeenPage, withPage } from "./support/browser.ts";

/** A test in a browser, whose processes are not Deno's to watch. */
function browserTest(name: string, run: () => Promise<void>): void {
  Deno.test({
    name: `report page: ${name}`,
    ignore: browserIgnored,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: run,
  });
}

async function open(
  report: MirrorReport,
  use: (seen: SeenPage) => Promise<void>,
  options?: BrowserContextOptions,
): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".html" });
  try {
    await Deno.writeTextFile(path, [...htmlReport(report)].join(""));
    await withPage(path, use, options);
  } finally {
    await Deno.remove(path);
  }
}

/** The rows of the table that are in the page. */
const rowsOf = ({ page }: SeenPage) =>
  page.locator(".images tbody tr:not(.gap)");

browserTest("opens from disk, asks for nothing, and has no error", async () => {
  const report = makeReport(120);
  await open(report, async ({ page, requests, said }) => {
    assertEquals(requests, [page.url()]);
    assertEquals(said, []);
    assertEquals(
      await page.locator("h1").textContent(),
      `${report.totals.failed} failed of 120 images`,
    );
    for (const landmark of ["banner", "navigation", "main"] as const) {
      assertEquals(await page.getByRole(landmark).count(), 1, landmark);
    }
    // Neither code nor style from elsewhere would run.
    const isBlocked = await page.evaluate(async () => {
      const script = document.createElement("script");
      script.textContent = "globalThis.ran = true";
      document.body.append(script);
      const fetched = await fetch("http://127.0.0.1:9/").then(
        () => true,
        () => false,
      );
      return !("ran" in globalThis) && !fetched;
    });
    assert(isBlocked);
  });
});

browserTest("what failed stands before what was not finished", async () => {
  const report = makeReport(120);
  const { failed } = report.totals;
  const images = report.images.map((image) =>
    image.outcome === "copied"
      ? { ...image, outcome: "interrupted" as const }
      : image
  );
  const interrupted = images.filter(({ outcome }) =>
    outcome === "interrupted"
  ).length;
  assert(interrupted > failed);
  await open({
    ...report,
    images,
    totals: { ...report.totals, failed: failed + 1, interrupted },
    invalidLines: [{ line: 3, text: "a b", reason: "2 fields" }],
  }, async ({ page }) => {
    assertEquals(
      await page.locator("h1").textContent(),
      `${failed} failed, ${interrupted} not finished of 120 images, and 1 invalid line`,
    );
    const groups = await page.locator(".group h3 .code").allTextContents();
    assertEquals(groups.at(-1), "interrupted");
    assert(groups.includes("not an image"), groups.join());
  });
});

browserTest(
  "10,000 images: few rows in the page, and a search is quick",
  async () => {
    await open(makeReport(10_000), async (seen) => {
      const { page } = seen;
      const rows = rowsOf(seen);
      assert(await rows.count() < 100, `${await rows.count()} rows`);
      const nodes = await page.evaluate(() =>
        document.querySelectorAll("*").length
      );
      assert(nodes < 3_000, `${nodes} elements`);
      assertEquals(
        await page.locator(".images").getAttribute("aria-rowcount"),
        "10001",
      );
      const ms = await page.evaluate(() => {
        const search = document.querySelector<HTMLInputElement>("#search")!;
        const started = performance.now();
        search.value = "longhorn v1.7";
        search.dispatchEvent(new Event("input"));
        return performance.now() - started;
      });
      // Some 20 ms on an idle machine.
      assert(ms < 1_000, `${ms} ms`);
      assert(await rows.count() < 100);
      await page.locator("#search").fill("");
      await page.locator(".scroller").evaluate((box) =>
        box.scrollTop = box.scrollHeight
      );
      await page.getByRole("row", { name: /^10000 / }).waitFor();
      assert(await rows.count() < 100);
    });
  },
);

browserTest("search, filters and order", async () => {
  const report = makeReport(200);
  await open(report, async (seen) => {
    const { page } = seen;
    const status = page.getByRole("status");
    const search = page.getByRole("searchbox", { name: "Search" });
    assertEquals(await status.textContent(), "200 images");
    await search.fill("ETCD:v1.0.2");
    assertEquals(await status.textContent(), "1 of 200 images");
    assertEquals(await rowsOf(seen).count(), 1);
    // What an image failed for is found too.
    await search.fill("quota");
    const denied = report.images.filter(({ error }) =>
      error?.code === "denied"
    );
    assertEquals(
      await status.textContent(),
      `${denied.length} of 200 images`,
    );
    await search.fill("no such text");
    assertEquals(await rowsOf(seen).textContent(), "No image matches.");
    await search.fill("");

    const toggle = page.getByRole("button", { name: /^failed \d/ });
    await toggle.click();
    assertEquals(await toggle.getAttribute("aria-pressed"), "true");
    assertEquals(await rowsOf(seen).count(), report.totals.failed);
    await toggle.click();
    assertEquals(await status.textContent(), "200 images");

    const head = page.getByRole("columnheader", { name: "Sent" });
    const largest = () => rowsOf(seen).first().locator(".c-sent").textContent();
    const most = Math.max(...report.images.map((image) => image.bytesSent));
    await head.getByRole("button").click();
    assertEquals(await head.getAttribute("aria-sort"), "ascending");
    assertEquals(await largest(), "–");
    await head.getByRole("button").click();
    assertEquals(await head.getAttribute("aria-sort"), "descending");
    assertEquals(await largest(), `${(most / 1024 ** 2).toFixed(1)} MiB`);
  });
});

browserTest("the keyboard alone is enough", async () => {
  await open(makeReport(500), async (seen) => {
    const { page } = seen;
    const focused = () =>
      page.evaluate(() => document.activeElement?.textContent);
    await page.keyboard.press("/");
    await page.keyboard.type("coredns");
    assertEquals(await page.locator("#search").inputValue(), "coredns");
    // The first row, the last of many that are not in the page yet, and back.
    await rowsOf(seen).first().getByRole("button").focus();
    const first = await focused();
    await page.keyboard.press("ArrowDown");
    assert(await focused() !== first);
    await page.keyboard.press("End");
    const last = await focused();
    assertEquals(last, "coredns:v1.62.3");
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: last! });
    await dialog.waitFor();
    assert((await dialog.textContent())!.includes("linux/arm64"));
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    assertEquals(await focused(), last);
    await page.keyboard.press("Home");
    assertEquals(await focused(), first);
  });
});

const MARKUP =
  `</script><script>globalThis.hacked=1</script><!--<script><img src=x onerror="globalThis.hacked=1">`;

browserTest("names with markup in them do nothing", async () => {
  const plain = makeReport(9);
  const report: MirrorReport = {
    ...plain,
    command: MARKUP,
    tool: { name: "hangar", version: MARKUP },
    hosts: [{ host: MARKUP, peak: 1, cuts: 0, requests: 1, retries: 0 }],
    invalidLines: [{ line: 1, text: MARKUP, reason: MARKUP }],
    images: plain.images.map((image) => ({
      ...image,
      sources: [{ reference: MARKUP }],
      destination: { reference: `a/${MARKUP}` },
      warnings: [MARKUP],
      findings: image.id === 1 ? [MARKUP] : undefined,
      platforms: [{ platform: MARKUP, digest: MARKUP }],
      error: { code: MARKUP, message: MARKUP, hint: MARKUP },
    })),
  };
  await open(report, async (seen) => {
    const { page, requests, said } = seen;
    await rowsOf(seen).first().getByRole("button").click();
    await page.getByRole("dialog").waitFor();
    assertEquals(said, []);
    assertEquals(requests.length, 1);
    assertEquals(await page.evaluate(() => "hacked" in globalThis), false);
    assertEquals(await page.locator("img").count(), 0);
    assertEquals(await page.locator("script").count(), 2);
    const warning = page.getByRole("dialog").locator("li").first();
    assertEquals(await warning.textContent(), MARKUP);
  });
});

browserTest("a report of an older version opens too", async () => {
  const { images, hosts, ...rest } = makeReport(20);
  const old: MirrorReport = {
    ...rest,
    images: images.map((
      { startedAt: _s, phases: _p, platforms: _l, ...image },
    ) => image),
    hosts: hosts.map(({ host, peak, cuts }) => ({ host, peak, cuts })),
  };
  await open(old, async (seen) => {
    assertEquals(seen.said, []);
    assertEquals(await rowsOf(seen).count(), 20);
    const line = await seen.page.locator("#timeline").textContent();
    assert(line!.includes("no times of images"), line!);
  });
});

browserTest(
  "dark and light, as the system says or the reader chooses",
  async () => {
    await open(makeReport(3), async ({ page }) => {
      const ground = () =>
        page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const dark = await ground();
      await page.getByRole("button", { name: "light" }).click();
      const light = await ground();
      assert(dark !== light);
      await page.getByRole("button", { name: "auto" }).click();
      assertEquals(await ground(), dark);
      await page.emulateMedia({ colorScheme: "light" });
      await page.waitForFunction(
        (light) => getComputedStyle(document.body).backgroundColor === light,
        light,
      );
    }, { colorScheme: "dark" });
  },
);

browserTest("nothing is wider than a phone", async () => {
  await open(makeReport(60), async ({ page }) => {
    const [wide, width] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      innerWidth,
    ]);
    assertEquals(wide, width);
  }, { viewport: { width: 360, height: 740 } });
});

browserTest(
  "all images are printed, and the window shows few again",
  async () => {
    await open(makeReport(300), async (seen) => {
      const { page } = seen;
      const rows = rowsOf(seen);
      const few = await rows.count();
      assert(few < 100);
      await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
      assertEquals(await rows.count(), 300);
      await page.evaluate(() => dispatchEvent(new Event("afterprint")));
      assertEquals(await rows.count(), few);
    });
  },
);
