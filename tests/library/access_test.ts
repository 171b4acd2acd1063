import { assert, assertEquals, assertRejects } from "@std/assert";
import { copy, HangarError, inspect, listTags } from "../../main.ts";
import { FakeRegistry } from "../support/fake_registry.ts";
import { makeCertificate } from "../support/certificates.ts";
import { makeImage } from "../support/images.ts";
import { between, printedBy } from "./support.ts";

const login = { username: "robot", password: "hunter2-pw" };

Deno.test("library credentials: a function is asked by host and repository, and its answer is used", async () => {
  await between(async ({ source, destination, app }) => {
    const asked: (readonly [string, string | undefined])[] = [];
    const log: string[] = [];
    const { digest } = await copy({
      source: `${source.host}/corp/app:v1`,
      destination: `${destination.host}/team/app`,
      credentials: (host, repository) => {
        asked.push([host, repository]);
        return Promise.resolve(host === destination.host ? login : undefined);
      },
      onLog: (line) => log.push(line),
    });
    assertEquals(digest, app.digest);
    assert(
      asked.some(([host, repository]) =>
        host === destination.host && repository === "team/app"
      ),
      JSON.stringify(asked),
    );
    assert(!log.join("\n").includes(login.password));
  }, { destination: { auth: { kind: "bearer", ...login } } });
});

Deno.test("library credentials: an identity token is used too", async () => {
  const auth = { kind: "bearer", ...login, identityToken: "refresh" } as const;
  await using registry = FakeRegistry.start({ auth });
  const error = await assertRejects(
    () =>
      listTags(`${registry.host}/corp/app`, {
        credentials: () => ({ identityToken: "refresh" }),
      }),
    HangarError,
  );
  // It was let in, and there is no such repository.
  assertEquals(error.code, "not-found");
});

Deno.test("library credentials: false is none, and what the function throws or gives is told without secrets", async () => {
  const auth = { kind: "basic", ...login } as const;
  await using registry = FakeRegistry.start({ auth });
  const repository = `${registry.host}/corp/app`;
  const attempt = async (credentials: unknown) =>
    await assertRejects(
      () => listTags(repository, { credentials: credentials as never }),
      HangarError,
    );
  assertEquals((await attempt(false)).code, "unauthorized");
  const cause = new Error("vault is sealed");
  const thrown = await attempt(() => Promise.reject(cause));
  assertEquals(thrown.code, "credentials");
  assert(thrown.message.includes("vault is sealed"), thrown.message);
  const wrong = await attempt(() => ({ user: "robot", password: "hunter2" }));
  assertEquals(wrong.code, "usage");
  assert(wrong.message.includes("credentials"), wrong.message);
  assert(!Deno.inspect(wrong).includes("hunter2"));
});

