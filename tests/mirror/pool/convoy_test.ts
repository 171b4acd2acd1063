import { assert, assertEquals } from "@std/assert";
import type { MirrorTask } from "../../../src/mirror/plan/task.ts";
import { inConvoys } from "../../../src/mirror/pool/convoy.ts";

function tasksOf(lines: number, places: number): MirrorTask[] {
  const tasks: MirrorTask[] = [];
  for (let id = 1; id <= lines; id++) {
    for (let place = 0; place < places; place++) {
      const destination = { registry: `d${place}.io`, repository: `r${id}` };
      tasks.push({
        id,
        place,
        lines: [id],
        texts: [`r${id}`],
        sources: [],
        destination,
      });
    }
  }
  return tasks;
}

/** A clock of the test's own: work takes what the test says. */
const sleep = (ms: number) => new Promise<void>((r) => setTimeout(r, ms));

Deno.test("convoy: the results are in the order of the tasks, whatever ends first", async () => {
  const tasks = tasksOf(12, 3);
  const results = await inConvoys(tasks, {
    jobs: 3,
    work: async (task) => {
      await sleep((task.id * 7 + (task.place ?? 0) * 5) % 11);
      return `${task.id}/${task.place}`;
    },
  });
  assertEquals(results, tasks.map(({ id, place }) => `${id}/${place}`));
});

Deno.test("convoy: the images of a line run together, and each destination has at most so many", async () => {
  const under = new Map<number, Set<number>>();
  let most = 0;
  await inConvoys(tasksOf(20, 3), {
    jobs: 4,
    work: async ({ id, place = 0 }, company) => {
      const mine = under.get(place) ?? new Set<number>();
      under.set(place, mine.add(id));
      most = Math.max(most, mine.size);
      await sleep(2);
      assert(company.places.has(place));
      // Whoever works in step is at one of the same few lines.
      for (const other of under.values()) {
        for (const line of other) assert(Math.abs(line - id) < 8);
      }
      mine.delete(id);
    },
  });
  assertEquals(most, 4);
});

Deno.test("convoy: a destination that others would wait for is left behind, and does all", async () => {
  let now = 0;
  const ended = new Map<number, number[]>([[0, []], [1, []], [2, []]]);
  const leftBehind: number[][] = [];
  const held: (() => void)[] = [];
  let freeing: ReturnType<typeof setInterval> | undefined;
  const run = inConvoys(tasksOf(30, 3), {
    jobs: 2,
    now: () => now,
    onLeftBehind: (places) => leftBehind.push([...places]),
    work: async ({ id, place = 0 }, company) => {
      if (place === 1) {
        // It stands still until the others are through.
        company.waitedFor(1, 10_000);
        await new Promise<void>((resolve) => held.push(resolve));
      } else now += 10;
      ended.get(place)!.push(id);
      if (ended.get(0)!.length + ended.get(2)!.length === 60) {
        freeing ??= setInterval(() => held.shift()?.(), 1);
      }
    },
  });
  await run;
  clearInterval(freeing);
  assertEquals(leftBehind, [[1]]);
  assertEquals([...ended.values()].map((ids) => ids.length), [30, 30, 30]);
});

Deno.test("convoy: time that others wait counts, and two slow ones go on together", async () => {
  const together: number[] = [];
  const leftBehind: number[][] = [];
  await inConvoys(tasksOf(6, 3), {
    jobs: 1,
    // A second here is a millisecond of waiting.
    now: () => performance.now() * 1000,
    onLeftBehind: (places) => leftBehind.push([...places].sort()),
    work: async ({ place = 0 }, company) => {
      await sleep(place === 0 ? 1 : 60);
      if (place !== 0) together.push(company.places.size);
    },
  });
  assertEquals(leftBehind, [[1, 2]]);
  assert(together.length === 12);
});

Deno.test("convoy: where all are equally slow, nobody is left behind", async () => {
  const leftBehind: number[][] = [];
  await inConvoys(tasksOf(3, 2), {
    jobs: 1,
    now: () => 0,
    onLeftBehind: (places) => leftBehind.push([...places]),
    work: (_, company) => {
      company.waitedFor(0, 1_999);
      company.waitedFor(1, 3_000);
      return Promise.resolve();
    },
  });
  assertEquals(leftBehind, []);
});
