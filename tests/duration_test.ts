import { assertEquals } from "@std/assert";
import { MAX_DURATION_MS, parseDuration } from "../src/duration.ts";

for (
  const [text, ms] of [
    ["10m0s", 600_000],
    ["90s", 90_000],
    ["1h30m", 5_400_000],
    ["1.5h", 5_400_000],
    [".5h", 1_800_000],
    ["1.s", 1000],
    ["500ms", 500],
    ["+2s", 2000],
    ["1500us", 2],
    ["1500µs", 2],
    ["1500μs", 2],
    ["2000000ns", 2],
    ["0", 0],
    ["0s", 0],
    ["596h", 2_145_600_000],
  ] as const
) {
  Deno.test(`duration: ${text} is ${ms} ms`, () => {
    assertEquals(parseDuration(text), ms);
  });
}

Deno.test("duration: what is too short for a ms does not turn into no limit", () => {
  assertEquals(parseDuration("1ns"), 1);
});

for (
  const text of [
    "",
    "10",
    "-5s",
    "-0",
    "s",
    ".s",
    "1h 30m",
    "10m0",
    "1d",
    "1,5h",
    "10M",
    "1e3s",
    "1..5s",
    " 1s",
    "1s\n",
  ]
) {
  Deno.test(`duration: ${JSON.stringify(text)} is none`, () => {
    assertEquals(parseDuration(text), undefined);
  });
}

Deno.test("duration: what no timer can wait for is refused", () => {
  assertEquals(parseDuration(`${MAX_DURATION_MS}ms`), MAX_DURATION_MS);
  assertEquals(parseDuration(`${MAX_DURATION_MS + 1}ms`), undefined);
  assertEquals(parseDuration("1000h"), undefined);
  assertEquals(parseDuration(`${"9".repeat(400)}h`), undefined);
});
