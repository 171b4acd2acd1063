import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  findViolations,
  parseModuleGraph,
  readProject,
  roomOf,
} from "../../scripts/check_rooms.ts";

/** Violations of a project given as `file → imports`, with harmless text. */
function judge(
  imports: Record<string, string[]>,
  sources: Record<string, string> = {},
): string[] {
  return findViolations({
    imports: new Map(Object.entries(imports)),
    sources: new Map(Object.entries(sources)),
  });
}

Deno.test("a file's room is its directory, or its own name", () => {
  assertEquals(roomOf("src/oci/digest.ts"), "oci");
  assertEquals(roomOf("src/oci/deep/er.ts"), "oci");
  assertEquals(roomOf("src/errors.ts"), "errors");
  assertEquals(roomOf("main.ts"), "main");
  assertEquals(roomOf("scripts/demo.ts"), undefined);
});

Deno.test("imports that the table allows are no violation", () => {
  assertEquals(
    judge({
      "main.ts": ["src/cli/root.ts"],
      "src/cli/root.ts": ["src/auth/keychain.ts", "src/report/console.ts"],
      "src/auth/keychain.ts": ["src/auth/auth_file.ts", "src/errors.ts"],
      "src/auth/auth_file.ts": [],
      "src/report/console.ts": ["src/mirror/events.ts"],
      "src/mirror/events.ts": [],
      "src/errors.ts": [],
    }),
    [],
  );
});

for (
  const [from, to] of [
    ["src/oci/digest.ts", "src/names/reference.ts"],
    ["src/auth/keychain.ts", "src/oci/digest.ts"],
    ["src/registry/registry.ts", "src/auth/token.ts"],
    ["src/copy/copy_blob.ts", "src/transport/transport.ts"],
    ["src/report/console.ts", "src/mirror/plan.ts"],
    ["src/errors.ts", "src/oci/digest.ts"],
    ["src/oci/digest.ts", "main.ts"],
    ["src/oci/digest.ts", "scripts/demo.ts"],
    ["main.ts", "src/oci/digest.ts"],
  ] as const
) {
  Deno.test(`${from} may not import ${to}`, () => {
    const violations = judge({ [from]: [to] });
    assertEquals(violations.length, 1);
    assert(violations[0]?.endsWith(`may not import ${to}`), violations[0]);
  });
}

Deno.test("a file outside every room is a violation", () => {
  assertEquals(judge({ "src/attic/a.ts": [], "src/loose.ts": [] }), [
    "src/attic/a.ts: in no room of the table",
    "src/loose.ts: in no room of the table",
  ]);
});

Deno.test("files that import in a circle are a violation, within a room too", () => {
  assertEquals(
    judge({
      "src/oci/a.ts": ["src/oci/b.ts"],
      "src/oci/b.ts": ["src/oci/c.ts"],
      "src/oci/c.ts": ["src/oci/b.ts"],
    }),
    ["circle: src/oci/b.ts -> src/oci/c.ts -> src/oci/b.ts"],
  );
});

Deno.test("two ways to one file are no circle", () => {
  assertEquals(
    judge({
      "src/oci/a.ts": ["src/oci/b.ts", "src/oci/c.ts"],
      "src/oci/b.ts": ["src/oci/d.ts"],
      "src/oci/c.ts": ["src/oci/d.ts"],
      "src/oci/d.ts": [],
    }),
    [],
  );
});

for (
  const text of [
    "a;\nDeno.cwd();",
    "a;\nglobalThis.Deno?.env;",
    'a;\nDeno["env"];',
    "a;\nconst { env } = Deno;",
    "`//`;\nDeno.cwd();",
  ]
) {
  Deno.test(`Deno is found, with its line, in ${JSON.stringify(text)}`, () => {
    const violations = judge({ "src/oci/a.ts": [] }, { "src/oci/a.ts": text });
    assertEquals(violations, ["src/oci/a.ts:2: uses Deno"]);
  });
}

Deno.test("Deno may be used where the host is, and named in comments anywhere", () => {
  const text = "Deno.cwd();";
  const files = {
    "main.ts": text,
    "src/machine/traces.ts": text,
    "src/cli/deep/er.ts": text,
    "src/machine/certs_d.ts": text,
    "src/transport/host_client.ts": text,
    "src/oci/a.ts": "/** As `Deno.cwd()` does. */ a; // Deno.cwd()",
  };
  const imports = Object.keys(files).map((path) => [path, []]);
  assertEquals(judge(Object.fromEntries(imports), files), []);
});

Deno.test("a source that main.ts does not reach is a violation, declarations aside", () => {
  assertEquals(
    judge({ "main.ts": [] }, {
      "main.ts": "",
      "src/std.d.ts": "",
      "src/oci/forgotten.ts": "",
    }),
    ["src/oci/forgotten.ts: not in the module graph of main.ts"],
  );
});

Deno.test("a graph that is none is refused", async () => {
  await assertRejects(
    () => Promise.resolve().then(() => parseModuleGraph([], "file:///p/")),
    Error,
    "something else",
  );
});

Deno.test("a project on disk is read with its type-only, dynamic and broken imports", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const root = new URL(`file://${await Deno.realPath(directory)}/`);
    const files = {
      "deno.json": `{ "compilerOptions": { "types": ["./src/std.d.ts"] } }`,
      "main.ts": `import type { A } from "./src/oci/a.ts";
        export type { B } from "./src/oci/b.ts";
        export const a: A = await import("./src/errors.ts");
        import "./src/gone.ts";`,
      "src/oci/a.ts": "export type A = unknown;",
      "src/oci/b.ts":
        `export type B = import("./a.ts").A; export const d = Deno;`,
      "src/errors.ts": `import "node:path";`,
      "src/std.d.ts": "",
    };
    await Deno.mkdir(new URL("src/oci/", root), { recursive: true });
    for (const [path, text] of Object.entries(files)) {
      await Deno.writeTextFile(new URL(path, root), text);
    }
    const project = await readProject(root);
    assertEquals(Object.fromEntries(project.imports), {
      "main.ts": [
        "src/oci/a.ts",
        "src/oci/b.ts",
        "src/errors.ts",
        "src/gone.ts",
      ],
      "src/oci/a.ts": [],
      "src/oci/b.ts": ["src/oci/a.ts"],
      "src/errors.ts": [],
    });
    assertEquals(findViolations(project), [
      "cannot load src/gone.ts",
      "main.ts: main may not import src/oci/a.ts",
      "main.ts: main may not import src/oci/b.ts",
      "main.ts: main may not import src/errors.ts",
      "main.ts: main may not import src/gone.ts",
      "src/oci/b.ts:1: uses Deno",
    ]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
