import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { requireTool, run } from "./support.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

async function hangar(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(Deno.execPath(), [
    "run",
    "-A",
    MAIN,
    ...args,
  ]);
  assertEquals(code, 0, stderr);
  return stdout;
}

function offered(stdout: string): string[] {
  return stdout.split("\n").filter((line) => line && !line.startsWith(":"))
    .map((line) => line.split("\t")[0]!);
}

Deno.test("completion: flags of mirror, those of its sub-command, and commands", async () => {
  const mirror = offered(await hangar("complete", "--", "mirror", "--"));
  for (const flag of ["--file", "--arch", "--overwrite", "--debug"]) {
    assert(mirror.includes(flag), mirror.join());
  }
  const validate = offered(
    await hangar("complete", "--", "mirror", "validate", "--"),
  );
  assert(validate.includes("--deep") && validate.includes("--file"));
  const commands = offered(await hangar("complete", "--", "in"));
  assertEquals(commands, ["inspect"]);
  assertEquals(
    (await hangar("complete", "--", "mirror", "--file", "")).trim(),
    ":0",
  );
});

for (const shell of ["zsh", "fish", "powershell"]) {
  Deno.test(`completion: there is a script for ${shell} that asks hangar`, async () => {
    assert((await hangar("completion", shell)).includes("hangar complete"));
  });
}

