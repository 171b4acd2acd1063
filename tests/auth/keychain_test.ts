import { assert, assertEquals, assertRejects } from "@std/assert";
import { Keychain, type KeychainEnvironment } from "../../src/auth/keychain.ts";
import { describeError, HangarError } from "../../src/errors.ts";

/** A machine without credential helpers, on which nothing is written. */
const helpless = {
  writeSecretFile: () => Promise.reject(new Error("not to be written")),
  runHelper: () => Promise.reject(new Error("no such program")),
};

interface FakeMachine extends KeychainEnvironment {
  /** Paths read so far. */
  readonly reads: string[];
}

function machine(
  variables: Record<string, string>,
  files: Record<string, unknown>,
  uid?: number,
): FakeMachine {
  const reads: string[] = [];
  return {
    ...helpless,
    reads,
    env: (name) => variables[name],
    uid: () => uid,
    readTextFile(path) {
      reads.push(path);
      const content = files[path];
      return Promise.resolve(
        content === undefined || typeof content === "string"
          ? content
          : JSON.stringify(content),
      );
    },
  };
}

const basic = (user: string, password: string) => ({
  auth: btoa(`${user}:${password}`),
});

/** A keychain over one file that `REGISTRY_AUTH_FILE` names. */
function keychainOf(content: unknown): Keychain {
  return new Keychain(
    machine({ REGISTRY_AUTH_FILE: "/a.json" }, { "/a.json": content }),
  );
}

async function userOf(
  keychain: Keychain,
  host: string,
  repository?: string,
): Promise<string | undefined> {
  return (await keychain.credentialsFor(host, repository))?.username;
}

Deno.test("REGISTRY_AUTH_FILE is asked alone, even when it is missing", async () => {
  const fake = machine(
    { REGISTRY_AUTH_FILE: "/none.json", HOME: "/home/u" },
    { "/home/u/.docker/config.json": { auths: { "r.io": basic("u", "p") } } },
    1000,
  );
  assertEquals(await new Keychain(fake).credentialsFor("r.io"), undefined);
  assertEquals(fake.reads, ["/none.json"]);
});

Deno.test("without variables the files of podman come before docker's", async () => {
  const fake = machine({ HOME: "/home/u" }, {}, 1000);
  assertEquals(await new Keychain(fake).credentialsFor("r.io"), undefined);
  assertEquals(fake.reads, [
    "/run/containers/1000/auth.json",
    "/home/u/.config/containers/auth.json",
    "/home/u/.docker/config.json",
  ]);
});

Deno.test("XDG_RUNTIME_DIR, XDG_CONFIG_HOME and DOCKER_CONFIG move the files", async () => {
  const fake = machine(
    {
      HOME: "/home/u",
      XDG_RUNTIME_DIR: "/run/user/1000",
      XDG_CONFIG_HOME: "/cfg",
      DOCKER_CONFIG: "/dock",
    },
    {},
    1000,
  );
  await new Keychain(fake).credentialsFor("r.io");
  assertEquals(fake.reads, [
    "/run/user/1000/containers/auth.json",
    "/cfg/containers/auth.json",
    "/dock/config.json",
  ]);
});

Deno.test("the first file with a hit answers, and its successors are not read", async () => {
  const fake = machine({ HOME: "/h" }, {
    "/run/containers/7/auth.json": { auths: { "other.io": basic("o", "o") } },
    "/h/.config/containers/auth.json": { auths: { "r.io": basic("u", "p") } },
    "/h/.docker/config.json": "{ broken",
  }, 7);
  assertEquals(await new Keychain(fake).credentialsFor("r.io", "a/b"), {
    username: "u",
    password: "p",
    origin: "/h/.config/containers/auth.json",
  });
  assertEquals(fake.reads.length, 2);
});

Deno.test("each file is read once, also by callers side by side", async () => {
  const fake = machine({ REGISTRY_AUTH_FILE: "/a.json" }, {
    "/a.json": { auths: { "r.io": basic("u", "p") } },
  });
  const keychain = new Keychain(fake);
  await Promise.all([
    keychain.credentialsFor("r.io"),
    keychain.credentialsFor("r.io", "a"),
  ]);
  assertEquals(await userOf(keychain, "r.io", "b/c"), "u");
  assertEquals(fake.reads, ["/a.json"]);
});

