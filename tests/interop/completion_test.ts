import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { MIRROR_FLAGS } from "../../src/cli/commands/mirror_command.ts";
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

const bashTest = requireTool("bash") ? Deno.test : Deno.test.ignore;
bashTest("completion: a real bash offers what hangar says", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${directory}/hangar`,
      `#!/bin/sh\nexec "${Deno.execPath()}" run -A "${MAIN}" "$@"\n`,
      { mode: 0o755 },
    );
    // The one function of bash-completion that the script needs, by the words
    // that bash itself has set.
    await Deno.writeTextFile(
      `${directory}/session`,
      `_get_comp_words_by_ref() {
  words=("\${COMP_WORDS[@]}"); cword=$COMP_CWORD
  cur=\${COMP_WORDS[COMP_CWORD]}; prev=\${COMP_WORDS[COMP_CWORD-1]}
}
source <(hangar completion bash)
complete_words() {
  COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
  local spec=$(complete -p hangar); spec=\${spec#*-F }
  \${spec%% *} 2>/dev/null
  printf '%s\\n' "\${COMPREPLY[@]}"
}
complete_words hangar mirror --prov
echo =
complete_words hangar mirror --
echo =
complete_words hangar completion ''
complete_words hangar mirror --sign-format ''
complete_words hangar mirror validate --dee
complete_words hangar mirror validate --create
echo =
complete -p hangar | tr ' ' '_'
`,
    );
    const { stdout, stderr } = await run("bash", [`${directory}/session`], {
      env: { PATH: `${directory}:${Deno.env.get("PATH")}` },
    });
    const [one = "", all = "", values, registered = ""] = stdout.split("=\n")
      .map((answers) =>
        answers.trim().split("\n").map((line) => line.split(/\s/)[0]).join(" ")
      );
    assertEquals(one, "--provenance", stderr);
    assertEquals(
      values,
      "bash zsh fish powershell cosign bundle --deep",
    );
    // Without the option, bash completes no names of files.
    assertStringIncludes(registered, "_-o_default_");
    assertEquals(
      all.split(" ").sort().join(" "),
      [
        "--debug",
        "--insecure-policy",
        "--log-format",
        ...MIRROR_FLAGS.map((flag) => `--${flag.name}`),
      ].sort().join(" "),
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
