import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { FaultAction } from "../support/registry/fault_script.ts";
import { attack } from "./attack.ts";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import {
  type MadeImage,
  makeImage,
  makeIndex,
  makeMultiArch,
  makeReferrer,
  sha256,
} from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const OCI = "application/vnd.oci.image";
const app = makeMultiArch("app");
const [child = app] = app.manifests;

function answer(
  json: unknown,
  mediaType = `${OCI}.index.v1+json`,
  headers: Record<string, string> = {},
): FaultAction {
  const body = typeof json === "string" ? json : JSON.stringify(json);
  return {
    status: 200,
    body,
    headers: { "content-type": mediaType, ...headers },
  };
}

const index = (manifests: unknown) => ({
  schemaVersion: 2,
  mediaType: `${OCI}.index.v1+json`,
  manifests,
});
const entry = (more: Record<string, unknown>) => ({
  mediaType: `${OCI}.manifest.v1+json`,
  digest: child.digest,
  size: child.bytes.byteLength,
  platform: { os: "linux", architecture: "amd64" },
  ...more,
});

for (
  const [name, action, says] of [
    ["a manifest of 5 MiB", answer(" ".repeat(5 << 20)), "larger than"],
    ["no JSON", answer("<html>"), "not JSON"],
    ["a list for a manifest", answer([]), "not a JSON object"],
    ["a negative size", answer(index([entry({ size: -1 })])), "size"],
    ["a size that is no number", answer(index([entry({ size: "9" })])), "size"],
    ["a huge size", answer(index([entry({ size: 2 ** 60 })])), "size"],
    [
      "a digest by md5",
      answer(index([entry({ digest: `md5:${"0".repeat(32)}` })])),
      "digest",
    ],
    [
      "a digest with a path",
      answer(index([entry({ digest: "sha256:../../../etc/passwd" })])),
      "digest",
    ],
    ["entries that are no list", answer(index({})), "not a list"],
    ["an entry that is a text", answer(index(["x"])), "not an object"],
    [
      "both kinds in one",
      answer({ ...index([entry({})]), config: {}, layers: [] }),
      "fields of an image",
    ],
    ["an unknown media type", answer("{}", "text/html"), "schemaVersion"],
    [
      "annotations that are no texts",
      answer(index([entry({ annotations: { a: 1 } })])),
      "annotation",
    ],
    [
      "another scheme to go to",
      { status: 307, headers: { location: "file:///etc/passwd" } },
      "only http and https",
    ],
    [
      "a link-local address to go to",
      { status: 307, headers: { location: "http://169.254.169.254/latest" } },
      "link-local",
    ],
    [
      "no end of places to go to",
      { status: 307, headers: { location: "?again" } },
      "more than 5 redirects",
    ],
    [
      "a message that steers the terminal",
      { status: 400, code: "X", message: "\x1b[2J\x1b]0;owned\x07\u202egnp" },
      "400 X:",
    ],
  ] as const
) {
  attack(`hostile: ${name} is refused with one line`, async () => {
    await using pair = new Pair();
    pair.source.install("corp/app", "v1", app);
    pair.source.install("corp/good", "v1", makeImage({ seed: "good" }));
    pair.source.fault({
      match: { kind: "manifest", method: "GET", repository: "corp/app" },
      action,
    });
    // A HEAD that tells nothing, so that the tag is read.
    pair.source.fault({
      match: { kind: "manifest", method: "HEAD", repository: "corp/app" },
      action: "status" in action && action.body !== undefined
        ? { ...action, body: "" }
        : action,
    });
    const { code, stderr } = await pair.mirror("corp/app:v1\ncorp/good:v1");
    assertEquals(code, 1);
    const errors = stderr.split("\n").filter((line) =>
      line.includes("Failed [")
    );
    assertEquals(errors.length, 1, stderr);
    assertStringIncludes(errors[0]!, says);
    assert(errors[0]!.length < 1500);
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x08\x0b-\x1f\x7f\u202e]/.test(stderr), stderr);
    assertEquals(pair.destination.tags(), ["corp/good:v1"]);
    assertEquals(await pair.failedLines(), ["corp/app:v1"]);
  });
}

/** An image whose manifest is made up, its content that of another. */
function withManifest(json: unknown, like: MadeImage): MadeImage {
  const bytes = new TextEncoder().encode(JSON.stringify(json));
  const made = {
    bytes,
    mediaType: `${OCI}.index.v1+json`,
    digest: sha256(bytes),
  };
  return {
    ...made,
    manifests: [...like.manifests, made],
    blobs: like.blobs,
  };
}

attack("hostile: a size that lies is found out", async () => {
  await using pair = new Pair();
  const lying = index([entry({ size: child.bytes.byteLength + 1 })]);
  pair.source.install("corp/app", "v1", withManifest(lying, app));
  const { code, stderr } = await pair.mirror("corp/app:v1");
  assertEquals(code, 1);
  assertStringIncludes(stderr, "its index says");
  assertEquals(pair.destination.tags(), []);
});