/** Runs what drives a shell, with hangar on the path and two files around it. */
async function inShell(
  program: string,
  use: (
    run: (args: readonly string[], keys?: string) => Promise<string>,
  ) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${directory}/hangar`,
      `#!/bin/sh\nexec "${Deno.execPath()}" run -A "${MAIN}" "$@"\n`,
      { mode: 0o755 },
    );
    for (const name of ["images.txt", "other.yaml"]) {
      await Deno.writeTextFile(`${directory}/${name}`, "");
    }
    await use(async (args, keys = "") => {
      const child = new Deno.Command(program, {
        args: [...args],
        cwd: directory,
        env: {
          PATH: `${directory}:${Deno.env.get("PATH")}`,
          HOME: directory,
          // Packages are there already; downloads would be shown while typing.
          DENO_DIR: Deno.env.get("DENO_DIR") ??
            `${Deno.env.get("HOME")}/.cache/deno`,
          TERM: "dumb",
          PS1: "> ",
          NO_COLOR: "1",
        },
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
        // A shell that waits for more would wait for good.
        signal: AbortSignal.timeout(60_000),
      }).spawn();
      const writer = child.stdin.getWriter();
      const encoder = new TextEncoder();
      const [first = "", ...rest] = keys.split(READY_MARK);
      await writer.write(encoder.encode(first));
      if (rest.length === 0) await writer.close();
      const errors = new Response(child.stderr).text();
      let output = "";
      for await (
        const piece of child.stdout.pipeThrough(new TextDecoderStream())
      ) {
        output += piece;
        // What is typed while a command runs does not reach the line editor.
        if (rest.length > 0 && output.includes(READY)) {
          await writer.write(encoder.encode(rest.splice(0).join("")));
          await writer.close();
        }
      }
      if (rest.length > 0) await writer.close();
      await child.status;
      return output + await errors;
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** What is typed before the tab key, and what stands there after it. */
const TYPED: readonly (readonly [typed: string, completed: string])[] = [
  ["mirr", "mirror "],
  ["mirror --prov", "mirror --provenance "],
  ["mirror -f im", "mirror -f images.txt "],
  ["mirror --file=im", "mirror --file=images.txt "],
  ["mirror validate --deep=bl", "mirror validate --deep=blobs "],
  ["mirror --sign-format co", "mirror --sign-format cosign "],
  ["mirror --overwrite=f", "mirror --overwrite=false "],
  ["mirror --arch amd64,arm6", "mirror --arch amd64,arm64 "],
  ["mirror --platform=linux/arm/", "mirror --platform=linux/arm/v7 "],
  ["completion zs", "completion zsh "],
  // `validate` has no such flag, and no file is offered for it.
  ["mirror validate --create", "mirror validate --create"],
];

/** What the shell prints when it can be typed to; not what is typed for that. */
const READY = "ready!";

/** Where typing waits for that. */
const READY_MARK = "\0";

/** The keys that complete each line and print what it then says, and leave. */
function keysOf(setUp: string): string {
  const lines = TYPED.map(([typed]) => `hangar ${typed}\t%\x01: \r`);
  return `${setUp}; echo rea''dy!\r${READY_MARK}${lines.join("")}exit\r`;
}

/** The lines as the shell's editor showed them in the end. */
function linesOf(output: string): string[] {
  const esc = String.fromCharCode(27);
  // What follows a backspace is written over what stood there.
  const back = String.fromCharCode(8);
  return output.replaceAll(new RegExp(`${esc}\\[[?0-9;]*[A-Za-z]`, "g"), "")
    .replaceAll(new RegExp(`[^${back}]${back}`, "g"), "")
    .split(/[\r\n]+/);
}

function assertCompleted(output: string): void {
  const lines = linesOf(output);
  for (const [typed, completed] of TYPED) {
    assert(
      lines.some((line) => line.includes(`hangar ${completed}%`)),
      `${typed}: ${lines.join("\n")}`,
    );
  }
}

for (
  const [what, setUp] of [
    ["bash", ""],
    [
      "bash with bash-completion",
      "source /usr/share/bash-completion/bash_completion; ",
    ],
  ] as const
) {
  const ignore = !requireTool("script") || !requireTool("bash") ||
    setUp !== "" &&
      !await Deno.stat("/usr/share/bash-completion").catch(() => false);
  Deno.test({
    name: `completion: in a real ${what}, sourced twice`,
    ignore,
    fn: () =>
      inShell("script", async (run) => {
        const source = "source <(hangar completion bash)";
        const output = await run(
          ["-qec", "bash --norc --noprofile -i", "/dev/null"],
          keysOf(`${setUp}${source}; ${source}`),
        );
        assert(!output.includes("readonly"), output);
        assertCompleted(output);
      }),
  });
}

Deno.test({
  name: "completion: in a real zsh, sourced twice",
  ignore: !requireTool("script") || !requireTool("zsh"),
  fn: () =>
    inShell("script", async (run) => {
      const source = "source <(hangar completion zsh)";
      const output = await run(
        ["-qec", "zsh -f -i", "/dev/null"],
        keysOf(
          `bindkey -e; autoload -Uz compinit; compinit -u; ${source}; ${source}`,
        ),
      );
      assertCompleted(output);
    }),
});

Deno.test({
  name: "completion: in a real fish, sourced twice",
  ignore: !requireTool("fish"),
  fn: () =>
    inShell("fish", async (run) => {
      const source = "source (hangar completion fish | psub)";
      const asked = TYPED.map(([typed]) =>
        `echo "= "(complete -C "hangar ${typed}")`
      );
      const output = await run(["-c", [source, source, ...asked].join("\n")]);
      const found = output.split("\n").filter((line) => line.startsWith("= "))
        .map((line) => line.slice(2).split("\t")[0]!.trim());
      assertEquals(
        found,
        TYPED.map(([typed, completed]) =>
          // One that nothing completes has no answer, and so no line.
          typed === completed ? "" : completed.trim().split(" ").at(-1)!
        ).filter(Boolean),
      );
    }),
});

Deno.test({
  name: "completion: bash runs nothing of what is typed",
  ignore: !requireTool("script") || !requireTool("bash"),
  fn: () =>
    inShell("script", async (run) => {
      const output = await run(
        ["-qec", "bash --norc --noprofile -i", "/dev/null"],
        "source <(hangar completion bash)\r" +
          "hangar mirror -s $(touch ran) --prov\t\x01: \rls\rexit\r",
      );
      assertStringIncludes(output, "--provenance");
      // `:` runs it after all, so the file must not be there before that.
      const before = output.slice(0, output.indexOf("--provenance"));
      assert(!/^ran\b/m.test(before), output);
    }),
});
