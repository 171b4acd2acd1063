import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { parseImageList } from "../../../src/lists/image_list.ts";
import { planMirror } from "../../../src/mirror/plan/plan_mirror.ts";
import {
  parseShard,
  shardOf,
  takeShard,
} from "../../../src/mirror/plan/shard.ts";

const nothing = () => undefined;

Deno.test("shard: I/N, and auto/N from either variable", () => {
  const env = (set: Record<string, string>) => (name: string) => set[name];
  assertEquals(parseShard("0/1", "--shard", nothing), { index: 0, count: 1 });
  assertEquals(parseShard("7/8", "--shard", nothing), { index: 7, count: 8 });
  assertEquals(
    parseShard("auto/8", "--shard", env({ JOB_COMPLETION_INDEX: "3" })),
    { index: 3, count: 8 },
  );
  assertEquals(
    parseShard("auto/8", "--shard", env({ SLURM_ARRAY_TASK_ID: "5" })),
    { index: 5, count: 8 },
  );
  // A part that is run again alone: --array=5.
  assertEquals(
    parseShard(
      "auto/8",
      "--shard",
      env({
        SLURM_ARRAY_TASK_ID: "5",
        SLURM_ARRAY_TASK_MIN: "5",
        SLURM_ARRAY_TASK_MAX: "5",
      }),
    ),
    { index: 5, count: 8 },
  );
  assertEquals(
    parseShard(
      "auto/8",
      "--shard",
      env({ SLURM_ARRAY_TASK_ID: "5", JOB_COMPLETION_INDEX: "3" }),
    ),
    { index: 3, count: 8 },
  );
});

const REFUSED: readonly [string, Record<string, string>, string][] = [
  ["8/8", {}, "there is no part 8 of 8: want 0 to 7"],
  ["0/0", {}, "want 1 to 10000 parts"],
  ["0/10001", {}, "want 1 to 10000 parts"],
  ["-1/8", {}, "want I/N"],
  ["1", {}, "want I/N"],
  ["1/8/2", {}, "want I/N"],
  ["a/8", {}, "want I/N"],
  ["1.5/8", {}, "want I/N"],
  ["auto/8", {}, "neither JOB_COMPLETION_INDEX nor SLURM_ARRAY_TASK_ID is set"],
  ["auto/8", { JOB_COMPLETION_INDEX: "8" }, "(from JOB_COMPLETION_INDEX)"],
  ["auto/8", { JOB_COMPLETION_INDEX: "" }, 'JOB_COMPLETION_INDEX is ""'],
  ["auto/8", { SLURM_ARRAY_TASK_ID: "x" }, 'SLURM_ARRAY_TASK_ID is "x"'],
  // Of --array=1-8, the first tasks must not end well without the last one.
  [
    "auto/8",
    { SLURM_ARRAY_TASK_ID: "1", SLURM_ARRAY_TASK_MAX: "8" },
    "the job array goes to 8 (from SLURM_ARRAY_TASK_MAX)",
  ],
];

for (const [text, set, want] of REFUSED) {
  Deno.test(`shard: refused: ${text} ${JSON.stringify(set)}`, () => {
    const error = assertThrows(
      () => parseShard(text, "--shard", (name) => set[name]),
      Error,
    );
    assertStringIncludes(error.message, want);
    assertStringIncludes(error.message, "--shard");
    assertStringIncludes(error.message, JSON.stringify(text));
  });
}

/** A list with merges, conflicts, invalid lines, pins and skipped lines. */
function manyLines(): string {
  const lines: string[] = ["# a comment", ""];
  for (let i = 0; i < 700; i++) {
    const project = i % 40;
    lines.push(`q.io/p${project}/app${i % 320}:v${i}`);
    if (i % 50 === 0) lines.push(`one two`, `not an image at all ${i}`);
    if (i % 70 === 0) {
      lines.push(`q.io/a/m${i} d.io/merged/m${i} v1`);
      lines.push(`q.io/b/m${i} d.io/merged/m${i} v1`);
      lines.push(`q.io/x/app${i}:same`, `r.io/x/app${i}:same`);
      lines.push(`q.io/sig/app${i}:sha256-${"a".repeat(64)}.sig`);
      lines.push(`q.io/pin/app${i}@sha256:${"b".repeat(64)}`);
    }
  }
  return lines.join("\n");
}

