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

Deno.test(
  "replace: a file keeps its mode, and a mode that is asked for wins",
  NOT_ON_WINDOWS,
  async () => {
    const directory = await Deno.makeTempDir();
    try {
      const path = `${directory}/out`;
      await Deno.writeTextFile(path, "old");
      for (const mode of [0o640, 0o606]) {
        await Deno.chmod(path, mode);
        await replaceFile(path, ["new"]);
        assertEquals((await Deno.stat(path)).mode! & 0o777, mode);
      }
      await replaceFile(path, ["secret"], { mode: 0o600 });
      assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
      const other = `${directory}/other`;
      const link = `${directory}/link`;
      await Deno.writeTextFile(other, "theirs");
      await Deno.chmod(other, 0o606);
      await Deno.symlink(other, link);
      await replaceFile(link, ["ours"]);
      assertEquals((await Deno.stat(link)).mode! & 0o002, 0);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

Deno.test(
  "replace: with followLink the link stays, to a file that is there or not",
  NOT_ON_WINDOWS,
  async () => {
    const directory = await Deno.makeTempDir();
    try {
      await Deno.mkdir(`${directory}/dotfiles`);
      const target = `${directory}/dotfiles/config.json`;
      const [near, far] = [`${directory}/near`, `${directory}/far`];
      await Deno.symlink("dotfiles/config.json", near);
      await Deno.symlink(near, far);
      for (const text of ["first", "second"]) {
        await replaceFile(far, [text], { mode: 0o600, followLink: true });
        assert((await Deno.lstat(far)).isSymlink);
        assert((await Deno.lstat(near)).isSymlink);
        assertEquals(await Deno.readTextFile(target), text);
        assertEquals((await Deno.stat(target)).mode! & 0o777, 0o600);
      }
      assertEquals([...Deno.readDirSync(`${directory}/dotfiles`)].length, 1);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);
