import { assert, assertEquals } from "@std/assert";
import { Estimate } from "../../src/report/estimate.ts";

function estimate(images: number) {
  let at = 0;
  const made = new Estimate(images, () => at);
  /** Looks once a second; `each` ms pass for each image that ends. */
  const run = (count: number, each: number) => {
    const said: (number | undefined)[] = [];
    for (let i = 0; i < count; i++) {
      for (let t = 0; t < each; t += 1000) {
        at += Math.min(1000, each - t);
        said.push(made.left());
      }
      made.finished();
    }
    return said;
  };
  return { made, run };
}

Deno.test("estimate: nothing is said at first, then what an even run takes", () => {
  const { made, run } = estimate(100);
  const early = run(10, 1000);
  assertEquals(early.every((left) => left === undefined), true);
  run(30, 1000);
  const left = made.left()!;
  assert(Math.abs(left - 60_000) < 2_000, `${left}`);
});

Deno.test("estimate: it is taken back while the run becomes much slower", () => {
  const { made, run } = estimate(100);
  run(40, 1000);
  assert(made.left() !== undefined);
  const slow = run(4, 12_000);
  assertEquals(slow.at(-1), undefined);
  // Even again, for long enough.
  run(20, 2_000);
  assert(made.left() !== undefined);
});

Deno.test("estimate: what was said changes by little from one second to the next", () => {
  const { run } = estimate(200);
  const said = run(199, 1500);
  for (const [i, left] of said.entries()) {
    const next = said[i + 1];
    if (left === undefined || next === undefined) continue;
    assert(
      Math.abs(left - next) <= Math.max(3_000, left * 0.1),
      `${left} ${next}`,
    );
  }
  assert(said.filter((left) => left !== undefined).length > 100);
});

Deno.test("estimate: nothing is left in the end", () => {
  const { made, run } = estimate(30);
  run(30, 1000);
  assertEquals(made.left(), undefined);
});
