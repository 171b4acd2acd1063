import { assertEquals, assertRejects } from "@std/assert";
import { HangarError } from "../../src/errors.ts";
import { parseImageList } from "../../src/lists/image_list.ts";
import { readList, tellInvalid } from "../../src/run/read_list.ts";

function told(text: string): string[] {
  const lines: string[] = [];
  tellInvalid(parseImageList(text, "x.txt"), (line) => lines.push(line));
  return lines;
}

Deno.test("list: every invalid line is told with its number", () => {
  assertEquals(told("nginx\na b\n\nc d\n"), [
    "x.txt:2: invalid line: 2 fields; want IMAGE, or SOURCE DESTINATION TAG",
    "x.txt:4: invalid line: 2 fields; want IMAGE, or SOURCE DESTINATION TAG",
  ]);
});

Deno.test("list: where many lines are invalid, the rest is told in one line", () => {
  const wrong = "a b\n".repeat(30);
  const lines = told(`nginx\n${wrong}`);
  assertEquals(lines.length, 21);
  assertEquals(lines[19]!.split(": ")[0], "x.txt:21");
  assertEquals(lines[20], "x.txt: 10 more lines are no images, up to line 31");
});

Deno.test("list: of a file that is no list, a few lines are told", async () => {
  const other = "version 1\n".repeat(22);
  const warnings: string[] = [];
  const stdin = () => Promise.resolve(new TextEncoder().encode(other));
  await assertRejects(
    () =>
      readList(
        { file: "-" },
        { stdin, env: () => undefined },
        (text) => warnings.push(text),
      ),
    HangarError,
    "no valid line in the list",
  );
  assertEquals(warnings.length, 6);
  assertEquals(
    warnings[5],
    "standard input: 17 more lines are no images, up to line 22",
  );
  // "1 more" is no shorter than the line itself.
  assertEquals(told("a b\n".repeat(6)).length, 6);
});
