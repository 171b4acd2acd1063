import { assertEquals, assertRejects } from "@std/assert";
import { sharedWork } from "../src/shared_work.ts";

Deno.test("shared work is done once, and again after it failed", async () => {
  const known = new Map<string, Promise<number>>();
  let runs = 0;
  const work = () => Promise.resolve(++runs);
  assertEquals(
    await Promise.all([
      sharedWork(known, "a", work),
      sharedWork(known, "a", work),
      sharedWork(known, "b", work),
    ]),
    [1, 1, 2],
  );
  assertEquals(await sharedWork(known, "a", work), 1);
  const fail = () => Promise.reject<number>(new Error("not now"));
  await assertRejects(() => sharedWork(known, "c", fail), Error, "not now");
  assertEquals(await sharedWork(known, "c", work), 3);
});

Deno.test("shared work: a failure takes away no newer work", async () => {
  const known = new Map<string, Promise<number>>();
  const { promise, reject } = Promise.withResolvers<number>();
  const old = sharedWork(known, "a", () => promise);
  known.delete("a");
  const newer = sharedWork(known, "a", () => Promise.resolve(2));
  reject(new Error("too late"));
  await assertRejects(() => old, Error, "too late");
  assertEquals(await newer, 2);
  assertEquals(known.get("a"), newer);
});
