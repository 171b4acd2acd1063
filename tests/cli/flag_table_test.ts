/**
 * Every command against every flag of the tree: what a command takes, what its
 * help shows, what a shell is offered and what the reference documents are one.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { flagReference } from "../../scripts/flag_reference.ts";
import {
  commandsBelow,
  type PlacedCommand,
  placeRoot,
} from "../../src/cli/flags/command_spec.ts";
import { runCommandTree } from "../../src/cli/flags/command_tree.ts";
import { completionsFor } from "../../src/cli/completion/completion.ts";
import {
  type FlagSpec,
  type FlagValues,
  lettersOf,
  namesOf,
  takesWord,
} from "../../src/cli/flags/flags.ts";
import type { CommandSpec } from "../../src/cli/flags/command_spec.ts";
import type { CliContext } from "../../src/cli/context.ts";
import { root } from "../../src/cli/tree.ts";
import { hangar } from "../support/hangar.ts";

type Command = PlacedCommand<CliContext>;

const COMMANDS = commandsBelow(placeRoot(root));
const BELOW = COMMANDS.filter(({ parent }) => parent !== undefined);

const ALL_FLAGS = new Map(
  COMMANDS.flatMap(({ flags }) => flags).map((flag) => [flag.name, flag]),
);

const wordsOf = ({ path }: Command) => path.split(" ").slice(1);

/** Own flags and those of the root, by name. */
function taken({ flags, globalFlags }: Command): string[] {
  return [...globalFlags, ...flags].map(({ name }) => name).sort();
}

function find(path: string): Command {
  return COMMANDS.find((command) => command.path === path)!;
}

/** A value that the flag accepts. */
function goodValue({ type, choices }: FlagSpec): string {
  if (choices) return choices.at(-1)!;
  const values = {
    int: "3",
    duration: "5s",
    bool: "true",
    string: "x",
    strings: "x",
  };
  return values[type];
}

/** Runs the tree with commands that only keep what they were given. */
async function parse(args: readonly string[]) {
  let seen: { path: string; values: FlagValues } | undefined;
  let output = "";
  const recording = (
    spec: CommandSpec<CliContext>,
    path: string,
  ): CommandSpec<Parameters<typeof runCommandTree>[2]> => ({
    ...spec,
    version: undefined,
    prepare: undefined,
    subcommands: spec.subcommands?.map((child) =>
      recording(child, `${path} ${child.name}`)
    ),
    run: spec.run && ((values) => {
      seen = { path, values };
      return Promise.resolve(0);
    }),
  });
  const code = await runCommandTree(recording(root, root.name), args, {
    stdout: (text) => output += text,
    stderr: (text) => output += text,
  });
  return { code, output, seen };
}

/** What a command wants besides the flag that is tried. */
function needed({ spec, flags }: Command, tried: string): string[] {
  const { argument } = spec;
  return [
    ...argument ? [argument.choices?.[0] ?? "x"] : [],
    ...flags.filter(({ name, required }) => required && name !== tried)
      .map((flag) => `--${flag.name}=${goodValue(flag)}`),
  ];
}

Deno.test("flags: a name takes a word in every command, or in none", () => {
  const byWord = new Map<string, boolean>();
  for (const { flags, globalFlags, path } of COMMANDS) {
    const letters = [...globalFlags, ...flags].flatMap(lettersOf);
    assertEquals(new Set(letters).size, letters.length, path);
    const words = [...globalFlags, ...flags].flatMap((flag) =>
      namesOf(flag).map((name) => [`--${name}`, takesWord(flag)] as const)
    );
    assertEquals(new Set(words.map(([w]) => w)).size, words.length, path);
    for (const [word, takes] of words) {
      assertEquals(byWord.get(word) ?? takes, takes, `${path} ${word}`);
      byWord.set(word, takes);
    }
  }
});