const list = parseImageList(manyLines(), "images.txt");
const plan = planMirror(list, { destination: { host: "d.io" } });

function linesOf(part: ReturnType<typeof takeShard>): number[] {
  return [
    ...part.plan.tasks.flatMap(({ lines }) => lines),
    ...part.list.invalid.map(({ line }) => line),
  ];
}

Deno.test("shard: every line is in exactly one of 1 to 32 parts, and so is every repository", () => {
  const all = [...list.entries, ...list.invalid].map(({ line }) => line)
    .sort((a, b) => a - b);
  for (let count = 1; count <= 32; count++) {
    const lines: number[] = [];
    const home = new Map<string, number>();
    for (let index = 0; index < count; index++) {
      const part = takeShard(list, plan, { index, count });
      lines.push(...linesOf(part));
      // The lines of the part are those of its tasks.
      assertEquals(
        part.list.entries.map(({ line }) => line),
        part.plan.tasks.flatMap((task) => task.lines).sort((a, b) => a - b),
      );
      for (const { destination } of part.plan.tasks) {
        const name = `${destination.registry}/${destination.repository}`;
        assertEquals(home.get(name) ?? index, index, name);
        home.set(name, index);
      }
    }
    assertEquals(lines.sort((a, b) => a - b), all, `${count} parts`);
  }
});

Deno.test("shard: conflicts and merges stay whole, warnings go with their images", () => {
  const count = 8;
  const warned: string[] = [];
  for (let index = 0; index < count; index++) {
    const part = takeShard(list, plan, { index, count });
    for (const { message } of part.plan.warnings) {
      if (message.includes("merged in the order")) warned.push(message);
    }
    const refused = part.plan.tasks.filter(({ refusal }) => refusal);
    for (const { refusal, destination } of refused) {
      const partners = refused.filter((task) =>
        task.destination.repository === destination.repository
      );
      assert(partners.length >= 2, refusal!.message);
    }
  }
  assertEquals(
    warned.sort(),
    plan.warnings.map(({ message }) => message)
      .filter((text) => text.includes("merged in the order")).sort(),
  );
});

Deno.test("shard: parts are of like size, and one more moves its own share alone", () => {
  const names = [...Array(20_000).keys()].map((i) =>
    `registry.example:5000/team-${i % 97}/service-${i}`
  );
  for (const count of [1, 2, 3, 7, 8, 31, 32]) {
    const before = names.map((name) => shardOf(name, count));
    const share = names.length / count;
    for (let part = 0; part < count; part++) {
      const size = before.filter((own) => own === part).length;
      // Five standard deviations of a fair draw.
      const slack = 5 * Math.sqrt(share * (1 - 1 / count)) + 1;
      assert(Math.abs(size - share) < slack, `${part}/${count}: ${size}`);
    }
    const after = names.map((name) => shardOf(name, count + 1));
    const moved = after.filter((own, i) => own !== before[i]);
    assert(moved.every((own) => own === count), "only to the new part");
    const expected = names.length / (count + 1);
    assert(Math.abs(moved.length - expected) < 5 * Math.sqrt(expected) + 1);
  }
});

Deno.test("shard: where a repository falls never changes from version to version", () => {
  // Machines that run two versions for a while must share a list out alike.
  const places = ["d.io/library/nginx", "d.io/library/redis", "d.io/corp/api"]
    .map((name) => shardOf(name, 32));
  // Worked out by another implementation of the formula, in big integers.
  assertEquals(places, [18, 14, 19]);
});
