import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runCommandTree } from "../../src/cli/flags/command_tree.ts";
import type { FlagSpec, FlagValues } from "../../src/cli/flags/flags.ts";
import { hangar } from "../support/hangar.ts";

const FLAGS: readonly FlagSpec[] = [
  { name: "arch", short: "a", type: "strings", default: ["amd64"], help: "" },
  { name: "file", short: "f", type: "string", help: "" },
  { name: "jobs", short: "j", type: "int", default: 1, help: "" },
  { name: "kinds", type: "strings", choices: ["a", "b", "c"], help: "" },
  { name: "keep", type: "bool", default: true, help: "" },
  { name: "over", type: "bool", default: false, help: "" },
  { name: "tls", type: "bool", help: "" },
  { name: "wait", type: "duration", default: "10m0s", help: "" },
  { name: "key", alsoNamed: ["pem"], short: "k", type: "string", help: "" },
];

/** Runs a small tree; gives what reached the command, or the error. */
async function parse(...args: string[]) {
  let seen: FlagValues | undefined;
  let ran = "";
  let output = "";
  const command = (name: string) => ({
    name,
    summary: "",
    usage: [],
    flags: [],
    run: (values: FlagValues) => {
      seen = values;
      ran = name;
      return Promise.resolve(7);
    },
  });
  const code = await runCommandTree(
    {
      name: "tool",
      summary: "a tool",
      usage: ["tool [command]"],
      flags: [{ name: "debug", type: "bool", default: false, help: "" }],
      subcommands: [{
        ...command("mirror"),
        aliases: ["m"],
        alsoCalled: ["push"],
        flags: FLAGS,
        subcommands: [{
          ...command("validate"),
          alsoCalled: ["verify"],
          flags: FLAGS,
        }],
      }],
      elsewhere: { toast: "use a toaster" },
    },
    args,
    {
      stdout: (text: string) => output += text,
      stderr: (text: string) => output += text,
    },
  );
  return { code, values: seen!, ran, output };
}

Deno.test("flags: lists are split, repeated and replaced as pflag does", async () => {
  const arch = async (...args: string[]) =>
    (await parse("mirror", ...args)).values.strings("arch");
  assertEquals(await arch(), ["amd64"]);
  assertEquals(await arch("--arch", "a,b"), ["a", "b"]);
  assertEquals(await arch("--arch=a", "-a", "b", "-ac,d"), [
    "a",
    "b",
    "c",
    "d",
  ]);
});

Deno.test("flags: each item of a list is one of its choices", async () => {
  const { values } = await parse("mirror", "--kinds", "a,c", "--kinds=b");
  assertEquals(values.strings("kinds"), ["a", "c", "b"]);
  for (const wrong of ["d", "a,d", "a,", ""]) {
    const { code, output } = await parse("mirror", `--kinds=${wrong}`);
    assertEquals(code, 2);
    assertStringIncludes(output, "for --kinds: want a, b, c");
  }
});

Deno.test("flags: a switch never swallows the next word", async () => {
  const { values, ran } = await parse("mirror", "--over", "validate");
  assertEquals([values.bool("over"), ran], [true, "validate"]);
  for (
    const [text, want] of [["true", true], ["0", false], ["F", false]] as const
  ) {
    assertEquals(
      (await parse("mirror", `--keep=${text}`)).values.bool("keep"),
      want,
    );
  }
  const { code, output } = await parse("mirror", "--over=maybe");
  assertEquals(code, 2);
  assertStringIncludes(output, '"maybe" for --over');
});

Deno.test("flags: a switch without default knows whether it was given", async () => {
  const tls = async (...args: string[]) =>
    (await parse("mirror", ...args)).values.optionalBool("tls");
  assertEquals(
    [await tls(), await tls("--tls"), await tls("--tls=false")],
    [undefined, true, false],
  );
});

Deno.test("flags: -j4, -j 4, -j=4, --jobs 4 and --jobs=4 are equal", async () => {
  for (
    const args of [["-j4"], ["-j", "4"], ["-j=4"], ["--jobs", "4"], [
      "--jobs=4",
    ]]
  ) {
    assertEquals((await parse("m", ...args)).values.int("jobs"), 4);
  }
});

Deno.test("flags: each name of a flag sets the same one", async () => {
  for (
    const args of [["--key=x"], ["--pem=x"], ["--pem", "x"], ["-k", "x"], [
      "--key=a",
      "--pem=x",
    ]]
  ) {
    assertEquals((await parse("m", ...args)).values.string("key"), "x");
  }
  const { output } = await parse("mirror", "--help");
  assertStringIncludes(output, "--key string");
  assertStringIncludes(output, "(also --pem)");
});

