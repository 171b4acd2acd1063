import { assertEquals } from "@std/assert";
import { RecentSources } from "../../src/copy/recent_source.ts";
import { waitForPulls } from "../../src/mirror/entry_steps.ts";
import { MemoryStore } from "../support/memory_store.ts";

Deno.test("pull limit: waits until enough is left, and asks the registry after each wait", async () => {
  const answers = [5, 5, 9, 50];
  let left = answers.shift()!;
  const waits: number[] = [];
  const notes: string[] = [];
  let asked = 0;
  class Counting extends MemoryStore {
    override headManifest(...of: Parameters<MemoryStore["headManifest"]>) {
      asked++;
      return super.headManifest(...of);
    }
  }
  // What sources say is remembered, but this must be asked for anew.
  const store = new RecentSources([])
    .around(new Counting({ id: "r.io" }), "a");
  let untimed = 0;
  await waitForPulls(
    {
      task: {
        id: 1,
        lines: [1],
        texts: [""],
        sources: [{ registry: "r.io", repository: "a", tag: "1" }],
        destination: { registry: "d.io", repository: "a", tag: "1" },
      },
      sources: [{
        store,
        repository: "a",
        blobs: new Map(),
        manifests: new Map(),
        allowance: { manifests: 1 },
      }],
      events: { warn: () => {}, note: (text) => notes.push(text) },
      signal: new AbortController().signal,
      untimed: (work) => {
        untimed++;
        return work();
      },
    },
    {
      pullsLeft: () => left,
      wait: (ms) => {
        waits.push(ms);
        left = answers.shift()!;
        return Promise.resolve();
      },
    },
    { min: 10, retryMs: 360_000 },
  );
  assertEquals(waits, [360_000, 360_000, 360_000]);
  assertEquals(
    notes[0],
    "r.io allows 5 more pulls, and 10 must be left: looked at again in 360 s",
  );
  assertEquals(untimed, 1);
  assertEquals(asked, 3);
});
