import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { commandsBelow, placeRoot } from "../../src/cli/flags/command_spec.ts";
import { runCommandTree } from "../../src/cli/flags/command_tree.ts";
import {
  misspeltVariables,
  variableOf,
} from "../../src/cli/flags/flag_variables.ts";
import type { FlagSpec, FlagValues } from "../../src/cli/flags/flags.ts";
import { root } from "../../src/cli/tree.ts";
import { hangar } from "../support/hangar.ts";
import { makeImage } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const FLAGS: readonly FlagSpec[] = [
  { name: "arch", short: "a", type: "strings", default: ["amd64"], help: "" },
  { name: "os", type: "strings", default: ["linux"], help: "" },
  {
    name: "platform",
    type: "strings",
    insteadOf: ["arch", "os"],
    help: "",
  },
  { name: "file", type: "string", required: true, help: "" },
  { name: "max-per-host", type: "int", default: 6, help: "" },
  { name: "keep", type: "bool", default: true, help: "" },
  { name: "tls", type: "bool", help: "" },
  { name: "wait", type: "duration", default: "10m0s", help: "" },
  { name: "deep", type: "string", bare: "a", choices: ["a", "b"], help: "" },
];

/** Runs a small tree with variables; gives what reached the command. */
async function parse(
  env: Readonly<Record<string, string>>,
  ...args: string[]
) {
  let values: FlagValues | undefined;
  let output = "";
  const code = await runCommandTree(
    {
      name: "tool",
      summary: "",
      usage: [],
      flags: [{ name: "debug", type: "bool", default: false, help: "" }],
      subcommands: [{
        name: "go",
        summary: "",
        usage: [],
        flags: FLAGS,
        run: (given) => {
          values = given;
          return Promise.resolve(0);
        },
      }],
    },
    ["go", ...args],
    {
      stdout: (text: string) => output += text,
      stderr: (text: string) => output += text,
      env: (name: string) => env[name],
    },
  );
  return { code, values: values!, output };
}

Deno.test("variables: each sets its flag, parsed as the flag is", async () => {
  const { code, values, output } = await parse({
    HANGAR_ARCH: "amd64,arm/v7",
    HANGAR_FILE: "list.txt",
    HANGAR_MAX_PER_HOST: "3",
    HANGAR_KEEP: "false",
    HANGAR_TLS: "1",
    HANGAR_WAIT: "1h30m",
    HANGAR_DEEP: "b",
    HANGAR_DEBUG: "true",
    // Of no flag of this command, and of another program.
    HANGAR_SHARD: "x",
    FILE: "other.txt",
  });
  assertEquals([code, output], [0, ""]);
  assertEquals(values.strings("arch"), ["amd64", "arm/v7"]);
  assertEquals(values.string("file"), "list.txt");
  assertEquals(values.int("max-per-host"), 3);
  assertEquals(values.bool("keep"), false);
  assertEquals(values.optionalBool("tls"), true);
  assertEquals(values.durationMs("wait"), 5_400_000);
  assertEquals(values.string("deep"), "b");
  assertEquals(values.bool("debug"), true);
  assert(values.given("max-per-host"));
});

Deno.test("variables: a flag wins, and an empty variable is none", async () => {
  const { values } = await parse(
    { HANGAR_MAX_PER_HOST: "3", HANGAR_ARCH: "s390x", HANGAR_WAIT: "" },
    "--max-per-host=9",
    "-a",
    "arm64",
    "--file=x",
  );
  assertEquals(values.int("max-per-host"), 9);
  assertEquals(values.strings("arch"), ["arm64"]);
  assertEquals([values.given("wait"), values.durationMs("wait")], [
    false,
    600_000,
  ]);
});

Deno.test("variables: a flag wins over those of the flags that it replaces", async () => {
  const platform = { HANGAR_PLATFORM: "linux/s390x", HANGAR_FILE: "x" };
  const byArch = await parse(platform, "--arch=arm64");
  assertEquals(byArch.values.given("platform"), false);
  const both = { HANGAR_ARCH: "arm", HANGAR_OS: "windows", HANGAR_FILE: "x" };
  const byPlatform = await parse(both, "--platform=linux/arm64");
  assertEquals(
    ["arch", "os"].map((name) => byPlatform.values.given(name)),
    [false, false],
  );
  // Two variables are the user's to put right.
  const { values } = await parse({ ...platform, ...both });
  assertEquals([values.given("platform"), values.given("arch")], [true, true]);
});

