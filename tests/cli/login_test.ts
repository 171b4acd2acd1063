import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CredentialStore } from "../../src/auth/credential_store.ts";
import { Keychain } from "../../src/auth/keychain.ts";
import { denoKeychainEnvironment } from "../../src/machine/keychain_environment.ts";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import { makeImage } from "../support/images.ts";
import { SHELL, shellTest } from "../support/shell.ts";

const ANN = { username: "ann", password: "p:w ü" } as const;

interface Place {
  readonly directory: string;
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
}

async function inPlace(fn: (place: Place) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  const file = `${directory}/containers/auth.json`;
  try {
    await fn({
      directory,
      file,
      env: { XDG_RUNTIME_DIR: directory, HOME: `${directory}/home` },
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function basic(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

for (const kind of ["basic", "bearer"] as const) {
  Deno.test(`login: ${kind} credentials are tried, kept for the owner alone, and then used`, async () => {
    await using registry = FakeRegistry.start({ auth: { kind, ...ANN } });
    registry.install("corp/app", "v1", makeImage({ seed: "a" }));
    await inPlace(async ({ file, env }) => {
      const login = (password: string) =>
        hangar(["login", registry.host, "-u", "ann", "--password-stdin"], {
          env,
          stdin: `${password}\n`,
        });
      const wrong = await login("nonsense");
      assertEquals(wrong.code, 2);
      assertStringIncludes(wrong.stderr, "nothing was kept");
      assert(!wrong.stderr.includes("nonsense"));
      assertEquals(await Deno.stat(file).catch(() => undefined), undefined);

      const right = await login(ANN.password);
      assertEquals(right.code, 0, right.stderr);
      assertStringIncludes(right.stdout, `Login succeeded; kept in ${file}`);
      assertEquals((await Deno.stat(file)).mode! & 0o777, 0o600);
      assertEquals(JSON.parse(await Deno.readTextFile(file)), {
        auths: { [registry.host]: { auth: basic(`ann:${ANN.password}`) } },
      });
      const inspect = () =>
        hangar(["inspect", "--raw", `${registry.host}/corp/app:v1`], { env });
      assertEquals((await inspect()).code, 0);

      const logout = await hangar(["logout", registry.host], { env });
      assertEquals(logout.stdout, `Removed from ${file}\n`);
      assertEquals((await inspect()).code, 1);
      assertEquals((await hangar(["logout", registry.host], { env })).code, 1);
    });
  });
}

Deno.test("login: what else is in the file stays, and older spellings of the key go", async () => {
  await using registry = FakeRegistry.start();
  await inPlace(async ({ directory, env }) => {
    const file = `${directory}/auth.json`;
    await Deno.writeTextFile(
      file,
      JSON.stringify({
        other: { kept: [1] },
        auths: {
          "quay.io": { auth: "eDp5" },
          [`http://${registry.host}/v1/`]: { auth: "b2xkOm9sZA==" },
        },
      }),
    );
    const args = ["login", registry.host, "-u", "u", "-p", "p"];
    const { code, stdout } = await hangar(args, {
      env: { ...env, REGISTRY_AUTH_FILE: file },
    });
    assertEquals(code, 0);
    assertStringIncludes(stdout, "asks for no credentials");
    assertEquals(JSON.parse(await Deno.readTextFile(file)), {
      other: { kept: [1] },
      auths: {
        "quay.io": { auth: "eDp5" },
        [registry.host]: { auth: btoa("u:p") },
      },
    });
    const all = await hangar(["logout", "--all"], {
      env: { ...env, REGISTRY_AUTH_FILE: file },
    });
    assertEquals(all.code, 0);
    assertEquals(JSON.parse(await Deno.readTextFile(file)), {
      other: { kept: [1] },
      auths: {},
    });
  });
});

Deno.test("login: a malformed auth file is left as it is", async () => {
  await using registry = FakeRegistry.start();
  await inPlace(async ({ directory, env }) => {
    const file = `${directory}/auth.json`;
    await Deno.writeTextFile(file, "{secret");
    const { code, stderr } = await hangar(
      ["login", registry.host, "-u", "u", "-p", "p"],
      { env: { ...env, REGISTRY_AUTH_FILE: file } },
    );
    assertEquals(code, 1);
    assertStringIncludes(stderr, file);
    assert(!stderr.includes("secret"));
    assertEquals(await Deno.readTextFile(file), "{secret");
  });
});

Deno.test("login: asks on a terminal, and says what is missing without one", async () => {
  await using registry = FakeRegistry.start({
    auth: { kind: "basic", ...ANN },
  });
  await inPlace(async ({ env }) => {
    const asked = await hangar(["login", registry.host], {
      env,
      answers: (question) =>
        question.startsWith("Username") ? "ann" : ANN.password,
    });
    assertEquals(asked.code, 0, asked.stderr);
    const alone = await hangar(["login", registry.host], { env });
    assertEquals(alone.code, 2);
    assertStringIncludes(alone.stderr, "--username is missing");
    const both = await hangar(
      ["login", registry.host, "-uann", "-px", "--password-stdin"],
      { env },
    );
    assertEquals(both.code, 2);
  });
});

shellTest("login: a credential helper keeps, gives and forgets", async () => {
  await using registry = FakeRegistry.start({
    auth: { kind: "basic", ...ANN },
  });
  registry.install("corp/app", "v1", makeImage({ seed: "a" }));
  await inPlace(async ({ directory, env }) => {
    const held = `${directory}/held`;
    await Deno.mkdir(`${directory}/bin`);
    await Deno.writeTextFile(
      `${directory}/bin/docker-credential-fake`,
      `#!${SHELL}
input=$(cat)
echo "$1" >> ${directory}/asked
case $1 in
  store) printf %s "$input" > ${held} ;;
  get) cat ${held} 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; } ;;
  erase) rm -f ${held} ;;
esac
`,
      { mode: 0o755 },
    );
    const file = `${directory}/auth.json`;
    await Deno.writeTextFile(
      file,
      JSON.stringify({ credHelpers: { [registry.host]: "fake" } }),
    );
    const helperEnv = { ...env, REGISTRY_AUTH_FILE: file };
    const path = Deno.env.get("PATH")!;
    Deno.env.set("PATH", `${directory}/bin:${path}`);
    try {
      const login = await hangar(
        ["login", registry.host, "-uann", "-p", ANN.password],
        { env: helperEnv },
      );
      assertEquals(login.code, 0, login.stderr);
      assertStringIncludes(login.stdout, "kept in credential helper fake");
      assertEquals(JSON.parse(await Deno.readTextFile(held)), {
        ServerURL: registry.host,
        Username: "ann",
        Secret: ANN.password,
      });
      await Deno.writeTextFile(`${directory}/asked`, "");
      const inspect = await hangar(
        ["inspect", `${registry.host}/corp/app:v1`],
        { env: helperEnv },
      );
      assertEquals(inspect.code, 0, inspect.stderr);
      // One process for a registry, however many requests.
      assertEquals(await Deno.readTextFile(`${directory}/asked`), "get\n");
      const logout = await hangar(["logout", registry.host], {
        env: helperEnv,
      });
      assertEquals(logout.code, 0, logout.stderr);
      assertEquals(await Deno.stat(held).catch(() => "gone"), "gone");
    } finally {
      Deno.env.set("PATH", path);
    }
  });
});

Deno.test("login: a helper that is not there is named", async () => {
  await using registry = FakeRegistry.start({
    auth: { kind: "basic", ...ANN },
  });
  await inPlace(async ({ directory, env }) => {
    const file = `${directory}/auth.json`;
    await Deno.writeTextFile(file, '{"credsStore":"none-such"}');
    const { code, stderr } = await hangar(
      ["inspect", `${registry.host}/corp/app:v1`],
      { env: { ...env, REGISTRY_AUTH_FILE: file } },
    );
    assertEquals(code, 1);
    assertStringIncludes(stderr, "docker-credential-none-such");
  });
});

for (const kind of ["basic", "bearer"] as const) {
  Deno.test(`login: before a mirror a terminal is asked for ${kind} credentials, which are kept and used`, async () => {
    await using source = FakeRegistry.start();
    await using registry = FakeRegistry.start({ auth: { kind, ...ANN } });
    source.install("corp/app", "v1", makeImage({ seed: "a" }));
    await inPlace(async ({ directory, file, env }) => {
      const mirror = (answer: (question: string) => string | undefined) =>
        hangar([
          "mirror",
          "-f-",
          `--source=http://${source.host}`,
          `--destination=http://${registry.host}`,
          `--failed=${directory}/failed.txt`,
        ], { env, stdin: "corp/app:v1", answers: answer });
      const questions: string[] = [];
      const nobody = await mirror((question) => {
        questions.push(question);
        return undefined;
      });
      assertEquals(nobody.code, 2);
      assertStringIncludes(nobody.stderr, `hangar login ${registry.host}`);
      assertEquals(questions, [
        `Destination ${registry.host} wants credentials and there are none. Username: `,
      ]);
      const wrong = await mirror(() => "nonsense");
      assertEquals(wrong.code, 2);
      assertStringIncludes(wrong.stderr, "refuses the credentials of nonsense");
      assertEquals(registry.tags(), []);
      const right = await mirror((question) =>
        question.startsWith("Password") ? ANN.password : ANN.username
      );
      assertEquals(right.code, 0, right.stderr);
      assertEquals(registry.tags(), ["corp/app:v1"]);
      assertStringIncludes(await Deno.readTextFile(file), registry.host);
      assertEquals((await mirror(() => undefined)).code, 0);
    });
  });
}

for (
  const [what, auth] of [
    ["by Basic", { kind: "basic", anonymousPull: true }],
    ["by tokens", { kind: "bearer", anonymousPull: true }],
    ["by tokens, but for its base endpoint", {
      kind: "bearer",
      anonymousPull: true,
      openBase: true,
    }],
    ["by a server that has tokens for nobody", {
      kind: "bearer",
      lenientTokens: true,
    }],
  ] as const
) {
  Deno.test(`login: where anybody may read, and write ${what}, only good credentials are kept`, async () => {
    await using registry = FakeRegistry.start({ auth: { ...auth, ...ANN } });
    registry.install("corp/app", "v1", makeImage({ seed: "a" }));
    await inPlace(async ({ file, env }) => {
      const login = (password: string) =>
        hangar(["login", registry.host, "-u", "ann", "-p", password], { env });
      const wrong = await login("nonsense");
      assertEquals(wrong.code, 2, wrong.stdout);
      assertStringIncludes(wrong.stderr, "nothing was kept");
      assertEquals(await Deno.stat(file).catch(() => "none"), "none");

      const right = await login(ANN.password);
      assertEquals(right.code, 0, right.stderr);
      const kept = await Deno.readTextFile(file);
      assertStringIncludes(kept, basic(`ann:${ANN.password}`));

      // Credentials that are good are not overwritten with bad ones.
      assertEquals((await login("nonsense")).code, 2);
      assertEquals(await Deno.readTextFile(file), kept);
    });
  });
}

Deno.test("login: -v says which file was used, --get-login who is logged in", async () => {
  await using registry = FakeRegistry.start({
    auth: { kind: "basic", ...ANN },
  });
  await inPlace(async ({ file, env }) => {
    const run = (...args: string[]) =>
      hangar(["login", registry.host, ...args], { env });
    const before = await run("--get-login");
    assertEquals([before.code, before.stdout], [1, ""]);
    assertStringIncludes(
      before.stderr,
      `there are no credentials for ${registry.host}; log in with: hangar login`,
    );
    const login = await run("-u", "ann", "-p", ANN.password, "-v");
    assertEquals(login.code, 0, login.stderr);
    assert(login.stdout.endsWith(`\nUsed: ${file}\n`), login.stdout);
    assertEquals(await run("--get-login"), {
      code: 0,
      stdout: "ann\n",
      stderr: "",
    });
    const verbose = await run("--get-login", "--verbose");
    assertEquals(verbose.stdout, `ann\nUsed: ${file}\n`);
    const all = await hangar(["logout", "-a"], { env });
    assertEquals(all.stdout, `Removed from ${file}\n`);
  });
});

Deno.test("login: --compat-auth-file is docker's, with its names of registries", async () => {
  await using registry = FakeRegistry.start({
    auth: { kind: "basic", ...ANN },
  });
  await inPlace(async ({ directory, env }) => {
    const file = `${directory}/config.json`;
    const at = `--compat-auth-file=${file}`;
    const { code, stdout } = await hangar(
      ["login", registry.host, "-u", "ann", "-p", ANN.password, at],
      { env },
    );
    assertEquals([code, stdout.trim()], [
      0,
      `Login succeeded; kept in ${file}`,
    ]);
    assertEquals(
      Object.keys(JSON.parse(await Deno.readTextFile(file)).auths),
      [registry.host],
    );
    const out = await hangar(["logout", registry.host, at], { env });
    assertEquals(out.code, 0);
    const both = await hangar(
      ["logout", registry.host, at, `--authfile=${file}`],
      { env },
    );
    assertEquals(both.code, 2);
  });
});

Deno.test("login: docker's name of Docker Hub", async () => {
  await inPlace(async ({ directory }) => {
    for (
      const [dockerKeys, key] of [
        [false, "docker.io"],
        [true, "https://index.docker.io/v1/"],
      ] as const
    ) {
      const file = `${directory}/${dockerKeys}.json`;
      const env = (name: string) =>
        name === "REGISTRY_AUTH_FILE" ? file : undefined;
      const environment = { ...denoKeychainEnvironment(), env };
      const store = new CredentialStore(environment, { dockerKeys });
      await store.save("docker.io", { username: "u", secret: "p" });
      assertEquals(
        Object.keys(JSON.parse(await Deno.readTextFile(file)).auths),
        [key],
      );
      const keychain = new Keychain(environment);
      assertEquals((await keychain.credentialsFor("docker.io"))?.username, "u");
    }
  });
});

Deno.test("login: a registry that does not answer in time", async () => {
  await using registry = FakeRegistry.start();
  registry.fault({ match: { kind: "ping" }, action: { stall: true } });
  await inPlace(async ({ env }) => {
    const { code, stderr } = await hangar(
      ["login", `http://${registry.host}`, "-uu", "-pp", "--timeout=300ms"],
      { env },
    );
    assertEquals(code, 1);
    assertStringIncludes(stderr, "did not say within 0.3 s");
  });
});

Deno.test("login: --cert-dir must be there", async () => {
  const { code, stderr } = await hangar(
    ["login", "reg.example", "-uu", "-pp", "--cert-dir=/nonexistent"],
  );
  assertEquals(code, 2);
  assertStringIncludes(stderr, '"/nonexistent" for --cert-dir: no such');
});