for (const command of BELOW) {
  Deno.test(`flags: ${command.path} takes those it lists, and refuses each other one`, async () => {
    const run = command.spec.run !== undefined;
    for (const [name, other] of ALL_FLAGS) {
      const own = [...command.globalFlags, ...command.flags]
        .find((flag) => namesOf(flag).includes(name));
      const word = `--${name}`;
      const args = [
        `${word}=${goodValue(own ?? other)}`,
        ...needed(command, own?.name ?? name),
      ];
      // Before the words of the command and after them.
      for (
        const all of [
          [...wordsOf(command), ...args],
          [args[0]!, ...wordsOf(command), ...args.slice(1)],
        ]
      ) {
        const { code, output, seen } = await parse(all);
        if (own && !run) {
          // It only groups others, and shows them.
          assertEquals(code, 0, all.join(" "));
          assertStringIncludes(output, "Available Commands:");
        } else if (own) {
          assertEquals([code, output], [0, ""], all.join(" "));
          assertEquals(seen?.path, command.path);
          assert(seen?.values.given(own.name), all.join(" "));
        } else {
          assertEquals([code, seen], [2, undefined], all.join(" "));
          assertStringIncludes(
            output,
            `${word} means nothing for "${command.path}"`,
          );
          assertEquals(output.trimEnd().split("\n").length, 1, output);
        }
      }
    }
  });

  Deno.test(`flags: the help of ${command.path} shows exactly those it takes`, async () => {
    const { code, stdout } = await hangar([...wordsOf(command), "--help"]);
    assertEquals(code, 0);
    // Examples name flags too.
    const listed = stdout.slice(stdout.search(/^(Global )?Flags:$/m));
    const shown = [...listed.matchAll(/^ +(?:-\w, )? *--([a-z-]+)/gm)]
      .map(([, name]) => name!).filter((name) => name !== "help").sort();
    assertEquals(shown, taken(command));
  });

  Deno.test(`flags: a shell is offered exactly those that ${command.path} takes`, () => {
    const { words } = completionsFor(root, [...wordsOf(command), "--"]);
    assertEquals(
      words.map(([word]) => word).sort(),
      taken(command).map((name) => `--${name}`),
    );
  });
}

