import { assert, assertEquals, assertRejects } from "@std/assert";
import { HangarError } from "../../src/errors.ts";
import { parseImageList } from "../../src/lists/image_list.ts";
import {
  checkFailedPath,
  failedListMark,
  refuseSameFile,
  writeFailedList,
} from "../../src/machine/failed_list.ts";

const FAILED_LIST_MARK = failedListMark("images.txt");

/** Writes the failed list of `images.txt`. */
function writeFailed(path: string, lines: readonly string[]) {
  return writeFailedList(path, "images.txt", lines.map((text) => ({ text })));
}

const NOT_ON_WINDOWS = { ignore: Deno.build.os === "windows" };

/** A directory of its own for a test, removed after it. */
async function inDirectory(
  body: (directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await body(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function namesIn(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
}

Deno.test("failed list: mark, then the lines as they are, and nothing else in the directory", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/failed.txt`;
    const lines = ["a/b:1", "x  y\tv1 # kept", "not an image at all !"];
    assertEquals(await writeFailed(path, lines), "written");
    assertEquals(
      await Deno.readTextFile(path),
      `${FAILED_LIST_MARK}\n${lines.join("\n")}\n`,
    );
    assertEquals(namesIn(directory), ["failed.txt"]);
  }));

Deno.test("failed list: it can be read as an image list", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/failed.txt`;
    await writeFailed(path, ["corp/app:v1", "a b v1"]);
    const list = parseImageList(await Deno.readTextFile(path), path);
    assertEquals(list.entries.map(({ text }) => text), [
      "corp/app:v1",
      "a b v1",
    ]);
    assertEquals(list.invalid.length, 0);
  }));

Deno.test("failed list: failures replace any file that is there", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/failed.txt`;
    await Deno.writeTextFile(path, `${"old\n".repeat(100)}`);
    assertEquals(await writeFailed(path, ["a:1"]), "written");
    assertEquals(await Deno.readTextFile(path), `${FAILED_LIST_MARK}\na:1\n`);
  }));

Deno.test("failed list: without failures a stale one is removed", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/failed.txt`;
    await writeFailed(path, ["a:1"]);
    assertEquals(await writeFailed(path, []), "removed");
    assertEquals(namesIn(directory), []);
    assertEquals(await writeFailed(path, []), "unchanged");
  }));

for (
  const foreign of [
    "",
    "a:1\n",
    `a:1\n${FAILED_LIST_MARK}\n`,
    `${FAILED_LIST_MARK} no more\n`,
    FAILED_LIST_MARK.slice(0, 20),
  ]
) {
  Deno.test(`failed list: without failures ${JSON.stringify(foreign)} is left alone`, () =>
    inDirectory(async (directory) => {
      const path = `${directory}/failed.txt`;
      await Deno.writeTextFile(path, foreign);
      assertEquals(await writeFailed(path, []), "unchanged");
      assertEquals(await Deno.readTextFile(path), foreign);
    }));
}

Deno.test("failed list: when it cannot take its place, no temporary file is left", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/failed.txt`;
    await Deno.mkdir(`${path}/full`, { recursive: true });
    const error = await assertRejects(
      () => writeFailed(path, ["a:1"]),
      HangarError,
      `cannot write the failed list ${path}`,
    );
    assertEquals(error.code, "file");
    assertEquals(namesIn(directory), ["failed.txt"]);
    assertEquals(namesIn(path), ["full"]);
  }));

Deno.test(
  "failed list: a symbolic link is replaced, and what it points at stays",
  NOT_ON_WINDOWS,
  () =>
    inDirectory(async (directory) => {
      const link = `${directory}/link.txt`;
      const other = `${directory}/other.txt`;
      const text = `${FAILED_LIST_MARK}\n`;
      await Deno.writeTextFile(other, text);
      await Deno.symlink("other.txt", link);
      assertEquals(await writeFailed(link, []), "unchanged");
      await writeFailed(link, ["a:1"]);
      assert((await Deno.lstat(link)).isFile);
      assertEquals(await Deno.readTextFile(link), `${text}a:1\n`);
      assertEquals(await Deno.readTextFile(other), text);
    }),
);

Deno.test("failed list: each line stands below its reason, which cannot break out of its line", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/failed.txt`;
    await writeFailedList(path, "images.txt", [
      { text: "a:1", reason: "404\nevil:1" },
      { text: "b:1" },
    ]);
    const text = await Deno.readTextFile(path);
    assertEquals(text, `${FAILED_LIST_MARK}\n# 404 evil:1\na:1\nb:1\n`);
    assertEquals(
      parseImageList(text, path).entries.map((entry) => entry.text),
      ["a:1", "b:1"],
    );
  }));

