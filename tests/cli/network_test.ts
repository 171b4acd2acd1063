import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import type { Quirks } from "../support/fake_registry.ts";
import { makeImage, makeMultiArch } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

/** No other upload than that of the blob. */
const CHECKED_HERE = ["--verify=always"];
const LARGE = 3_000_000;
const app = makeImage({ seed: "app", layers: [LARGE] });
const [layer = ""] = app.blobs.keys();

function install(pair: Pair): Pair {
  pair.source.install("corp/app", "v1", app);
  return pair;
}

Deno.test("resume: a body that breaks is continued by Range, into the same upload", async () => {
  await using pair = install(new Pair());
  pair.source.fault({
    match: { kind: "blob", reference: layer },
    times: 3,
    action: { breakAfter: 500_000 },
  });
  const { code, stderr } = await pair.mirror("corp/app:v1", CHECKED_HERE);
  assertEquals(code, 0, stderr);
  const asked = pair.source.requests
    .filter((r) => r.reference === layer).map((r) => r.range);
  assertEquals(asked.length, 4);
  assertEquals(asked[0], undefined);
  assert(asked.slice(1).every((range) => /^bytes=\d+-$/.test(range ?? "")));
  assertEquals(pair.destination.count({ method: "PATCH" }), 1);
  const sent = [...app.blobs.values()].reduce((n, b) => n + b.byteLength, 0);
  assertEquals(pair.destination.blobBytesReceived, sent);
  assertStringIncludes(stderr, "3 retries, 0 B sent again");
});

Deno.test("resume: a registry that knows no ranges sends all, of which the rest is used", async () => {
  await using pair = install(new Pair({}, { quirks: { ignoreRange: true } }));
  pair.source.fault({
    match: { kind: "blob", reference: layer },
    times: 1,
    action: { breakAfter: 500_000 },
  });
  const { code, stderr } = await pair.mirror("corp/app:v1", CHECKED_HERE);
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.count({ method: "PATCH" }), 1);
});

Deno.test("resume: a range that is not the one asked for is refused", async () => {
  await using pair = install(new Pair());
  pair.source.fault({
    match: { kind: "blob", reference: layer },
    times: 1,
    action: { breakAfter: 500_000 },
  });
  pair.source.fault({
    match: { kind: "blob", reference: layer },
    action: {
      status: 206,
      body: "x",
      headers: { "content-range": `bytes 0-${LARGE - 1}/${LARGE}` },
    },
  });
  const { code, stderr } = await pair.mirror("corp/app:v1", CHECKED_HERE);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "asked for bytes from");
  assertEquals(pair.destination.tags(), []);
});

for (const forgetBrokenUploads of [false, true]) {
  Deno.test(
    `resume: an upload that breaks is ${
      forgetBrokenUploads
        ? "begun anew where the registry has forgotten it"
        : "continued where it got to"
    }`,
    async () => {
      let broken = 0;
      const quirks: Quirks = {
        lossy: true,
        forgetBrokenUploads,
        breakUploads: () => broken++ === 10 ? 0 : Infinity,
      };
      await using pair = install(new Pair({ quirks }));
      const { code, stderr } = await pair.mirror("corp/app:v1", CHECKED_HERE);
      assertEquals(code, 0, stderr);
      const { destination } = pair;
      assertEquals(
        destination.count({ method: "POST", kind: "upload" }),
        forgetBrokenUploads ? 3 : 2,
      );
      const extra = destination.blobBytesReceived -
        [...app.blobs.values()].reduce((n, b) => n + b.byteLength, 0);
      assert(forgetBrokenUploads ? extra > 0 : extra === 0, `${extra} extra`);
      assertStringIncludes(stderr, "1 retry, ");
    },
  );
}

for (
  const [name, side, match, action] of [
    ["a source that falls silent in a body", "source", {
      kind: "blob",
      reference: layer,
    }, { stallAfter: 100_000 }],
    ["a source that does not answer", "source", {
      kind: "manifest",
      method: "GET",
    }, { stall: true }],
    ["a destination that takes no more", "destination", { method: "PATCH" }, {
      stall: true,
    }],
  ] as const
) {
  Deno.test(`stall: ${name} is given up and tried again`, async () => {
    await using pair = install(new Pair({ quirks: { lossy: true } }));
    pair[side].fault({ match, action, times: 1 });
    const { code, stderr } = await pair.mirror("corp/app:v1", [
      "--stall-timeout=300ms",
      ...CHECKED_HERE,
    ]);
    assertEquals(code, 0, stderr);
    // A body that fits the sockets' buffers is sent, and its answer waited for.
    assertMatch(stderr, /nothing came for (0\.)?3 s; next attempt/);
  });
}

Deno.test("tokens: one that runs out while a body is on its way is renewed once", async () => {
  const login = { username: "u", password: "p" };
  for (const always of [false, true]) {
    let revoked = 0;
    await using pair = new Pair({
      auth: { kind: "bearer", ...login },
      quirks: { lossy: true },
      chaos: (seen) => {
        if (seen.method === "PATCH" && (always || revoked++ === 0)) {
          pair.destination.forgetTokens();
        }
        return undefined;
      },
    });
    install(pair);
    const auth = `${pair.directory}/auth.json`;
    await Deno.writeTextFile(
      auth,
      JSON.stringify({
        auths: { [pair.destination.host]: { auth: btoa("u:p") } },
      }),
    );
    const { code, stderr } = await pair.mirror("corp/app:v1", CHECKED_HERE, {
      env: { REGISTRY_AUTH_FILE: auth },
    });
    assertEquals(code, always ? 1 : 0, stderr);
    if (always) assertStringIncludes(stderr, "401");
    assert(pair.destination.count({ kind: "token" }) <= 6);
  }
});

