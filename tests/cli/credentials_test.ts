import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import { makeImage } from "../support/images.ts";
import { Pair } from "../support/pair.ts";
import { SHELL, shellTest } from "../support/shell.ts";

const IDENTITY = "identity-t0ken";
const SECRET = "s3cret-password";

async function withAuthFile(
  file: unknown,
  use: (env: Record<string, string>, directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/auth.json`;
  await Deno.writeTextFile(path, JSON.stringify(file));
  try {
    await use({ REGISTRY_AUTH_FILE: path, HOME: directory }, directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

for (const rotates of [false, true]) {
  Deno.test(
    `credentials: an identity token buys tokens by OAuth2${
      rotates ? ", each time with the one that took its place" : ""
    }`,
    async () => {
      await using pair = new Pair({
        auth: {
          kind: "bearer",
          username: "none",
          password: "none",
          identityToken: IDENTITY,
          rotates,
        },
      });
      const lines: string[] = [];
      for (let i = 0; i < 3; i++) {
        pair.source.install(
          `corp/app-${i}`,
          "v1",
          makeImage({ seed: `${i}`, layers: [100] }),
        );
        lines.push(`corp/app-${i}:v1`);
      }
      await withAuthFile(
        { auths: { [pair.destination.host]: { identitytoken: IDENTITY } } },
        async (env) => {
          const { code, stderr } = await pair.mirror(lines.join("\n"), [
            "--debug",
          ], { env });
          assertEquals(code, 0, stderr);
          assertStringIncludes(
            stderr,
            `credentials for ${pair.destination.host} are from ${env.REGISTRY_AUTH_FILE}`,
          );
          assert(!stderr.includes(IDENTITY), stderr);
        },
      );
      const tokens = pair.destination.requests.filter((r) =>
        r.kind === "token"
      );
      // One for the login, and one for the scope of each repository.
      assertEquals(tokens.map((r) => r.method), [
        "POST",
        "POST",
        "POST",
        "POST",
      ]);
    },
  );
}

shellTest("credentials: --debug names a helper, never its secret", async () => {
  await using registry = FakeRegistry.start({
    auth: { kind: "basic", username: "me", password: SECRET },
  });
  registry.install("corp/app", "v1", makeImage({ seed: "app" }));
  await withAuthFile(
    { credHelpers: { [registry.host]: "fake" } },
    async (env, directory) => {
      const helper = `${directory}/docker-credential-fake`;
      await Deno.writeTextFile(
        helper,
        `#!${SHELL}\necho '{"Username":"me","Secret":"${SECRET}"}'\n`,
      );
      await Deno.chmod(helper, 0o755);
      const path = Deno.env.get("PATH") ?? "";
      Deno.env.set("PATH", `${directory}:${path}`);
      try {
        const { code, stderr } = await hangar([
          "inspect",
          "--raw",
          "--debug",
          `${registry.host}/corp/app:v1`,
        ], { env });
        assertEquals(code, 0, stderr);
        assertStringIncludes(stderr, "are from credential helper fake");
        assert(!stderr.includes(SECRET), stderr);
        await Deno.writeTextFile(
          helper,
          `#!${SHELL}\necho "the vault is sealed"\nexit 1\n`,
        );
        const failed = await hangar([
          "inspect",
          `${registry.host}/corp/app:v1`,
        ], { env });
        assertEquals(failed.code, 1);
        assertStringIncludes(
          failed.stderr,
          "credential helper docker-credential-fake get: the vault is sealed",
        );
      } finally {
        Deno.env.set("PATH", path);
      }
    },
  );
});

Deno.test("credentials: the longest path of the file counts, image by image", async () => {
  await using registry = FakeRegistry.start({
    auth: { kind: "basic", username: "team", password: SECRET },
  });
  registry.install("team/app", "v1", makeImage({ seed: "app" }));
  registry.install("other/app", "v1", makeImage({ seed: "app" }));
  await withAuthFile({
    auths: {
      [`${registry.host}/team`]: { auth: btoa(`team:${SECRET}`) },
      [registry.host]: { auth: btoa("nobody:at-all") },
    },
  }, async (env) => {
    const inspect = (name: string) =>
      hangar(["inspect", "--raw", `${registry.host}/${name}:v1`], { env });
    assertEquals((await inspect("team/app")).code, 0);
    const other = await inspect("other/app");
    assertEquals(other.code, 1);
    assertStringIncludes(other.stderr, "401");
  });
});