Deno.test("flags: a value may look like a flag, and - is a value", async () => {
  const { values } = await parse("mirror", "--file", "--over", "-j2");
  assertEquals(values.string("file"), "--over");
  assertEquals(values.bool("over"), false);
  assertEquals((await parse("mirror", "-f", "-")).values.string("file"), "-");
  assertEquals((await parse("mirror", "-f-")).values.string("file"), "-");
});

Deno.test("flags: those of a command stand before or after its sub-command, global ones anywhere", async () => {
  for (
    const args of [
      ["--debug", "mirror", "-j3", "validate"],
      ["mirror", "--jobs", "3", "validate", "--debug"],
      ["mirror", "validate", "--debug", "-j", "3"],
    ]
  ) {
    const { values, ran, output } = await parse(...args);
    assertEquals(output, "");
    assertEquals([ran, values.int("jobs"), values.bool("debug")], [
      "validate",
      3,
      true,
    ]);
  }
});

Deno.test("flags: a value that is a command's name is still a value", async () => {
  const { values, ran } = await parse("mirror", "-f", "validate");
  assertEquals([ran, values.string("file")], ["mirror", "validate"]);
});

for (
  const [args, words] of [
    [["mirror", "--fil", "x"], ["unknown flag", "--fil", "--file"]],
    [["mirror", "-x"], ["-x"]],
    [["mirror", "--file"], ["--file"]],
    [["mirror", "-jx"], ['"x" for --jobs']],
    [["mirror", "--wait", "5"], ['"5" for --wait']],
    [["mirror", "--wait=-5s"], ['"-5s" for --wait']],
    [["mirror", "validte"], ['"validte"', "did you mean validate?"]],
    [["mirrr"], ['"mirrr"', "did you mean mirror?"]],
    [["MIRROR"], ["did you mean mirror?"]],
    [["mirr"], ["did you mean mirror?"]],
    [["mv"], ["see: tool --help"]],
    [["validate"], ["did you mean mirror validate?"]],
    [["push"], ["did you mean mirror?"]],
    [["push", "--help"], ["did you mean mirror?"]],
    [["push", "-f=x"], ['unknown command "push"']],
    [["verify"], ["did you mean mirror validate?"]],
    [["mirror", "verify"], ["did you mean validate?"]],
    [["toast"], ['unknown command "toast" for "tool"; use a toaster']],
    [["mirror", "validate", "more"], ['"more"']],
    [["mirror", "--no-keep"], ["--no-keep"]],
    [["mirror", "--fil"], ["did you mean --file?", "tool mirror --help"]],
    [["mirror", "-jx"], ["tool mirror --help"]],
    [["nosuch", "--fil=x"], ['unknown command "nosuch"', "tool --help"]],
    [["nosuch", "--help"], ['unknown command "nosuch"']],
    [["help", "nosuch"], ['unknown command "nosuch"']],
    [["help", "mirror", "nosuch"], ['"nosuch" for "tool mirror"']],
    [["--debug", "nosuch", "mirror"], ['unknown command "nosuch"']],
    [["mirror", "-v"], ["unknown flag '-v'"]],
  ] as const
) {
  Deno.test(`usage: ${args.join(" ")} is one line and exit 2`, async () => {
    const { code, output, ran } = await parse(...args);
    assertEquals([code, ran], [2, ""]);
    assertEquals(output.split("\n").length, 2, output);
    for (const word of words) assertStringIncludes(output, word);
  });
}

for (
  const [word, says] of [
    ["ls", "did you mean archive ls or list-tags?"],
    ["tags", "did you mean list-tags?"],
    ["keygen", "did you mean generate-sigstore-key?"],
    ["scan", "hangar does not scan: use a scanner"],
    [
      "generate-list",
      "hangar makes no lists: each Rancher release has its own",
    ],
  ] as const
) {
  Deno.test(`usage: hangar ${word} says what to use instead, whatever follows`, async () => {
    for (const rest of [[], ["--help"], ["-f=x"], ["reg.io/a:1", "--json"]]) {
      const { code, stdout, stderr } = await hangar([word, ...rest]);
      assertEquals([code, stdout], [2, ""]);
      assertStringIncludes(stderr, `unknown command "${word}" for "hangar"; `);
      assertStringIncludes(stderr, says);
    }
  });
}

