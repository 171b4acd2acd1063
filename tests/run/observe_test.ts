import { assertEquals } from "@std/assert";
import { HangarError } from "../../src/errors.ts";
import { observe } from "../../src/run/network/observe.ts";

/** The lines that a log is told, by an observer of requests. */
function told(debug = false) {
  const lines: string[] = [];
  const observer = observe(debug, {
    debug: (message) => lines.push(`debug ${message}`),
    info: (message) => lines.push(`info ${message}`),
    warn: (message) => lines.push(`warn ${message}`),
  });
  return { lines, observer };
}

Deno.test("network log: a retry names its request once", () => {
  const { lines, observer } = told();
  const request = "GET https://r.example/v2/";
  const refused = new HangarError("network", `${request}: connection refused`);
  const elsewhere = new HangarError(
    "network",
    "GET https://cdn.example/blob: connection refused",
  );
  observer.onRetry?.(request, 1500, refused);
  observer.onRetry?.(request, 500, 503);
  observer.onRetry?.(request, 500, elsewhere);
  observer.onRetry?.(undefined, 500, refused);
  assertEquals(lines, [
    `warn ${request}: connection refused; next attempt in 1.5 s`,
    `warn ${request}: 503; next attempt in 0.5 s`,
    `warn ${request}: cdn.example: connection refused; next attempt in 0.5 s`,
    `warn ${request}: connection refused; next attempt in 0.5 s`,
  ]);
});

Deno.test("network log: a rate limit is told once, and once more when little is left", () => {
  const { lines, observer } = told();
  for (const remaining of [100, 99, 10, 9]) {
    observer.onRateLimit?.("r.example", { limit: 100, remaining, windowS: 60 });
  }
  assertEquals(lines, [
    "info r.example allows 100 pulls in 1m0s, 100 of them are left",
    "warn r.example allows 100 pulls in 1m0s, 10 of them are left",
  ]);
});

Deno.test("network log: answers are told with debug alone, without what may be secret", () => {
  const url = new URL("https://r.example/v2/?token=hunter2");
  for (const debug of [false, true]) {
    const { lines, observer } = told(debug);
    observer.onResponse?.("GET", url, 200, 12.4);
    assertEquals(lines.length, debug ? 1 : 0);
    assertEquals(lines.join().includes("hunter2"), false);
  }
});