Deno.test("credentials: what a proxy in front answers is told in its words", async () => {
  await using registry = FakeRegistry.start();
  for (
    const [type, body] of [
      [
        "text/html",
        "<html><head><title>400 No required SSL certificate was sent</title></head></html>",
      ],
      ["text/plain", "No required SSL certificate was sent\nnginx"],
    ] as const
  ) {
    const mend = registry.fault({
      match: { kind: "manifest" },
      action: { status: 400, body, headers: { "content-type": type } },
    });
    const { code, stderr } = await hangar([
      "inspect",
      `${registry.host}/corp/app:v1`,
    ]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "No required SSL certificate was sent");
    mend();
  }
});

Deno.test("credentials: mirror asks a destination for pull and push at once, validate for pull alone", async () => {
  const login = { username: "bot", password: SECRET };
  await using pair = new Pair({
    auth: { kind: "bearer", ...login, hidesNew: true },
  });
  const layer = new Uint8Array(3000).fill(7);
  for (const name of ["a", "b"]) {
    pair.source.install(
      `corp/${name}`,
      "v1",
      makeImage({ seed: name, layers: [layer] }),
    );
  }
  const scopes = () =>
    pair.destination.requests.filter(({ kind }) => kind === "token").map((
      { query },
    ) => new URLSearchParams(query).getAll("scope"));
  const auth = btoa(`${login.username}:${login.password}`);
  await withAuthFile(
    { auths: { [pair.destination.host]: { auth } } },
    async (env) => {
      const list = "corp/a:v1\ncorp/b:v1\n";
      const mirrored = await pair.mirror(list, [], { env });
      assertEquals(mirrored.code, 0, mirrored.stderr);
      assertEquals(scopes(), [
        // The login, which is for no repository.
        [],
        ["repository:corp/a:pull,push"],
        ["repository:corp/b:pull,push"],
        // The layer is mounted.
        ["repository:corp/b:pull,push", "repository:corp/a:pull"],
      ]);
      pair.destination.clear();
      const validated = await pair.validate(list, [], { env });
      assertEquals(validated.code, 0, validated.stderr);
      assertEquals(scopes(), [
        ["repository:corp/a:pull"],
        ["repository:corp/b:pull"],
      ]);
    },
  );
});

const GOOD = { auth: btoa(`team:${SECRET}`) };
const BAD = { auth: btoa("nobody:at-all") };

for (const kind of ["basic", "bearer"] as const) {
  for (
    const [what, keys, code, tags] of [
      ["one path", { "/team": GOOD }, 1, ["team/app:v1"]],
      ["one path, and bad ones for the rest", { "/team": GOOD, "": BAD }, 1, [
        "team/app:v1",
      ]],
      ["all paths", { "/team": GOOD, "/other": GOOD }, 0, [
        "other/app:v1",
        "team/app:v1",
      ]],
      ["one path, and they are bad", { "/team": BAD }, 2, []],
      ["another path", { "/elsewhere": GOOD }, 2, []],
    ] as const
  ) {
    Deno.test(`credentials: a destination is asked with those of ${what} (${kind})`, async () => {
      await using pair = new Pair({
        auth: { kind, username: "team", password: SECRET },
      });
      const { host } = pair.destination;
      for (const name of ["team/app", "other/app"]) {
        pair.source.install(name, "v1", makeImage({ seed: name }));
      }
      const auths = Object.fromEntries(
        Object.entries(keys).map(([path, login]) => [`${host}${path}`, login]),
      );
      await withAuthFile({ auths }, async (env) => {
        const list = "other/app:v1\nteam/app:v1\n";
        const run = await pair.mirror(list, [], { env });
        assertEquals(run.code, code, run.stderr);
        assertEquals(pair.destination.tags().sort(), [...tags]);
        if (code === 2) assertStringIncludes(run.stderr, `login ${host}`);
        if (code === 1) {
          assertEquals(await pair.failedLines(), ["other/app:v1"]);
        }
      });
    });
  }
}