Deno.test("the longest matching path wins", async () => {
  const keychain = keychainOf({
    auths: {
      "quay.io": basic("host", "p"),
      "quay.io/team/app": basic("app", "p"),
      "quay.io/team": basic("team", "p"),
    },
  });
  assertEquals(await userOf(keychain, "quay.io", "team/app"), "app");
  assertEquals(await userOf(keychain, "quay.io", "team/app/sub"), "app");
  assertEquals(await userOf(keychain, "quay.io", "team/other"), "team");
  assertEquals(await userOf(keychain, "quay.io", "teamwork/app"), "host");
  assertEquals(await userOf(keychain, "quay.io"), "host");
});

Deno.test("a path matches no other host or port", async () => {
  const keychain = keychainOf({
    auths: { "r.io:5000": basic("u", "p"), "r.io:5000/a": basic("a", "p") },
  });
  assertEquals(await userOf(keychain, "r.io:5000", "b"), "u");
  assertEquals(await userOf(keychain, "r.io", "a"), undefined);
  assertEquals(await userOf(keychain, "r.io:5001", "a"), undefined);
});

for (
  const key of [
    "docker.io",
    "index.docker.io",
    "https://index.docker.io/v1/",
    "https://registry-1.docker.io/v2/",
  ]
) {
  Deno.test(`Docker Hub's credentials are found under the key ${key}`, async () => {
    const keychain = keychainOf({ auths: { [key]: basic("hub", "p") } });
    assertEquals(await userOf(keychain, "docker.io", "library/nginx"), "hub");
    assertEquals(await userOf(keychain, "registry-1.docker.io"), "hub");
    assertEquals(await userOf(keychain, "docker.io.evil.test"), undefined);
  });
}

Deno.test("the key docker.io wins over docker's legacy key, wherever it stands", async () => {
  const legacy = { "https://index.docker.io/v1/": basic("legacy", "p") };
  const exact = { "docker.io": basic("exact", "p") };
  for (const auths of [{ ...legacy, ...exact }, { ...exact, ...legacy }]) {
    assertEquals(await userOf(keychainOf({ auths }), "docker.io"), "exact");
  }
});

for (
  const key of [
    "https://r.io/v1/",
    "http://r.io",
    "https://R.IO/",
    "r.io/",
    "r.io/v2/",
  ]
) {
  Deno.test(`the key ${key} means the whole host`, async () => {
    const keychain = keychainOf({ auths: { [key]: basic("u", "p") } });
    assertEquals(await userOf(keychain, "r.io", "a/b"), "u");
  });
}

Deno.test("auth is read with and without padding, colons and UTF-8 in the password kept", async () => {
  const auth = new TextEncoder().encode("us:pä:s").toBase64();
  assert(auth.endsWith("="));
  for (const form of [auth, auth.replace(/=+$/, "")]) {
    const found = await keychainOf({ auths: { "r.io": { auth: form } } })
      .credentialsFor("r.io");
    assertEquals(found?.username, "us");
    assertEquals(found?.password, "pä:s");
  }
});

Deno.test("separate username and password are credentials too", async () => {
  const keychain = keychainOf({
    auths: { "r.io": { username: "u", password: "p:q" } },
  });
  assertEquals(await keychain.credentialsFor("r.io"), {
    username: "u",
    password: "p:q",
    origin: "/a.json",
  });
});

Deno.test("an identity token comes with and without a user name", async () => {
  const keychain = keychainOf({
    auths: {
      "alone.io": { identitytoken: "tok" },
      "user.io": { auth: btoa("<token>:"), identitytoken: "tok" },
    },
  });
  const alone = await keychain.credentialsFor("alone.io");
  assertEquals(alone?.identityToken, "tok");
  assertEquals(alone?.username, undefined);
  const user = await keychain.credentialsFor("user.io");
  assertEquals(user?.identityToken, "tok");
  assertEquals(user?.username, "<token>");
});