/** An index that leads to itself by way of content nobody can hash in advance. */
function bomb(depth: number, width: number): MadeImage[] {
  let level: MadeImage[] = Array.from(
    { length: width },
    (_, i) => makeImage({ seed: `leaf ${i}`, layers: [1] }),
  );
  for (let d = 0; d < depth; d++) {
    level = Array.from(
      { length: width },
      (_, i) => makeIndex(level, { annotations: { level: `${d} ${i}` } }),
    );
  }
  return level;
}

attack(
  "hostile: an index that leads nowhere but deeper comes to an end",
  async () => {
    await using pair = new Pair();
    const [deep] = bomb(10, 1);
    pair.source.install("corp/app", "v1", deep!);
    const { code, stderr } = await pair.mirror("corp/app:v1", [
      "--arch=all",
      "--os=all",
    ]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "nested more than 8 deep");
    assertEquals(pair.destination.tags(), []);
  },
);

attack("hostile: an index of many thousand entries is given up", async () => {
  await using pair = new Pair();
  const entries = Array.from({ length: 12_000 }, (_, i) => ({
    mediaType: `${OCI}.manifest.v1+json`,
    digest: `sha256:${i.toString(16).padStart(64, "0")}`,
    size: 2,
  }));
  pair.source.install("corp/app", "v1", withManifest(index(entries), app));
  const { code, stderr } = await pair.mirror("corp/app:v1", [
    "--remove-signatures",
  ]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "[ERRO]");
  assert(pair.source.requests.length <= 2100);
});

for (const what of ["tags", "referrers"] as const) {
  attack(`hostile: a list of ${what} without end is given up`, async () => {
    await using pair = new Pair({}, { referrers: true });
    pair.source.install("corp/app", "v1", makeImage({ seed: "app" }));
    pair.source.fault({
      match: { kind: what },
      action: answer(
        what === "tags" ? { tags: ["a"] } : index([]),
        `${OCI}.index.v1+json`,
        { link: '<?again>; rel="next"' },
      ),
    });
    const { code, stderr } = await pair.mirror("corp/app:v1");
    assertEquals(code, what === "tags" ? 0 : 1, stderr);
    assert(pair.source.requests.length < 150);
  });
}

attack(
  "hostile: a million tags are listed page by page, not for ever",
  async () => {
    await using registry = FakeRegistry.start();
    registry.fault({
      match: { kind: "tags" },
      action: answer({ tags: ["a"] }, "application/json", {
        link: '<?again>; rel="next"',
      }),
    });
    const { code, stderr } = await hangar([
      "list-tags",
      `${registry.host}/corp/app`,
    ]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "pages of tags");
  },
);

attack("hostile: inflated JSON counts by what it inflates to", async () => {
  await using pair = new Pair();
  pair.source.install("corp/app", "v1", app);
  const small = new Uint8Array(gzipSync(new Uint8Array(50 << 20)));
  await using server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
  }, () =>
    new Response(small, {
      headers: {
        "content-encoding": "gzip",
        "content-type": `${OCI}.index.v1+json`,
      },
    }));
  const location = `http://127.0.0.1:${server.addr.port}/bomb`;
  pair.source.fault({
    match: { kind: "manifest" },
    action: { status: 307, headers: { location } },
  });
  const { code, stderr } = await pair.mirror("corp/app:v1");
  assertEquals(code, 1);
  assertStringIncludes(stderr, "[ERRO]");
  assertEquals(pair.destination.tags(), []);
});

attack(
  "hostile: a Location at another origin gets the upload, but no credentials",
  async () => {
    const seen: (string | null)[] = [];
    const blobs: string[] = [];
    await using elsewhere = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen: () => {},
    }, async (request) => {
      seen.push(request.headers.get("authorization"));
      const hash = createHash("sha256");
      for await (const chunk of request.body ?? []) hash.update(chunk);
      blobs.push(hash.digest("hex"));
      return new Response(null, { status: 201 });
    });
    const login = { username: "u", password: "p" };
    await using pair = new Pair({ auth: { kind: "basic", ...login } });
    pair.damaged = true;
    pair.source.install(
      "corp/app",
      "v1",
      makeImage({ seed: "one", layers: [10] }),
    );
    pair.destination.fault({
      match: { method: "POST" },
      action: {
        status: 202,
        headers: { location: `http://127.0.0.1:${elsewhere.addr.port}/upload` },
      },
    });
    const auth = `${pair.directory}/auth.json`;
    await Deno.writeTextFile(
      auth,
      JSON.stringify({
        auths: { [pair.destination.host]: { auth: btoa("u:p") } },
      }),
    );
    const { code } = await pair.mirror("corp/app:v1", [], {
      env: { REGISTRY_AUTH_FILE: auth },
    });
    // The registry never got the blobs, so it refuses the manifest.
    assertEquals(code, 1);
    assert(seen.length >= 2);
    assertEquals(seen.filter((header) => header !== null), []);
  },
);

