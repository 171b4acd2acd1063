import { assert, assertEquals } from "@std/assert";

/** A case of a file: a call of `attack`, by itself or in a loop over a table. */
const CASE = /\battack\(/g;

Deno.test("every file of the attack suite has cases", async () => {
  let files = 0;
  let cases = 0;
  const folder = new URL(".", import.meta.url);
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith("_test.ts") || name === "count_test.ts") continue;
    const text = await Deno.readTextFile(new URL(name, folder));
    const count = text.match(CASE)?.length ?? 0;
    assert(count > 0, `${name} has no case`);
    files++;
    cases += count;
  }
  console.log(`attack suite: ${cases} cases written in ${files} files`);
  assertEquals(files > 0, true);
});