Deno.test("library credentials: those of the user are used by default, and not with false", async () => {
  await using registry = FakeRegistry.start({
    auth: { kind: "basic", ...login },
  });
  registry.install(
    "corp/app",
    "v1",
    makeImage({ seed: "app", platform: "linux/amd64" }),
  );
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const auth = btoa(`${login.username}:${login.password}`);
    await Deno.writeTextFile(
      file,
      JSON.stringify({ auths: { [registry.host]: { auth } } }),
    );
    const listed = (options: unknown) =>
      printedBy(
        `import { listTags } from HANGAR;
         const options = ${JSON.stringify(options)};
         const tags = listTags("${registry.host}/corp/app", options);
         console.log(await tags.then((t) => t.join(), (e) => e.code));`,
        { REGISTRY_AUTH_FILE: file },
      );
    assertEquals(await listed({}), "v1");
    assertEquals(await listed({ credentials: false }), "unauthorized");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("library fetch: every request goes through the program's own", async () => {
  await between(async ({ source, destination, app }) => {
    const hosts = new Set<string>();
    let count = 0;
    const { digest, requests } = await copy({
      source: "https://source.example/corp/app:v1",
      destination: "https://destination.example/team/app:v1",
      fetch: (url, init) => {
        hosts.add(url.host);
        count++;
        assertEquals(init.redirect, "manual");
        const at = new URL(url);
        at.protocol = "http:";
        at.host = url.host.startsWith("source")
          ? source.host
          : destination.host;
        return fetch(at, init);
      },
    });
    assertEquals(digest, app.digest);
    assertEquals(
      [...hosts].sort(),
      ["destination.example", "source.example"],
    );
    assertEquals(count, requests);
    assertEquals(destination.tags(), ["team/app:v1"]);
    assertEquals(
      source.requests.length + destination.requests.length,
      count,
    );
  }, { destination: { quirks: { relativeLocation: true } } });
});

Deno.test("library fetch: what it throws is tried again, and is the cause in the end", async () => {
  const cause = new TypeError("no route");
  let attempts = 0;
  const error = await assertRejects(
    () =>
      inspect("r.example/corp/app:v1", {
        fetch: () => {
          attempts++;
          return Promise.reject(cause);
        },
        retry: { times: 2, delayMs: 1 },
      }),
    HangarError,
  );
  assertEquals(attempts, 3);
  assertEquals(error.code, "network");
  const causes: unknown[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    causes.push(at.cause);
  }
  assert(causes.includes(cause));
});

/** A registry by TLS that lists tags and does nothing else. */
function tlsRegistry() {
  const ca = makeCertificate({ isCa: true, name: "library test CA" });
  const leaf = makeCertificate({
    issuer: ca,
    name: "127.0.0.1",
    ip: [127, 0, 0, 1],
    usage: "1.3.6.1.5.5.7.3.1",
  });
  const server = Deno.serve(
    {
      hostname: "127.0.0.1",
      port: 0,
      cert: leaf.pem,
      key: String(leaf.privateKey.export({ type: "pkcs8", format: "pem" })),
      onListen: () => {},
    },
    ({ url }) =>
      url.endsWith("/v2/")
        ? new Response()
        : Response.json({ name: "corp/app", tags: ["v1"] }),
  );
  return {
    ca: ca.pem,
    host: `127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("library certificates: a CA may be given for one host or for all", async () => {
  await using registry = tlsRegistry();
  const { ca, host } = registry;
  const repository = `${host}/corp/app`;
  const list = (options: Parameters<typeof listTags>[1]) =>
    listTags(repository, { retry: { times: 0 }, ...options });
  const unknown = await assertRejects(() => list({}), HangarError);
  assertEquals(unknown.code, "tls");
  const other = await assertRejects(
    () => list({ certificates: { "127.0.0.1:1": { ca: [ca] } } }),
    HangarError,
  );
  assertEquals(other.code, "tls");
  for (
    const options of [
      { certificates: { [host]: { ca: [ca] } } },
      { caCertificates: [ca] },
    ]
  ) assertEquals(await list(options), ["v1"]);
});

Deno.test({
  name: "library tlsVerify: false leaves certificates unchecked",
  // undici looks at the time for a second longer.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    await using registry = tlsRegistry();
    assertEquals(
      await listTags(`${registry.host}/corp/app`, { tlsVerify: false }),
      ["v1"],
    );
  },
});

Deno.test("library tlsVerify: true refuses plain HTTP on loopback", async () => {
  await using registry = FakeRegistry.start();
  const error = await assertRejects(
    () =>
      listTags(`${registry.host}/corp/app`, {
        tlsVerify: true,
        retry: { times: 0 },
      }),
    HangarError,
  );
  assertEquals(error.code, "tls");
});

Deno.test("library: plain HTTP is tried on loopback, and elsewhere only where that is said", async () => {
  /** The URLs that are tried at a registry that speaks no TLS. */
  const triedAt = async (host: string, tlsVerify?: boolean) => {
    const tried: string[] = [];
    const error = await assertRejects(
      () =>
        listTags(`${host}/corp/app`, {
          tlsVerify,
          credentials: () => undefined,
          fetch: (url) => {
            tried.push(`${new URL(`${url}`).origin}`);
            return Promise.reject(
              new TypeError("error sending request", {
                cause: new Error(
                  "client error (Connect): received corrupt message of type InvalidContentType",
                ),
              }),
            );
          },
        }),
      HangarError,
    );
    assertEquals(error.status, undefined);
    return [...new Set(tried)].map((origin) => new URL(origin).protocol);
  };
  const both = ["https:", "http:"];
  for (const host of ["127.0.0.1:5000", "localhost:5000", "[::1]:5000"]) {
    assertEquals(await triedAt(host), both, host);
    assertEquals(await triedAt(host, true), ["https:"], host);
    assertEquals(await triedAt(host, false), both, host);
  }
  for (
    const host of ["10.0.0.1:5000", "reg.example:5000", "localhost.example"]
  ) {
    assertEquals(await triedAt(host), ["https:"], host);
    assertEquals(await triedAt(host, true), ["https:"], host);
    assertEquals(await triedAt(host, false), both, host);
  }
});
