import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { makeImage, randomBytes, sha256 } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const windows = (seed: string) =>
  makeImage({ seed, platform: "windows/amd64", foreignLayer: true });

/** What docker-registry answers to a manifest whose layers have `urls`. */
const REFUSES_URLS = {
  status: 500,
  body: JSON.stringify({
    errors: [
      { code: "UNKNOWN", message: "unknown error", detail: {} },
      { code: "MANIFEST_BLOB_UNKNOWN", message: "blob unknown to registry" },
    ],
  }),
};

Deno.test("refusals: a code that is for good outweighs a 500, and the message is about the urls", async () => {
  await using pair = new Pair();
  pair.source.install("corp/win", "v1", windows("w"));
  pair.destination.fault({
    match: { kind: "manifest", method: "PUT" },
    action: REFUSES_URLS,
  });
  const { code, stderr } = await pair.mirror("corp/win:v1", ["--os=windows"]);
  assertEquals(code, 1);
  assertEquals(pair.destination.count({ kind: "manifest", method: "PUT" }), 1);
  assert(!stderr.includes("next attempt"), stderr);
  assertStringIncludes(stderr, "its foreign layers (with `urls`)");
  assertStringIncludes(stderr, "500 UNKNOWN: unknown error");
  assertStringIncludes(stderr, "MANIFEST_BLOB_UNKNOWN");
  assertStringIncludes(stderr, "validation.manifests.urls.allow");
});

Deno.test("refusals: foreign layers that the source serves are copied where a 500 asks for them", async () => {
  await using pair = new Pair();
  const image = windows("w");
  const layer = randomBytes(10, "w foreign");
  const blobs = new Map([...image.blobs, [sha256(layer), layer]]);
  pair.source.install("corp/win", "v1", { ...image, blobs });
  pair.destination.fault({
    match: { kind: "manifest", method: "PUT" },
    times: 1,
    action: REFUSES_URLS,
  });
  const { code, stderr } = await pair.mirror("corp/win:v1", ["--os=windows"]);
  assertEquals(code, 0, stderr);
  assert(pair.destination.hasBlob("corp/win", sha256(layer)));
});

for (
  const [what, action] of [
    ["refuses", REFUSES_URLS],
    ["fails", { status: 503 }],
  ] as const
) {
  Deno.test(`brake: a host that ${what} six images, but takes what others push, gets the good ones too`, async () => {
    await using pair = new Pair();
    const bad = Array.from({ length: 6 }, (_, i) => `corp/bad-${i}`);
    for (const repository of bad) {
      pair.source.install(repository, "v1", windows(repository));
      pair.destination.fault({
        match: { kind: "manifest", method: "PUT", repository },
        action,
      });
    }
    const good = makeImage({ seed: "good", platform: "windows/amd64" });
    pair.source.install("corp/good", "v1", good);
    let now = 0;
    const { stderr } = await pair.mirror(
      [...bad, "corp/good"].map((name) => `${name}:v1`).join("\n"),
      ["--os=windows", "-j1"],
      { now: () => now += 11_000 },
    );
    assertStringIncludes(stderr, "1 copied");
    assertStringIncludes(stderr, "6 failed");
    assertEquals(pair.destination.digestOf("corp/good", "v1"), good.digest);
  });
}

for (
  const [what, detail, shown] of [
    ["an object", { mediaType: "a/b" }, '({"mediaType":"a/b"})'],
    ["text", "type a/b", "(type a/b)"],
    ["a list", ["a/b", 2], '(["a/b",2])'],
    ["text that steers terminals", "a\u001b[2J\nb", "(a [2J b)"],
    ["nothing", {}, "manifest invalid ["],
    ["very much", "x".repeat(5000), `(${"x".repeat(300)}…)`],
  ] as const
) {
  Deno.test(`refusals: the detail is shown: ${what}`, async () => {
    await using pair = new Pair();
    pair.source.install("corp/app", "v1", makeImage({ seed: "app" }));
    const error = {
      code: "MANIFEST_INVALID",
      message: "manifest invalid",
      detail,
    };
    pair.destination.fault({
      match: { kind: "manifest", method: "PUT" },
      action: { status: 415, body: JSON.stringify({ errors: [error] }) },
    });
    const { code, stderr } = await pair.mirror("corp/app:v1");
    assertEquals(code, 1);
    assertStringIncludes(
      stderr.replaceAll("\n", " "),
      `415 MANIFEST_INVALID: manifest invalid ${
        shown.replace("manifest invalid ", "")
      }`,
    );
  });
}
