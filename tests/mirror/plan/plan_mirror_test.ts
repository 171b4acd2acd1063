import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { formatReference } from "../../../src/names/reference.ts";
import { HangarError } from "../../../src/errors.ts";
import {
  planMirror,
  type PlanOptions,
} from "../../../src/mirror/plan/plan_mirror.ts";
import { parseImageList } from "../../../src/lists/image_list.ts";

const D = { destination: { host: "d.io" } };
const SHA = `sha256:${"a".repeat(64)}`;

function plan(text: string, options: PlanOptions = {}) {
  return planMirror(parseImageList(text, "images.txt"), options);
}

const CASES: readonly [string, PlanOptions, string][] = [
  ["nginx", D, "docker.io/library/nginx:latest => d.io/library/nginx:latest"],
  ["nginx", {}, "docker.io/library/nginx:latest => docker.io/u/nginx:latest"],
  [
    "registry.k8s.io/pause:3",
    D,
    "registry.k8s.io/pause:3 => d.io/library/pause:3",
  ],
  [
    "registry.k8s.io/pause:3",
    { ...D, source: { host: "localhost:5000" } },
    "localhost:5000/pause:3 => d.io/library/pause:3",
  ],
  [
    "nginx",
    { ...D, source: { host: "s.io" } },
    "s.io/library/nginx:latest => d.io/library/nginx:latest",
  ],
  [
    "q.io/a/b/c:1",
    { ...D, destinationProject: "p" },
    "q.io/a/b/c:1 => d.io/p/b/c:1",
  ],
  [
    "q.io/a/b/c:1",
    { ...D, sourceProject: "p" },
    "q.io/p/b/c:1 => d.io/a/b/c:1",
  ],
  ["q.io/x:1", { ...D, destinationProject: "p" }, "q.io/x:1 => d.io/p/x:1"],
  ["q.io/a/b r.io/c 1", {}, "q.io/a/b:1 => r.io/c:1"],
  ["q.io/a/b r.io/c/d 1", D, "q.io/a/b:1 => d.io/c/d:1"],
  ["q.io/a/b c 1", {}, "q.io/a/b:1 => docker.io/library/c:1"],
  [
    "q.io/x:1",
    { ...D, source: { host: "docker.io" } },
    "docker.io/library/x:1 => d.io/library/x:1",
  ],
  [
    "q.io/a/b d.io/c 1",
    { destination: { host: "docker.io" } },
    "q.io/a/b:1 => docker.io/library/c:1",
  ],
  [`q.io/a/b@${SHA}`, D, `q.io/a/b@${SHA} => d.io/a/b@${SHA}`],
  [`q.io/a/b:t@${SHA}`, D, `q.io/a/b:t@${SHA} => d.io/a/b:t@${SHA}`],
];

for (const [line, options, want] of CASES) {
  Deno.test(`plan: ${line.slice(0, 30)} ${JSON.stringify(options)}`, () => {
    const chosen = want.includes("docker.io/u/")
      ? { ...options, destinationProject: "u" }
      : options;
    const [task] = plan(line, chosen).tasks;
    assertEquals(
      `${formatReference(task!.sources[0]!)} => ${
        formatReference(task!.destination)
      }`,
      want,
    );
    assertEquals(task!.refusal, undefined);
  });
}

Deno.test("plan: a default-format line from elsewhere is never sent to the Hub by default", () => {
  const error = assertThrows(
    () => plan("nginx\nquay.io/corp/x"),
    HangarError,
    "images.txt:2: quay.io/corp/x:latest",
  );
  assertEquals(error.code, "usage");
});

Deno.test("plan: nor is one whose source --source replaces", () => {
  const source = { host: "quay.io" };
  const error = assertThrows(
    () => plan("corp/x", { source }),
    HangarError,
    "images.txt:1: quay.io/corp/x:latest",
  );
  assertEquals(error.code, "usage");
  assertThrows(
    () => plan("q.io/x", { source: { host: "docker.io" } }),
    HangarError,
    "q.io/x:latest",
  );
  assertEquals(
    plan("corp/x\nq.io/x r.io/y 1", {
      source,
      destination: { host: "docker.io" },
    }).tasks.map(({ refusal }) => refusal),
    [undefined, undefined],
  );
});

Deno.test("plan: the same copy named twice is done once, and stands for both lines", () => {
  const { tasks, warnings } = plan("a/b:1\nc/d:1\ndocker.io/a/b:1", D);
  assertEquals(tasks.map((t) => [t.id, t.lines]), [[1, [1, 3]], [2, [2]]]);
  assertEquals(warnings, []);
});