Deno.test("failed list: that of another list is left alone", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/failed.txt`;
    await writeFailedList(path, "other.txt", [{ text: "a:1" }]);
    assertEquals(await writeFailed(path, []), "unchanged");
    assertEquals(namesIn(directory), ["failed.txt"]);
  }));

Deno.test({
  name: "failed list: a device is written to, and never replaced or removed",
  ...NOT_ON_WINDOWS,
  // So that a mistake fails here, and does not cost root its /dev/null.
  permissions: { read: true, write: ["/dev/null"] },
  fn: async () => {
    await checkFailedPath("/dev/null", "-");
    assertEquals(await writeFailed("/dev/null", ["a:1"]), "written");
    assertEquals(await writeFailed("/dev/null", []), "unchanged");
  },
});

Deno.test("failed path: a new file and an old one are accepted, and not touched", () =>
  inDirectory(async (directory) => {
    const old = `${directory}/old.txt`;
    await Deno.writeTextFile(old, "mine\n");
    await checkFailedPath(old, `${directory}/list.txt`);
    await checkFailedPath(`${directory}/new.txt`, "-");
    assertEquals(namesIn(directory), ["old.txt"]);
    assertEquals(await Deno.readTextFile(old), "mine\n");
  }));

async function assertRefused(path: string, input: string, why: string) {
  const error = await assertRejects(
    () => checkFailedPath(path, input),
    HangarError,
    `invalid value ${JSON.stringify(path)} for --failed: ${why}`,
  );
  assertEquals(error.code, "usage");
}

Deno.test("failed path: what no file can be written to is refused", () =>
  inDirectory(async (directory) => {
    await assertRefused("", "-", "it names no file");
    await assertRefused(directory, "-", "it is a directory");
    await assertRefused(
      `${directory}/none/failed.txt`,
      "-",
      "there is no directory",
    );
  }));

Deno.test(
  "failed path: a directory that refuses new files is found out",
  NOT_ON_WINDOWS,
  () =>
    // Names have at most 255 bytes: what a read-only mount does, root included.
    inDirectory((directory) =>
      assertRefused(
        `${directory}/${"n".repeat(250)}`,
        "-",
        "cannot write there",
      )
    ),
);

Deno.test(
  "failed path: links that form a loop are refused",
  NOT_ON_WINDOWS,
  () =>
    inDirectory(async (directory) => {
      await Deno.symlink("b", `${directory}/a`);
      await Deno.symlink("a", `${directory}/b`);
      await assertRefused(
        `${directory}/a`,
        "-",
        "its symbolic links form a loop",
      );
    }),
);

Deno.test(
  "failed path: the input file is refused under any name",
  NOT_ON_WINDOWS,
  () =>
    inDirectory(async (directory) => {
      const list = `${directory}/list.txt`;
      await Deno.writeTextFile(list, "a:1\n");
      await Deno.link(list, `${directory}/hard.txt`);
      await Deno.symlink("list.txt", `${directory}/soft.txt`);
      for (const name of ["list.txt", "./list.txt", "hard.txt", "soft.txt"]) {
        await assertRefused(
          `${directory}/${name}`,
          list,
          "it is the input file",
        );
      }
      await assertRefused(
        list,
        `${directory}/soft.txt`,
        "it is the input file",
      );
      assertEquals(await Deno.readTextFile(list), "a:1\n");
    }),
);

Deno.test("failed list: the report may not go to the same file, by whatever path", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/out`;
    const around = `${directory}/./out`;
    await assertRejects(() => refuseSameFile(path, around), HangarError);
    await refuseSameFile(path, `${directory}/other`);
    await Deno.writeTextFile(path, "");
    await assertRejects(() => refuseSameFile(path, around), HangarError);
    await refuseSameFile(path, `${directory}/other`);
    await refuseSameFile("/dev/null", "/dev/null");
  }));
