import { assertEquals } from "@std/assert";
import { describeError } from "../../src/errors.ts";
import {
  fileError,
  isAbsent,
  whyNoFile,
} from "../../src/machine/file_error.ts";

/** What the system says to an attempt. */
function refusal(attempt: () => unknown): unknown {
  try {
    attempt();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was refused");
}

const directory = Deno.makeTempDirSync();
const path = `${directory}/file`;
Deno.writeTextFileSync(path, "");
globalThis.addEventListener(
  "unload",
  () => Deno.removeSync(directory, { recursive: true }),
);

const CASES: readonly (readonly [string, () => unknown, boolean])[] = [
  ["no such file", () => Deno.readFileSync(`${path}.none`), true],
  [
    "a part of its path is not a directory",
    () => Deno.readFileSync(`${path}/below`),
    true,
  ],
  ["it is a directory", () => Deno.readFileSync(directory), false],
  [
    "it exists already",
    () => Deno.writeTextFileSync(path, "", { createNew: true }),
    false,
  ],
  [
    "the name is too long",
    () => Deno.readFileSync(`${directory}/${"x".repeat(300)}`),
    false,
  ],
];

for (const [words, attempt, absent] of CASES) {
  Deno.test({
    name: `file error: ${words}`,
    // Windows has other codes for some of them.
    ignore: Deno.build.os === "windows",
    fn: () => {
      const error = refusal(attempt);
      assertEquals(whyNoFile(error), words);
      assertEquals(isAbsent(error), absent);
    },
  });
}

Deno.test("file error: what is not of the system is described as it is, on one line", () => {
  assertEquals(whyNoFile(new RangeError("a\nb")), "RangeError: a b");
  assertEquals(whyNoFile("lost"), "lost");
});

Deno.test("file error: the message says what, on which file, and why; the cause is kept", () => {
  const cause = refusal(() => Deno.readFileSync(`${path}.none`));
  const error = fileError("read", `the list ${path}.none`, cause);
  assertEquals(error.code, "file");
  assertEquals(error.cause, cause);
  assertEquals(
    fileError("write", "the report r.json", cause).message,
    "cannot write the report r.json: its directory does not exist",
  );
  assertEquals(
    describeError(error),
    `cannot read the list ${path}.none: no such file`,
  );
});
