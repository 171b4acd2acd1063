import { assert, assertEquals, assertRejects } from "@std/assert";
import { denoKeychainEnvironment } from "../../src/machine/keychain_environment.ts";

async function inDirectory(
  use: (directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("the real environment reads files and tells missing ones from unreadable ones", async () => {
  const environment = denoKeychainEnvironment();
  await inDirectory(async (directory) => {
    const path = `${directory}/auth.json`;
    await Deno.writeTextFile(path, "{}");
    assertEquals(await environment.readTextFile(path), "{}");
    assertEquals(await environment.readTextFile(`${path}.none`), undefined);
    assertEquals(await environment.readTextFile(`${path}/below`), undefined);
    const error = await assertRejects(
      () => environment.readTextFile(directory),
      Error,
    );
    assertEquals(error.message, "it is a directory");
  });
});

Deno.test({
  name:
    "the real environment writes secrets for their owner alone, and makes the directory",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const environment = denoKeychainEnvironment();
    await inDirectory(async (directory) => {
      const path = `${directory}/new/auth.json`;
      await environment.writeSecretFile(path, "{}\n");
      assertEquals(await Deno.readTextFile(path), "{}\n");
      assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
      const error = await assertRejects(
        () => environment.writeSecretFile(`${path}/below/auth.json`, "{}"),
        Error,
      );
      assertEquals(error.message, "a part of its path is not a directory");
      assertEquals(
        [...Deno.readDirSync(`${directory}/new`)].map(({ name }) => name),
        ["auth.json"],
      );
    });
  },
});

Deno.test({
  name: "the real environment keeps a link of the user's own, as docker does",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const environment = denoKeychainEnvironment();
    await inDirectory(async (directory) => {
      await Deno.mkdir(`${directory}/dotfiles`);
      await Deno.writeTextFile(`${directory}/dotfiles/auth.json`, "{}");
      await Deno.symlink("dotfiles/auth.json", `${directory}/auth.json`);
      await environment.writeSecretFile(`${directory}/auth.json`, "{}\n");
      assert((await Deno.lstat(`${directory}/auth.json`)).isSymlink);
      assertEquals(
        await Deno.readTextFile(`${directory}/dotfiles/auth.json`),
        "{}\n",
      );
    });
  },
});
