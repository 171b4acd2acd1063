import { assertEquals, assertStringIncludes } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import { makeImage } from "../support/images.ts";

const ANN = { username: "ann", password: "p:w" } as const;

Deno.test("authfile: login keeps credentials there, each command reads them there, logout takes them", async () => {
  await using registry = FakeRegistry.start({
    auth: { kind: "basic", ...ANN },
  });
  registry.install("corp/app", "v1", makeImage({ seed: "a" }));
  const directory = await Deno.makeTempDir();
  try {
    const file = `${directory}/mine.json`;
    const env = {
      HOME: directory,
      // The flag wins.
      REGISTRY_AUTH_FILE: `${directory}/other.json`,
    };
    const run = (...args: string[]) =>
      hangar(args, { env, stdin: `${registry.host}/corp/app:v1\n` });
    const at = `--authfile=${file}`;
    const login = await run("login", registry.host, "-uann", "-pp:w", at);
    assertEquals(login.code, 0, login.stderr);
    assertStringIncludes(login.stdout, `kept in ${file}`);

    const image = `${registry.host}/corp/app:v1`;
    const commands = [
      ["inspect", "--raw", image],
      ["list-tags", `${registry.host}/corp/app`],
      ["mirror", "-f-", "--dry-run", `-d${registry.host}`]
        .concat("--destination-project=other"),
      ["inspect", "list", "-f-", "--format=txt", "-y"]
        .concat(
          `--report=${directory}/report.txt`,
          `--failed=${directory}/failed.txt`,
        ),
    ];
    for (const command of commands) {
      const found = await run(...command, at);
      assertEquals(found.code, 0, `${command}: ${found.stderr}`);
      const without = await run(...command);
      assertEquals(without.code === 0, false, `${command}`);
    }

    const logout = await run("logout", registry.host, at);
    assertEquals(logout.stdout, `Removed from ${file}\n`);
    assertEquals(JSON.parse(await Deno.readTextFile(file)), { auths: {} });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("authfile: one that is not there is exit 2, but for login and logout", async () => {
  const none = "/nonexistent/auth.json";
  const { code, stderr } = await hangar([
    "list-tags",
    "reg.example/corp/app",
    `--authfile=${none}`,
  ]);
  assertEquals(code, 2);
  assertEquals(
    stderr,
    `hangar: invalid value "${none}" for --authfile: no such file; see: hangar list-tags --help\n`,
  );
  const logout = await hangar(["logout", "--all", `--authfile=${none}`]);
  assertEquals([logout.code, logout.stderr], [0, ""]);
});