for (
  const [flag, value, hint] of [
    ["--destination", "docker://reg.io", "write --destination reg.io"],
    [
      "--destination",
      "reg.io:5000/team/sub",
      "write --destination reg.io:5000 --destination-project team/sub",
    ],
    [
      "--source",
      "docker://reg.io/team",
      "write --source reg.io --source-project team",
    ],
  ] as const
) {
  Deno.test(`usage: ${flag} ${value} hints at what to write`, async () => {
    const { code, stderr } = await hangar(["mirror", "-f-", flag, value]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `invalid value "${value}" for ${flag}: `);
    assert(stderr.endsWith(`; ${hint}; see: hangar mirror --help\n`), stderr);
  });
}

Deno.test("usage: every error about a command or a value leads to the help", async () => {
  for (
    const [args, names] of [
      [["mirror", "validte"], ["validte", "validate"]],
      [["mirror", "-f-", "--arch="], ["--arch", '""']],
      [["mirror", "-f-", "--arch=amd64,,arm64"], ["--arch", "amd64,,arm64"]],
      [["mirror", "-f="], ["--file", '""']],
      [["mirror", "-f-", "--policy="], ["--policy", '""']],
      [
        ["mirror", "-f-", "--sigstore-private-key", ""],
        ["--sigstore-private-key", '""'],
      ],
      [["mirror", "--file="], ["--file", '""']],
      [["mirror", "-f-", "--failed="], ["--failed", '""']],
      [["mirror", "-f-", "--failed=/"], ["--failed", '"/"']],
    ] as const
  ) {
    const { code, stderr } = await hangar(args, { stdin: "a/b h.io/c 1" });
    assertEquals(code, 2, stderr);
    for (const name of names) assertStringIncludes(stderr, name);
    assert(stderr.endsWith("; see: hangar mirror --help\n"), stderr);
    assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
  }
});

Deno.test("version: -v and --version print it, of the root alone", async () => {
  const { stdout } = await hangar(["version"]);
  for (const args of [["-v"], ["--version"], ["--debug", "--version"]]) {
    assertEquals(await hangar(args), { code: 0, stdout, stderr: "" });
  }
});

Deno.test("help: shown for the root alone, by --help anywhere, and by the word help", async () => {
  for (const args of [[], ["--help"], ["help"], ["-h"]]) {
    const { code, output } = await parse(...args);
    assertEquals(code, 0);
    assert(output.startsWith("a tool\n\nUsage:\n  tool [command]\n"), output);
    assertStringIncludes(output, "  mirror      ");
  }
  for (
    const args of [
      ["mirror", "-j4", "-h"],
      ["help", "mirror"],
      ["m", "--help"],
    ]
  ) {
    const { code, output } = await parse(...args);
    assertEquals(code, 0);
    assertStringIncludes(output, "help for mirror");
  }
});

Deno.test("mirror: wrong usage is told before any network traffic", async () => {
  const list = "corp/app:v1";
  for (
    const [args, word] of [
      [["mirror"], "--file"],
      [["mirror", "-f", "does-not-exist.txt"], "no such file"],
      [["mirror", "-f-", "-d", "reg.io/project"], "--destination"],
      [["mirror", "-f-", "--arch", "a b"], "--arch"],
      [
        ["mirror", "-f-", "--destination-project", "UP"],
        "--destination-project",
      ],
      [["mirror", "-f-", "--max-per-host=0"], "--max-per-host"],
      [
        ["mirror", "-f-", "--tls-verify", "-d", "http://reg.io"],
        "--tls-verify",
      ],
    ] as const
  ) {
    const { code, stderr } = await hangar(args, { stdin: list });
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, word);
    assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
  }
});

Deno.test("mirror: an empty list, and one that is not UTF-8, are wrong usage", async () => {
  const empty = await hangar(["mirror", "-f-"], { stdin: "# nothing\n" });
  assertEquals(empty.code, 2);
  assertStringIncludes(empty.stderr, "no valid line");
  const binary = await hangar(["mirror", "-f-"], {
    stdin: new Uint8Array([0xff, 0xfe, 0x00]),
  });
  assertEquals(binary.code, 2);
  assertStringIncludes(binary.stderr, "not UTF-8");
});

Deno.test("mirror: the failed list may not be the input file", async () => {
  const list = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(list, "corp/app:v1\n");
    const { code, stderr } = await hangar([
      "mirror",
      "-f",
      list,
      "-d",
      "127.0.0.1:1",
      "--failed",
      list,
    ]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "it is the input file");
    assertEquals(await Deno.readTextFile(list), "corp/app:v1\n");
  } finally {
    await Deno.remove(list);
  }
});