Deno.test("tokens: scopes that the server narrows are an error, not a circle", async () => {
  await using pair = install(
    new Pair({
      auth: {
        kind: "bearer",
        username: "u",
        password: "p",
        anonymousPull: true,
      },
    }),
  );
  const { code, stderr } = await pair.mirror("corp/app:v1", ["--skip-login"]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "401");
  assertStringIncludes(stderr, `hangar login ${pair.destination.host}`);
  // Three blobs, each with two tokens at most; a circle would have no end.
  assert(pair.destination.requests.length < 24);
});

Deno.test("rate limits: what is left is told once, and warned about when it is low", async () => {
  let left = 50;
  await using pair = new Pair({}, {
    quirks: {
      headers: () => ({
        "ratelimit-limit": "100;w=21600",
        "ratelimit-remaining": `${left -= 5};w=21600`,
      }),
    },
  });
  const list = [];
  for (let i = 0; i < 6; i++) {
    pair.source.install("corp/app", `v${i}`, makeImage({ seed: `${i}` }));
    list.push(`corp/app:v${i}`);
  }
  const { code, stderr } = await pair.mirror(list.join("\n"));
  assertEquals(code, 0, stderr);
  const told = stderr.split("\n").filter((line) =>
    line.includes("pulls in 6h")
  );
  assertEquals(told.length, 2);
  assertStringIncludes(told[0]!, "[INFO]");
  assertStringIncludes(told[1]!, "[WARN]");
});

Deno.test("brake: a Retry-After of hours fails all that is left at once", async () => {
  await using pair = new Pair();
  const list = Array.from({ length: 30 }, (_, i) => `corp/app-${i}:v1`);
  pair.source.fault({
    match: { kind: "manifest" },
    action: { status: 429, headers: { "retry-after": "21600" } },
  });
  const { code, stderr } = await pair.mirror(list.join("\n"), ["-j2"]);
  assertEquals(code, 1);
  assertEquals(await pair.failedLines(), list);
  assertStringIncludes(stderr, "asks to wait for 360 minutes");
  assert(pair.source.count({ kind: "manifest" }) <= 4);
});

Deno.test("brake: a host that fails everything for a minute over three images is given up", async () => {
  await using pair = new Pair();
  const list = Array.from({ length: 10 }, (_, i) => `corp/app-${i}:v1`);
  pair.source.fault({ match: { kind: "manifest" }, action: { status: 502 } });
  let now = 0;
  const { code, stderr } = await pair.mirror(list.join("\n"), [], {
    now: () => now += 11_000,
  });
  assertEquals(code, 1);
  assertEquals(await pair.failedLines(), list);
  assertStringIncludes(stderr, "so nothing more is tried there");
  assert(
    pair.source.count({ kind: "manifest", repository: "corp/app-9" }) === 0,
  );
});

Deno.test("pause: one 429 slows down every worker at that host", async () => {
  await using pair = new Pair();
  const list = [];
  for (let i = 0; i < 12; i++) {
    pair.source.install(`corp/app-${i}`, "v1", makeImage({ seed: `${i}` }));
    list.push(`corp/app-${i}:v1`);
  }
  pair.source.fault({
    match: { repository: "corp/app-2", kind: "manifest" },
    times: 1,
    action: { status: 429, headers: { "retry-after": "1" } },
  });
  const { code, stderr } = await pair.mirror(list.join("\n"), ["-j4"]);
  assertEquals(code, 0, stderr);
  const refused = pair.source.requests.find((r) => r.status === 429)!;
  const soon = pair.source.requests.filter((r) =>
    r.at > refused.at + 150 && r.at < refused.at + 900
  );
  assertEquals(soon.map((r) => r.path), []);
});

Deno.test("upload: the state that a registry hands out stays out of the log", async () => {
  await using pair = new Pair({
    quirks: { locationQuery: "_state=sEcReT", lossy: true },
  });
  install(pair);
  pair.destination.fault({
    match: { method: "PATCH" },
    action: { status: 500 },
  });
  const { code, stderr } = await pair.mirror("corp/app:v1", ["--debug"]);
  assertEquals(code, 1);
  assert(!stderr.includes("sEcReT"), stderr);
});

Deno.test("restart: both ends that come back within the retries lose nothing", async () => {
  await using pair = new Pair();
  pair.source.install("corp/app", "v1", makeMultiArch("app"));
  for (const registry of [pair.source, pair.destination]) {
    registry.fault({ match: {}, times: 2, action: { status: 503 } });
  }
  const { code, stderr } = await pair.mirror("corp/app:v1", CHECKED_HERE);
  assertEquals(code, 0, stderr);
});

Deno.test("retries: --retry-times says how many, and must be a number that makes sense", async () => {
  for (const [times, sent] of [[0, 1], [2, 3]] as const) {
    await using pair = install(new Pair());
    pair.source.fault({
      match: { kind: "manifest", method: "HEAD" },
      action: { status: 503 },
    });
    const { code } = await pair.mirror("corp/app:v1", [
      `--retry-times=${times}`,
      "--retry-delay=1ms",
    ], { retry: {} });
    assertEquals(code, 1);
    assertEquals(pair.source.count({ method: "HEAD" }), sent);
  }
  await using pair = new Pair();
  const wrong = await pair.mirror("corp/app:v1", ["--retry-times=-1"]);
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.stderr, "--retry-times");
  assertEquals(pair.source.requests, []);
});