for (
  const [name, value, flag] of [
    ["HANGAR_MAX_PER_HOST", "many", "--max-per-host"],
    ["HANGAR_KEEP", "maybe", "--keep"],
    ["HANGAR_WAIT", "5", "--wait"],
    ["HANGAR_DEEP", "c", "--deep"],
  ] as const
) {
  Deno.test(`variables: ${name}=${value} is exit 2, and names both`, async () => {
    const { code, output } = await parse({ [name]: value, HANGAR_FILE: "x" });
    assertEquals(code, 2);
    assertStringIncludes(output, `"${value}" for ${flag} (${name}): want `);
    assertEquals(output.trimEnd().split("\n").length, 1);
  });
}

Deno.test("variables: what a command finds wrong names the variable too", async () => {
  const env = { HANGAR_FILE: "-", HANGAR_DESTINATION: "reg.io/team" };
  const { code, stderr } = await hangar(["mirror"], { env });
  assertEquals(code, 2);
  assertStringIncludes(
    stderr,
    'invalid value "reg.io/team" for --destination (HANGAR_DESTINATION): want',
  );
});

Deno.test("variables: each sets one kind of thing, whatever the command", () => {
  const kinds = new Map<string, string>();
  for (const { flags } of commandsBelow(placeRoot(root))) {
    for (const flag of flags) {
      const variable = variableOf(flag);
      if (variable === undefined) continue;
      const name = flag.variable ? "" : flag.name;
      const kind = `${name} ${flag.isFile ? "file" : "value"}`;
      assertEquals(kinds.get(variable) ?? kind, kind, variable);
      kinds.set(variable, kind);
      assert(/^HANGAR_[A-Z0-9_]+$/.test(variable), variable);
    }
  }
  assert(kinds.size > 40);
});

Deno.test("variables: a registry never becomes the name of an archive", async () => {
  await using pair = new Pair();
  pair.source.install("corp/app", "v1", makeImage({ seed: "a" }));
  const directory = await Deno.makeTempDir();
  const archive = `${directory}/carry.tar`;
  const env = {
    HANGAR_SOURCE: `http://${pair.source.host}`,
    HANGAR_DESTINATION: `http://${pair.destination.host}`,
    HANGAR_ARCHIVE: archive,
    HANGAR_FAILED: pair.failed,
  };
  const list = { env, stdin: "corp/app:v1\n" };
  for (
    const [words, options] of [
      [["save", "-f-"], list],
      [["save", "validate", "-f-"], list],
      [["sync", "-f-"], list],
      [["archive", "verify", archive], {
        env: { ...env, HANGAR_FILE: "images.txt" },
      }],
      [["load"], { env }],
    ] as const
  ) {
    const { code, stderr } = await hangar(words, options);
    assertEquals(code, 0, `${words.join(" ")}: ${stderr}`);
  }
  assertEquals(
    pair.destination.digestOf("corp/app", "v1"),
    pair.source.digestOf("corp/app", "v1"),
  );
  const { code, stderr } = await hangar(
    ["archive", "export", "-f-", `--failed=${pair.failed}`],
    list,
  );
  assertEquals(code, 2);
  assertStringIncludes(stderr, "--destination is missing");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("variables: those that are nearly right are told, others are not", async () => {
  assertEquals(
    misspeltVariables(
      [
        "HANGAR_MAX_PER_HOSTS",
        "HANGAR_FILE",
        "HANGAR_PORT",
        "HANGAR_SERVICE_HOST",
        "HANGAR_PORT_80_TCP_ADDR",
        "HANGAR_GO",
        "MAX_PER_HOSTS",
      ],
      FLAGS,
    ),
    ["HANGAR_MAX_PER_HOSTS sets no flag; did you mean HANGAR_MAX_PER_HOST?"],
  );
  const { stderr } = await hangar(["mirror", "-f-"], {
    env: { HANGAR_DESTINATON: "reg.io", HANGAR_PORT: "tcp://10.0.0.1:80" },
  });
  assertEquals(
    stderr.split("\n").filter((line) => line.includes("HANGAR_"))
      .map((line) => line.replace(/^\[.{8}\] /, "")),
    [
      "[WARN] HANGAR_DESTINATON sets no flag; did you mean HANGAR_DESTINATION?",
    ],
  );
});

Deno.test("variables: a whole run is set up by them", async () => {
  await using pair = new Pair();
  pair.source.install("corp/app", "v1", makeImage({ seed: "a" }));
  const { code, stderr } = await hangar(["mirror"], {
    env: {
      HANGAR_FILE: "-",
      HANGAR_SOURCE: `http://${pair.source.host}`,
      HANGAR_DESTINATION: `http://${pair.destination.host}`,
      HANGAR_FAILED: pair.failed,
      HANGAR_QUIET: "true",
    },
    stdin: "corp/app:v1\n",
  });
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.tags(), ["corp/app:v1"]);
});