Deno.test("flags: the reference documents each command with exactly those it takes", () => {
  const [intro, ...sections] = flagReference().split(/^## /m);
  const rows = (text: string) =>
    [...text.matchAll(/^\| (?:`-\w`, )*`--([a-z-]+)`[^|]* \|/gm)]
      .map(([, name]) => name!).sort();
  assertEquals(rows(intro!), root.flags.map(({ name }) => name).sort());
  assertEquals(
    sections.map((text) => [text.split("\n", 1)[0]!, rows(text)]),
    BELOW.map(({ path, flags }) => [
      path,
      flags.map(({ name }) => name).sort(),
    ]),
  );
});

Deno.test("flags: each one with choices takes those and refuses others, everywhere", async () => {
  let tried = 0;
  for (const command of BELOW) {
    if (!command.spec.run) continue;
    for (const flag of [...command.globalFlags, ...command.flags]) {
      if (!flag.choices) continue;
      const run = (value: string) =>
        parse([
          ...wordsOf(command),
          `--${flag.name}=${value}`,
          ...needed(command, flag.name),
        ]);
      for (const choice of flag.choices) {
        const { code, seen } = await run(choice);
        assertEquals([code, seen?.values.choice(flag.name, flag.choices)], [
          0,
          choice,
        ]);
      }
      const { code, output, seen } = await run("neither");
      assertEquals([code, seen], [2, undefined]);
      assertStringIncludes(
        output,
        `invalid value "neither" for --${flag.name}: want ${flag.choices[0]}`,
      );
      tried++;
    }
  }
  assert(tried > 10);
});

Deno.test("flags: each default is one of the choices, or nothing", () => {
  for (const { flags } of COMMANDS) {
    for (const { name, choices, default: value, bare } of flags) {
      if (!choices) continue;
      assert(
        value === undefined || value === "" || choices.includes(`${value}`),
      );
      assert(bare === undefined || choices.includes(bare), name);
    }
  }
});

Deno.test("completion: choices, suggestions and files are those of the flag", () => {
  for (const command of BELOW) {
    for (const flag of [...command.globalFlags, ...command.flags]) {
      const spellings = [
        [`--${flag.name}=`],
        ...takesWord(flag) ? [[`--${flag.name}`, ""]] : [],
        ...takesWord(flag) && flag.short ? [[`-${flag.short}`, ""]] : [],
      ];
      for (const words of spellings) {
        const { words: offered, files } = completionsFor(root, [
          ...wordsOf(command),
          ...words,
        ]);
        assertEquals(files ?? false, flag.isFile ?? false, words.join(" "));
        assertEquals(
          offered.map(([word]) => word),
          [
            ...flag.choices ?? flag.suggested ??
              (flag.type === "bool" ? ["true", "false"] : []),
          ],
        );
      }
    }
  }
});

for (
  const [words, want] of [
    [["completion", "z"], ["zsh"]],
    [["completion", ""], ["bash", "zsh", "fish", "powershell"]],
    [["completion", "bash", ""], []],
    [["mi"], ["mirror"]],
    [["mirror", ""], ["validate"]],
    [["mirror", "-f", "list.txt", ""], ["validate"]],
    [["--debug", "sign", "v"], ["validate"]],
    [["inspect", "REF", ""], []],
    [["mirror", "validate", "--deep=b"], ["blobs", "bytes"]],
    [["mirror", "--sign-format", "b"], ["bundle"]],
    [["mirror", "validate", "--create"], []],
    [["list-tags", "-"], [
      "--debug",
      "--insecure-policy",
      "-q",
      "--quiet",
      "--hide-log-time",
      "--log-format",
      "--authfile",
      "--max-per-host",
      "--retry-times",
      "--retry-delay",
      "--stall-timeout",
      "--tls-verify",
      "--format",
    ]],
    [["login", "-u"], ["-u"]],
    [["mirror", "--arch", "amd64,arm"], ["amd64,arm64", "amd64,arm/v7"]],
    [["mirror", "--os=linux,"], ["linux,windows", "linux,all"]],
    [["mirror", "--overwrite=t"], ["true"]],
    [["login", "--jobs", ""], []],
    [["mirror", "--", "--"], []],
  ] as const
) {
  Deno.test(`completion: ${JSON.stringify(words)}`, () => {
    const { words: offered, files } = completionsFor(root, words);
    assertEquals(offered.map(([word]) => word), [...want]);
    assertEquals(files ?? false, false);
  });
}

// What the manual lists for `hangar mirror`, and its own `validate` takes too.
const MANUAL = [
  ...["arch", "destination", "destination-project", "failed", "file", "jobs"],
  ...["os", "overwrite", "provenance", "remove-signatures", "skip-login"],
  ...["sigstore-passphrase-file", "sigstore-private-key", "source"],
  ...["source-project", "timeout", "tls-verify", "debug", "insecure-policy"],
];

Deno.test("flags: mirror and mirror validate take each flag of the manual", () => {
  for (const path of ["hangar mirror", "hangar mirror validate"]) {
    const names = taken(find(path));
    assertEquals(MANUAL.filter((name) => !names.includes(name)), [], path);
  }
});

for (
  const [args, line] of [
    [
      ["mirror", "validate", "-flist", "--create-project"],
      '--create-project means nothing for "hangar mirror validate", which writes nothing; see: hangar mirror validate --help',
    ],
    [
      ["mirror", "--dry-run=false", "validate", "-flist"],
      '--dry-run means nothing for "hangar mirror validate", which writes nothing; see: hangar mirror validate --help',
    ],
    [
      ["sign", "validate", "-flist", "--sigstore-private-key", "k"],
      '--sigstore-private-key means nothing for "hangar sign validate", which signs nothing; see: hangar sign validate --help',
    ],
    [
      ["inspect", "list", "-flist", "--raw"],
      '--raw means nothing for "hangar inspect list", which reports on every image in one form; see: hangar inspect list --help',
    ],
    [
      ["mirror", "validate", "-flist", "--raw"],
      '--raw means nothing for "hangar mirror validate"; see: hangar mirror validate --help',
    ],
    [
      ["login", "reg.io", "--jobs", "4"],
      '--jobs means nothing for "hangar login"; see: hangar login --help',
    ],
    [
      ["version", "-j4"],
      '-j means nothing for "hangar version"; see: hangar version --help',
    ],
    [
      ["login", "reg.io", "--nosuch", "--jobs=4"],
      "unknown flag '--nosuch'; see: hangar login --help",
    ],
    [
      ["mirror", "validate", "--create-projec"],
      "unknown flag '--create-projec'; see: hangar mirror validate --help",
    ],
    [
      ["completion", "tcsh"],
      'invalid value "tcsh" for SHELL: want bash, zsh, fish, powershell; see: hangar completion --help',
    ],
    [
      ["completion"],
      "SHELL is missing; see: hangar completion --help",
    ],
    [
      ["mirror", "validate", "-flist", "--deep=most"],
      'invalid value "most" for --deep: want blobs or bytes; see: hangar mirror validate --help',
    ],
  ] as const
) {
  Deno.test(`usage: hangar ${args.join(" ")}`, async () => {
    const { code, stdout, stderr } = await hangar(args);
    assertEquals({ code, stdout, stderr }, {
      code: 2,
      stdout: "",
      stderr: `hangar: ${line}\n`,
    });
  });
}

Deno.test("usage: a flag that means nothing is told as JSON where that is asked for", async () => {
  for (
    const args of [
      ["login", "reg.io", "--jobs=4", "--log-format", "json"],
      ["--log-format=json", "login", "reg.io", "--jobs=4"],
    ]
  ) {
    const { code, stderr } = await hangar(args);
    assertEquals(code, 2);
    const { level, message } = JSON.parse(stderr);
    assertEquals(level, "error");
    assertStringIncludes(message, "--jobs means nothing");
  }
});

Deno.test("usage: help is shown whatever else is given", async () => {
  const { code, stdout } = await hangar(["login", "--jobs=x", "--help"]);
  assertEquals(code, 0);
  assertStringIncludes(stdout, "help for login");
});