attack(
  "hostile: a realm on another host gets no password over plain HTTP",
  async () => {
    const seen: (string | null)[] = [];
    await using realm = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen: () => {},
    }, (request) => {
      seen.push(request.headers.get("authorization"));
      return Response.json({ token: "x" });
    });
    await using pair = new Pair({}, {
      auth: {
        kind: "bearer",
        username: "u",
        password: "p",
        realm: `http://127.0.0.1:${realm.addr.port}/token`,
      },
    });
    pair.source.install("corp/app", "v1", app);
    const auth = `${pair.directory}/auth.json`;
    await Deno.writeTextFile(
      auth,
      JSON.stringify({ auths: { [pair.source.host]: { auth: btoa("u:p") } } }),
    );
    const { code } = await pair.mirror("corp/app:v1", [], {
      env: { REGISTRY_AUTH_FILE: auth },
    });
    assertEquals(code, 1);
    assert(seen.length >= 1);
    assertEquals(seen.filter((header) => header !== null), []);
  },
);

attack(
  "hostile: a token that would carry a header of its own is no token",
  async () => {
    await using pair = new Pair({}, {
      auth: { kind: "bearer", username: "u", password: "p" },
    });
    pair.source.install("corp/app", "v1", app);
    pair.source.fault({
      match: { kind: "token" },
      action: {
        status: 200,
        body: JSON.stringify({ token: "a\r\nX-Evil: 1" }),
      },
    });
    const { code, stderr } = await pair.mirror("corp/app:v1");
    assertEquals(code, 1);
    assertStringIncludes(stderr, "holds no token");
  },
);

attack(
  "hostile: referrers whose list names a blob bomb are bounded by their sizes",
  async () => {
    await using pair = new Pair({}, { referrers: true });
    const image = makeImage({ seed: "app" });
    pair.source.install("corp/app", "v1", image);
    const referrer = makeReferrer(image, "a");
    const [lost = ""] = [...referrer.blobs.keys()].slice(-1);
    pair.source.install("corp/app", undefined, referrer);
    pair.source.fault({
      match: { kind: "blob", reference: lost },
      action: { status: 200, body: "x".repeat(10_000) },
    });
    const { code, stderr } = await pair.mirror("corp/app:v1");
    assertEquals(code, 1);
    assertStringIncludes(stderr, lost);
    assertEquals(pair.destination.tags(), []);
  },
);

attack(
  "hostile: a manifest that a portal takes in place of the registry is not there",
  async () => {
    for (const status of [200, 202]) {
      await using pair = new Pair();
      pair.source.install("corp/app", "v1", app);
      const end = pair.destination.fault({
        match: { method: "PUT", kind: "manifest" },
        action: {
          status,
          body: "<html>log in</html>",
          headers: { "content-type": "text/html" },
        },
      });
      const { code, stderr } = await pair.mirror("corp/app:v1\n");
      assertEquals(code, 1, stderr);
      assertStringIncludes(stderr, "it was taken, but is not there");
      assertStringIncludes(stderr, `answered ${status}`);
      assertEquals(pair.destination.tags(), []);
      assertEquals(await pair.failedLines(), ["corp/app:v1"]);
      end();
      assertEquals((await pair.mirror("corp/app:v1\n")).code, 0);
      assertEquals(pair.destination.digestOf("corp/app", "v1"), app.digest);
    }
  },
);

attack(
  "hostile: a blob that is said to be there and is not leads to --overwrite, which brings it",
  async () => {
    await using pair = new Pair();
    const image = makeImage({ seed: "said", layers: [4000] });
    const [layer = ""] = JSON.parse(new TextDecoder().decode(image.bytes))
      .layers
      .map(({ digest }: { digest: string }) => digest);
    pair.source.install("corp/app", "v1", image);
    pair.destination.fault({
      match: { method: "HEAD", kind: "blob", reference: layer },
      action: { status: 200, body: "", headers: { "content-length": "4000" } },
    });
    const first = await pair.mirror("corp/app:v1\n");
    assertEquals(first.code, 1, first.stderr);
    assertStringIncludes(first.stderr, "MANIFEST_BLOB_UNKNOWN");
    assertStringIncludes(first.stderr, "--overwrite checks all content there");
    assertEquals(pair.destination.tags(), []);
    const second = await pair.mirror("corp/app:v1\n", ["--overwrite"]);
    assertEquals(second.code, 0, second.stderr);
    assertEquals(pair.destination.digestOf("corp/app", "v1"), image.digest);
  },
);
