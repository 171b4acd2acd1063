import { assertEquals } from "@std/assert";
import type { ImagePhase } from "../../src/mirror/events.ts";
import { PhaseClock } from "../../src/report/phases.ts";

function clock() {
  let at = 0;
  const made = new PhaseClock(() => at);
  return {
    made,
    pass: (ms: number) => at += ms,
    enter: (phase: ImagePhase) => made.sink({ type: "phase", image: 1, phase }),
    starts: () => made.sink({ type: "blob-started", image: 1, size: 1 }),
    waits: (waits: boolean) =>
      made.sink({ type: "blob-waits", image: 1, waits }),
    ends: () =>
      made.sink({
        type: "blob-finished",
        image: 1,
        digest: "d",
        size: 1,
        how: "sent",
      }),
  };
}

Deno.test("phases: an image is checked first, and each phase has its time", () => {
  const { made, pass, enter } = clock();
  assertEquals(made.phase, "checking");
  pass(10);
  enter("copying");
  pass(20);
  enter("tagging");
  pass(5);
  assertEquals(made.phase, "tagging");
  assertEquals(made.times(), { checking: 10, copying: 20, tagging: 5 });
});

Deno.test("phases: an image waits only while all of its blobs do", () => {
  const { made, pass, enter, starts, waits, ends } = clock();
  enter("copying");
  assertEquals(made.phase, "copying", "no blob has begun");
  starts();
  waits(true);
  starts();
  assertEquals(made.phase, "copying", "the second does not wait");
  pass(10);
  waits(true);
  assertEquals(made.phase, "waiting");
  pass(30);
  waits(false);
  assertEquals(made.phase, "copying");
  pass(10);
  ends();
  assertEquals(made.phase, "waiting", "only the waiting one is left");
  pass(1);
  waits(false);
  ends();
  assertEquals(made.phase, "copying");
  assertEquals(made.times(), { copying: 20, waiting: 31 });
});

Deno.test("phases: blobs that are looked at while an image is checked do not wait", () => {
  const { made, starts, waits } = clock();
  starts();
  waits(true);
  assertEquals(made.phase, "checking");
});
