import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { FakeAuthOptions } from "../support/registry/fake_auth.ts";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import { makeImage } from "../support/images.ts";
import { Pair } from "../support/pair.ts";
import { attack } from "./attack.ts";

const LOGIN = { username: "ann", password: "g00d-pa55" } as const;
const REFRESH = "refresh-t0ken";
const app = makeImage({ seed: "app", layers: [10] });

interface Seen {
  readonly path: string;
  readonly authorization: string | null;
  readonly body: string;
}

/** A server of the attacker's, which keeps what it is sent. */
class Listener implements AsyncDisposable {
  readonly seen: Seen[] = [];
  readonly url: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(answer: (request: Request) => Response) {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        this.seen.push({
          path: new URL(request.url).pathname,
          authorization: request.headers.get("authorization"),
          body: await request.text(),
        });
        return answer(request);
      },
    );
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose]() {
    await this.#server.shutdown();
  }
}

const giveToken = () => Response.json({ token: "x", access_token: "x" });

function asksFor(challenge: string): Response {
  return new Response(null, {
    status: 401,
    headers: { "www-authenticate": challenge },
  });
}

/** An environment with credentials for a registry. */
async function withLogin(
  directory: string,
  host: string,
  entry: Readonly<Record<string, string>> = {
    auth: btoa(`${LOGIN.username}:${LOGIN.password}`),
  },
) {
  const file = `${directory}/auth.json`;
  await Deno.writeTextFile(file, JSON.stringify({ auths: { [host]: entry } }));
  return { env: { REGISTRY_AUTH_FILE: file } };
}

for (const scheme of ["Basic", "Bearer"] as const) {
  attack(
    `a CDN that answers 401 ${scheme} gets and sends nobody anything`,
    async () => {
      await using evil = new Listener(giveToken);
      await using cdn = new Listener(() =>
        asksFor(
          scheme === "Basic"
            ? 'Basic realm="cdn"'
            : `Bearer realm="${evil.url}/token",service="fake"`,
        )
      );
      await using pair = new Pair();
      pair.source.install("corp/app", "v1", app);
      pair.source.fault({
        match: { kind: "blob" },
        action: { status: 307, headers: { location: `${cdn.url}/blob` } },
      });
      const { code, stderr } = await pair.mirror(
        "corp/app:v1",
        [],
        await withLogin(pair.directory, pair.source.host),
      );
      assertEquals(code, 1);
      assertStringIncludes(stderr, "401");
      assert(cdn.seen.length > 0);
      assertEquals(cdn.seen.filter((seen) => seen.authorization !== null), []);
      assertEquals(evil.seen, []);
      // The registry did not ask, so it is shown nothing either.
      assertEquals(
        pair.source.requests.filter((r) => r.authorization !== undefined),
        [],
      );
    },
  );
}

for (
  const [what, answer] of [
    ["accepts everything", () => new Response("{}")],
    ["asks by Basic", () => asksFor('Basic realm="elsewhere"')],
    ["names a token server", undefined],
  ] as const
) {
  attack(
    `login: a base endpoint that redirects to where somebody ${what} is no login`,
    async () => {
      await using evil = new Listener(giveToken);
      await using elsewhere = new Listener(
        answer ?? (() => asksFor(`Bearer realm="${evil.url}/token"`)),
      );
      await using registry = FakeRegistry.start();
      registry.fault({
        match: { kind: "ping" },
        action: { status: 307, headers: { location: `${elsewhere.url}/v2/` } },
      });
      const directory = await Deno.makeTempDir();
      try {
        const file = `${directory}/auth.json`;
        const { code, stdout, stderr } = await hangar(
          ["login", registry.host, "-u", "ann", "-p", LOGIN.password],
          { env: { REGISTRY_AUTH_FILE: file } },
        );
        assert(code !== 0, stdout);
        assertStringIncludes(stderr, "redirected");
        assertEquals(await Deno.stat(file).catch(() => "none"), "none");
        assertEquals(
          elsewhere.seen.filter((seen) => seen.authorization !== null),
          [],
        );
        assertEquals(evil.seen, []);
        assertEquals(
          registry.requests.filter((r) => r.authorization !== undefined),
          [],
        );
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  );
}

for (const status of [307, 308]) {
  for (
    const [what, entry] of [
      ["refresh token", { identitytoken: REFRESH }],
      ["password", undefined],
    ] as const
  ) {
    attack(
      `a token server that redirects by ${status} leads no ${what} away`,
      async () => {
        await using evil = new Listener(giveToken);
        const auth: FakeAuthOptions = {
          kind: "bearer",
          ...LOGIN,
          identityToken: REFRESH,
        };
        await using pair = new Pair({}, { auth });
        pair.source.install("corp/app", "v1", app);
        pair.source.fault({
          match: { kind: "token" },
          action: { status, headers: { location: `${evil.url}/token` } },
        });
        const { code, stderr } = await pair.mirror(
          "corp/app:v1",
          [],
          await withLogin(pair.directory, pair.source.host, entry),
        );
        assertEquals(code, 1);
        assertStringIncludes(stderr, "redirected");
        assertEquals(evil.seen, []);
        assert(!stderr.includes(REFRESH) && !stderr.includes(LOGIN.password));
      },
    );
  }
}

for (
  const host of [
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "[fe80::1]",
    "[febf::1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::169.254.169.254]",
    "[64:ff9b::169.254.169.254]",
    "[fd00:ec2::254]",
    "169.254.169.254.",
    "metadata.google.internal",
    "METADATA.google.internal.",
  ]
) {
  attack(`a token server at ${host} is not asked`, async () => {
    await using pair = new Pair({}, {
      auth: { kind: "bearer", ...LOGIN, realm: `http://${host}/latest` },
    });
    pair.source.install("corp/app", "v1", app);
    const { code, stderr } = await pair.mirror("corp/app:v1");
    assertEquals(code, 1);
    assertStringIncludes(stderr, "link-local");
  });

  attack(`an upload is not sent to ${host}`, async () => {
    await using pair = new Pair();
    pair.damaged = true;
    pair.source.install("corp/app", "v1", app);
    pair.destination.fault({
      match: { method: "POST" },
      action: { status: 202, headers: { location: `http://${host}/latest` } },
    });
    const { code, stderr } = await pair.mirror("corp/app:v1");
    assertEquals(code, 1);
    assertStringIncludes(stderr, "link-local");
  });
}
