import { assert, assertEquals, assertRejects } from "@std/assert";
import { replaceFile } from "../../src/machine/replace_file.ts";

const NOT_ON_WINDOWS = { ignore: Deno.build.os === "windows" };

function* broken(): Generator<string> {
  yield "half";
  throw new Error("broken");
}

Deno.test(
  "replace: pieces become one file, with its mode, and nothing beside it",
  NOT_ON_WINDOWS,
  async () => {
    const directory = await Deno.makeTempDir();
    try {
      const path = `${directory}/out`;
      await replaceFile(path, ["one\n", "two\n"], { mode: 0o600 });
      assertEquals(await Deno.readTextFile(path), "one\ntwo\n");
      assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
      assertEquals([...Deno.readDirSync(directory)].length, 1);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

Deno.test(
  "replace: a link is replaced and what it leads to stays, and a failure leaves the old file",
  NOT_ON_WINDOWS,
  async () => {
    const directory = await Deno.makeTempDir();
    try {
      const [other, link] = [`${directory}/other`, `${directory}/link`];
      await Deno.writeTextFile(other, "theirs");
      await Deno.symlink(other, link);
      await replaceFile(link, ["ours"]);
      assert((await Deno.lstat(link)).isFile);
      assertEquals(await Deno.readTextFile(other), "theirs");
      await assertRejects(() => replaceFile(link, broken()), Error, "broken");
      assertEquals(await Deno.readTextFile(link), "ours");
      assertEquals([...Deno.readDirSync(directory)].length, 2);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);