Deno.test("plan: sources of one destination tag are one task, named in one warning", () => {
  const { tasks, warnings } = plan(
    "x/a r.io/m/n 1\ny/b r.io/m/n 1\nz/c r.io/m/n 2",
  );
  assertEquals(tasks.length, 2);
  assertEquals(tasks[0]!.sources.map(formatReference), [
    "docker.io/x/a:1",
    "docker.io/y/b:1",
  ]);
  assertEquals(warnings.length, 1);
  assertStringIncludes(warnings[0]!.message, "lines 1 and 2");
});

Deno.test("plan: a pinned line and another for one tag contradict each other", () => {
  const { tasks } = plan(`a/b:1@${SHA}\na/b:1\n`, D);
  assertEquals(tasks.length, 1);
  assertEquals(tasks[0]!.refusal?.code, "conflict");
  assertEquals(tasks[0]!.lines, [1, 2]);
});

Deno.test("plan: source and destination in one place are refused for that line alone", () => {
  for (const line of ["a/b:1", `a/b@${SHA}`, `a/b:1@${SHA}`]) {
    const { tasks } = plan(`${line}\nx/y z/w 1`, {});
    assertEquals(tasks.map((t) => t.refusal?.code), ["conflict", undefined]);
  }
});

Deno.test("plan: pinned images bring one warning of each kind", () => {
  const { warnings } = plan(`a/b@${SHA}\nc/d@${SHA}\ne/f:1@${SHA}`, D);
  assertEquals(warnings.length, 2);
});

for (
  const [name, text, options] of [
    [
      "by --destination-project",
      "quay.io/aaa/controller:v1\nregistry.k8s.io/bbb/controller:v1",
      { ...D, destinationProject: "flat" },
    ],
    [
      "by --destination, default format",
      "quay.io/aaa/controller:v1\nr.io/aaa/controller:v1",
      D,
    ],
    [
      "by --destination, mirror format",
      "q.io/a x.io/p/app v1\nq.io/b y.io/p/app v1",
      D,
    ],
    [
      "in two formats",
      "q.io/a d.io/p/app v1\nr.io/p/app:v1",
      D,
    ],
  ] as const
) {
  Deno.test(`plan: unrelated images that meet at one tag ${name} are a conflict, each`, () => {
    const { tasks, warnings } = plan(text, options);
    assertEquals(warnings, []);
    assertEquals(tasks.map(({ id, lines }) => [id, lines]), [
      [1, [1]],
      [2, [2]],
    ]);
    for (const [i, { refusal }] of tasks.entries()) {
      assertEquals(refusal?.code, "conflict");
      assertStringIncludes(
        refusal!.message,
        `images.txt: line ${i + 1} would write d.io/`,
      );
      assertStringIncludes(refusal!.message, `so would line ${2 - i} `);
    }
  });
}

Deno.test("plan: lines that name one DESTINATION are merged, also with --destination, and the same copy is done once", () => {
  for (const options of [{}, D]) {
    const { tasks, warnings } = plan(
      "q.io/a d.io/p/app v1\nq.io/b d.io/p/app v1\nq.io/a d.io/p/app v1",
      options,
    );
    assertEquals(tasks.length, 1);
    assertEquals(tasks[0]!.refusal, undefined);
    assertEquals(tasks[0]!.sources.length, 2);
    assertStringIncludes(warnings[0]!.message, "lines 1, 2 and 3");
  }
  const twice = plan("q.io/p/app:v1\nq.io/p/app d.io/p/app v1", D);
  assertEquals(twice.tasks.map((t) => [t.lines, t.refusal]), [
    [[1, 2], undefined],
  ]);
});

Deno.test("plan: a conflict of very many lines names ten of the others, and counts the rest", () => {
  const count = 20_000;
  const text = Array.from({ length: count }, (_, i) => `q.io/p${i}/app:v1`)
    .join("\n");
  const { tasks } = plan(text, { ...D, destinationProject: "flat" });
  assertEquals(tasks.length, count);
  assertStringIncludes(
    tasks[0]!.refusal!.message,
    `lines 2, 3, 4, 5, 6, 7, 8, 9, 10 and 11 (and ${count - 11} more)`,
  );
  const longest = Math.max(...tasks.map((t) => t.refusal!.message.length));
  assertEquals(longest < 300, true);
});
