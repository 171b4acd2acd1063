import { assert, assertEquals } from "@std/assert";
import { mirror, type MirrorEvent } from "../../main.ts";
import { between, type Pair } from "./support.ts";

const options = ({ source, destination }: Pair) => ({
  images: ["corp/app:v1", "corp/none:v1"],
  source: source.host,
  destination: destination.host,
});

Deno.test("library events: by default they are few, and a failure carries its error", async () => {
  await between(async (pair) => {
    const events: MirrorEvent[] = [];
    await mirror({ ...options(pair), onEvent: (event) => events.push(event) });
    assertEquals(
      new Set(events.map(({ type }) => type)),
      new Set(["image-started", "image-finished"]),
    );
    const failed = events.flatMap((event) =>
      event.type === "image-finished" && event.outcome.kind === "failed"
        ? [event.outcome.error]
        : []
    );
    assert(failed[0] instanceof Error);
    assert("code" in failed[0] && failed[0].code === "not-found");
  });
});

Deno.test("library events: all of them are seen when they are asked for", async () => {
  await between(async (pair) => {
    const types = new Set<string>();
    await mirror({
      ...options(pair),
      events: "all",
      onEvent: ({ type }) => types.add(type),
    });
    for (const type of ["request", "blob-started", "blob-bytes"]) {
      assert(types.has(type), [...types].join());
    }
  });
});

Deno.test("library events: a callback that throws is not called again, and the run goes on", async () => {
  await between(async (pair) => {
    const calls = { event: 0, log: 0 };
    const report = await mirror({
      ...options(pair),
      onEvent: () => {
        calls.event++;
        throw new Error("display is gone");
      },
      onLog: () => {
        calls.log++;
        throw new Error("log is full");
      },
    });
    assertEquals(calls, { event: 1, log: 1 });
    assertEquals(
      report.images.map(({ outcome }) => outcome),
      ["copied", "failed"],
    );
  });
});
