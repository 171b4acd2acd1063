import { assertEquals } from "@std/assert";
import { Console } from "../../src/report/console.ts";
import { logEvents } from "../../src/report/log_events.ts";
import { formatBytes, formatDuration } from "../../src/report/format.ts";
import { summaryLine, Tally } from "../../src/report/summary.ts";

for (
  const [bytes, want] of [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1536, "1.5 KiB"],
    [1024 ** 2 - 1, "1.0 MiB"],
    [5 * 1024 ** 3, "5.0 GiB"],
  ] as const
) {
  Deno.test(`${bytes} bytes are ${want}`, () => {
    assertEquals(formatBytes(bytes), want);
  });
}

for (
  const [ms, want] of [
    [0, "0.0s"],
    [9_949, "9.9s"],
    [12_300, "12s"],
    [59_700, "1m0s"],
    [72_000, "1m12s"],
    [3_723_000, "1h2m3s"],
  ] as const
) {
  Deno.test(`${ms} ms are ${want}`, () => {
    assertEquals(formatDuration(ms), want);
  });
}

Deno.test("console: lines have time, level and image, colour only where wanted", () => {
  let text = "";
  const now = () => new Date(2026, 0, 2, 17, 0, 5);
  const plain = new Console((t) => text += t, { now });
  logEvents(plain)({
    type: "image-started",
    image: 1,
    sources: ["docker.io/library/nginx:latest"],
    destination: "docker.io/USERNAME/nginx:latest",
  });
  plain.debug("unseen");
  plain.warn("two\nlines \x1b[31mred");
  new Console((t) => text += t, { now, color: true }).error("no");
  assertEquals(
    text,
    "[17:00:05] [INFO] [IMG:1] Copying [docker.io/library/nginx:latest] => [docker.io/USERNAME/nginx:latest]\n" +
      "[17:00:05] [WARN] two lines  [31mred\n" +
      "[17:00:05] [\x1b[31mERRO\x1b[0m] no\n",
  );
});

Deno.test("summary: adds up the event stream", () => {
  const tally = new Tally();
  const outcome = { id: 1, lines: [1], durationMs: 1 };
  for (const kind of ["copied", "copied", "up-to-date", "failed"] as const) {
    tally.sink({
      type: "image-finished",
      image: 1,
      sources: ["a"],
      destination: "b",
      outcome: { ...outcome, kind },
    });
  }
  tally.sink({ type: "blob-bytes", image: 1, bytes: 2048 });
  for (const how of ["mounted", "sent", "present"] as const) {
    tally.sink({
      type: "blob-finished",
      image: 1,
      digest: "d",
      size: 1024,
      how,
    });
  }
  tally.addInvalid(2);
  assertEquals(
    summaryLine({ ...tally.totals(), durationMs: 72_000 }),
    "Done: 2 copied, 1 up to date, 0 skipped, 3 failed, 2.0 KiB sent, 1.0 KiB spared by mounting, 1m12s",
  );
});