Deno.test("helpers: a host's own comes before auths, the store after them, each asked once", async () => {
  const asked: string[] = [];
  const held: Record<string, string> = {
    "docker-credential-pass own.io": '{"Username":"own","Secret":"s"}',
    "docker-credential-desktop store.io": '{"Username":"<token>","Secret":"t"}',
    "docker-credential-desktop https://index.docker.io/v1/":
      '{"Username":"hub","Secret":"s"}',
  };
  const fake = machine({ HOME: "/h" }, {
    "/h/.config/containers/auth.json": {
      auths: { "own.io": basic("file", "p"), "file.io": basic("file", "p") },
      credsStore: "desktop",
      credHelpers: { "own.io": "pass" },
    },
    "/h/.docker/config.json": { auths: { "none.io": basic("docker", "p") } },
  });
  const keychain = new Keychain({
    ...fake,
    runHelper: (program, action, server) => {
      asked.push(`${action} ${server}`);
      const stdout = held[`${program} ${server}`];
      return Promise.resolve(
        stdout === undefined
          ? { code: 1, stdout: "credentials not found in native keychain\n" }
          : { code: 0, stdout },
      );
    },
  });
  assertEquals(await userOf(keychain, "own.io"), "own");
  assertEquals(await userOf(keychain, "own.io"), "own");
  assertEquals(await userOf(keychain, "file.io"), "file");
  assertEquals(await userOf(keychain, "docker.io"), "hub");
  assertEquals(
    (await keychain.credentialsFor("store.io"))?.identityToken,
    "t",
  );
  assertEquals(await userOf(keychain, "none.io"), "docker");
  assertEquals(asked, [
    "get own.io",
    "get https://index.docker.io/v1/",
    "get store.io",
    "get none.io",
  ]);
});

Deno.test("an empty entry does not hide another spelling of its key", async () => {
  const keychain = keychainOf({
    auths: {
      "docker.io": {},
      "https://index.docker.io/v1/": basic("legacy", "p"),
    },
  });
  assertEquals(await userOf(keychain, "docker.io"), "legacy");
});

Deno.test("NULs that pad a password are no part of it", async () => {
  const keychain = keychainOf({ auths: { "r.io": basic("u", "p\0\0") } });
  assertEquals((await keychain.credentialsFor("r.io"))?.password, "p");
});

Deno.test("an empty file holds nothing", async () => {
  assertEquals(await keychainOf("\n").credentialsFor("r.io"), undefined);
});

for (
  const [what, content] of [
    ["broken JSON", `{"auths":{"r.io":{"password":"hunter2"`],
    ["a bare secret", `hunter2`],
    ["an array", ["hunter2"]],
    ["auths that is no object", { auths: "hunter2" }],
    ["an entry that is no object", { auths: { "r.io": "hunter2" } }],
    ["auth that is no string", { auths: { "r.io": { auth: ["hunter2"] } } }],
    ["auth that is no base64", { auths: { "r.io": { auth: "hunter2!" } } }],
    ["auth without a colon", { auths: { "r.io": { auth: btoa("hunter2") } } }],
    ["a password alone", { auths: { "r.io": { password: "hunter2" } } }],
  ] as const
) {
  Deno.test(`${what} is an error that names the file and repeats nothing of it`, async () => {
    const error = await assertRejects(
      () => keychainOf(content).credentialsFor("r.io"),
      HangarError,
      "/a.json",
    );
    assertEquals(error.code, "file");
    assert(!describeError(error).includes("hunter2"));
    assert(!Deno.inspect(error).includes("hunter2"));
    assert(!Deno.inspect(error).includes(btoa("hunter2")));
  });
}

Deno.test("a malformed entry does no harm to other registries", async () => {
  const keychain = keychainOf({
    auths: { "bad.io": { auth: "???" }, "r.io": basic("u", "p") },
  });
  assertEquals(await userOf(keychain, "r.io"), "u");
});

Deno.test("a file that cannot be read is an error that names it, and is tried again", async () => {
  let attempts = 0;
  const keychain = new Keychain({
    ...helpless,
    env: (name) => name === "REGISTRY_AUTH_FILE" ? "/locked.json" : undefined,
    uid: () => undefined,
    readTextFile() {
      if (++attempts === 1) return Promise.reject(new Error("locked"));
      return Promise.resolve(
        JSON.stringify({ auths: { "r.io": basic("u", "p") } }),
      );
    },
  });
  const error = await assertRejects(
    () => keychain.credentialsFor("r.io"),
    HangarError,
    "/locked.json",
  );
  assertEquals(error.code, "file");
  assertEquals(await userOf(keychain, "r.io"), "u");
});
