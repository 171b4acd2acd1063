import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { makeImage, makeReferrer, makeSha512, sha256 } from "../images.ts";
import { FakeClient, type PlainClient, REPO } from "./plain_client.ts";

const app = makeImage({ seed: "app", layers: [1000] });
const [layer = "", bytes = new Uint8Array()] = [...app.blobs][0] ?? [];

Deno.test("fake registry: a blob is deleted from its repository alone", async () => {
  await using client = new FakeClient();
  client.registry.install(REPO, "v1", app);
  client.registry.install("corp/other", "v1", app);
  assertEquals((await client.ask("DELETE", `blobs/${layer}`)).status, 202);
  assertEquals((await client.ask("GET", `blobs/${layer}`)).status, 404);
  assertEquals((await client.ask("DELETE", `blobs/${layer}`)).status, 404);
  assertEquals(client.registry.hasBlob("corp/other", layer), true);
  assertEquals(client.registry.violations.length, 2);
});

Deno.test("fake registry: a tag is deleted alone, a manifest with its tags", async () => {
  await using client = new FakeClient();
  for (const tag of ["v1", "v2", "v3"]) client.registry.install(REPO, tag, app);
  assertEquals((await client.ask("DELETE", "manifests/v1")).status, 202);
  assertEquals((await client.ask("DELETE", "manifests/v1")).status, 404);
  assertEquals(client.registry.tags(), [`${REPO}:v2`, `${REPO}:v3`]);
  const path = `manifests/${app.digest}`;
  assertEquals((await client.ask("GET", path)).status, 200);
  assertEquals((await client.ask("DELETE", path)).status, 202);
  assertEquals((await client.ask("GET", path)).status, 404);
  assertEquals(client.registry.tags(), []);
});

for (
  const [deletes, tag, digest] of [
    ["digests", 400, 202],
    ["nothing", 405, 405],
  ] as const
) {
  Deno.test(`fake registry: one that deletes ${deletes} refuses the rest`, async () => {
    await using client = new FakeClient({ quirks: { deletes } });
    client.registry.install(REPO, "v1", app);
    assertEquals((await client.ask("DELETE", "manifests/v1")).status, tag);
    for (const path of [`manifests/${app.digest}`, `blobs/${layer}`]) {
      assertEquals((await client.ask("DELETE", path)).status, digest);
    }
  });
}

Deno.test("fake registry: what is neither a tag nor a digest is refused", async () => {
  const put = {
    headers: { "content-type": app.mediaType },
    body: app.bytes,
  };
  for (const status of [400, 500] as const) {
    const badReferenceStatus = status === 500 ? status : undefined;
    await using client = new FakeClient({ quirks: { badReferenceStatus } });
    client.registry.install(REPO, "v1", app);
    for (const reference of ["sha256:badstring", `md5:${"a".repeat(32)}`]) {
      const path = `manifests/${reference}`;
      assertEquals((await client.ask("GET", path)).status, status);
      assertEquals((await client.ask("HEAD", path)).status, status);
      assertEquals((await client.ask("PUT", path, put)).status, status);
      assertEquals((await client.ask("GET", `blobs/${reference}`)).status, 400);
    }
    assertEquals((await client.ask("GET", "manifests/-v1")).status, status);
    assertEquals(client.registry.tags(), [`${REPO}:v1`]);
  }
});

Deno.test("fake registry: a manifest is not taken under another digest", async () => {
  await using client = new FakeClient();
  client.registry.install(REPO, undefined, app);
  const { status, text } = await client.ask(
    "PUT",
    `manifests/${sha256(new Uint8Array(1))}`,
    { headers: { "content-type": app.mediaType }, body: app.bytes },
  );
  assertEquals(status, 400);
  assertMatch(text, /DIGEST_INVALID/);
});

const RANGES: readonly [string, string | undefined][] = [
  ["bytes=10-19", "bytes 10-19/1000"],
  ["bytes=10-", "bytes 10-999/1000"],
  ["bytes=-5", "bytes 995-999/1000"],
  ["bytes=-5000", "bytes 0-999/1000"],
  ["bytes=900-3000", "bytes 900-999/1000"],
  ["bytes=0-0", "bytes 0-0/1000"],
  ["bytes=1000-", undefined],
  ["bytes=5000-10000", undefined],
  ["bytes=500-0", undefined],
  ["bytes=-0", undefined],
];
for (const [range, expected] of RANGES) {
  Deno.test(`fake registry: ${range} of a blob of 1000 bytes`, async () => {
    await using client = new FakeClient();
    client.registry.install(REPO, "v1", app);
    const url = `${client.registry.url}/v2/${REPO}/blobs/${layer}`;
    const response = await fetch(url, { headers: { range } });
    const body = new Uint8Array(await response.arrayBuffer());
    assertEquals(response.status, expected ? 206 : 416);
    assertEquals(
      response.headers.get("content-range"),
      expected ?? "bytes */1000",
    );
    if (!expected) return;
    const [, from, to] = /(\d+)-(\d+)/.exec(expected) ?? [];
    assertEquals(body, bytes.slice(Number(from), Number(to) + 1));
  });
}

Deno.test("fake registry: the answer to a bad range can break off", async () => {
  await using client = new FakeClient({ quirks: { breaksBadRanges: true } });
  client.registry.install(REPO, "v1", app);
  const headers = { range: "bytes=1000-" };
  await assertRejects(() => client.ask("GET", `blobs/${layer}`, { headers }));
});

Deno.test("fake registry: other units, several ranges, and one that knows no ranges get it all", async () => {
  await using plain = new FakeClient();
  await using ignores = new FakeClient({ quirks: { ignoreRange: true } });
  for (const { registry } of [plain, ignores]) {
    registry.install(REPO, "v1", app);
  }
  for (
    const [client, range] of [
      [plain, "lines=0-1"],
      [plain, "bytes=0-1,4-5"],
      [ignores, "bytes=10-"],
    ] as const
  ) {
    const { status, headers } = await client.ask("GET", `blobs/${layer}`, {
      headers: { range },
    });
    assertEquals([status, headers.get("content-length")], [200, "1000"]);
  }
});

Deno.test("fake registry: tags come in order and in pages, after the last one", async () => {
  await using client = new FakeClient({ tagPageSize: 3 });
  for (const tag of ["d", "a", "c", "b"]) {
    client.registry.install(REPO, tag, app);
  }
  const list = async (query: string) => {
    const { status, headers, text } = await client.ask(
      "GET",
      `tags/list${query}`,
    );
    return [status, JSON.parse(text).tags, headers.get("link")];
  };
  const next = (n: number, last: string) =>
    `</v2/${REPO}/tags/list?n=${n}&last=${last}>; rel="next"`;
  assertEquals(await list(""), [200, ["a", "b", "c"], next(3, "c")]);
  assertEquals(await list("?n=2"), [200, ["a", "b"], next(2, "b")]);
  assertEquals(await list("?n=2&last=b"), [200, ["c", "d"], null]);
  assertEquals(await list("?n=0"), [200, [], null]);
  assertEquals(await list("?last=zz"), [200, [], null]);
  assertEquals((await list("?n=x"))[0], 400);
});

Deno.test("fake registry: one that ignores paging lists all tags, whatever was asked", async () => {
  await using client = new FakeClient({
    tagPageSize: 1,
    quirks: { ignoresTagPaging: true },
  });
  client.registry.install(REPO, undefined, app);
  const list = async (query: string) =>
    JSON.parse((await client.ask("GET", `tags/list${query}`)).text).tags;
  assertEquals(await list(""), null);
  client.registry.install(REPO, "a", app);
  client.registry.install(REPO, "b", app);
  assertEquals(await list("?n=1&last=a"), ["b", "a"]);
});

const sboms = ["one", "two", "three"].map((seed) => makeReferrer(app, seed));
const other = makeReferrer(app, "other", "application/x-other");

async function referrers(client: PlainClient, query: string) {
  const path = query.startsWith("/")
    ? query
    : `referrers/${app.digest}${query}`;
  const { status, headers, text } = await client.ask("GET", path);
  assertEquals(status, 200);
  const digests: string[] = JSON.parse(text).manifests.map(
    ({ digest }: { digest: string }) => digest,
  );
  return {
    digests,
    applied: headers.get("oci-filters-applied"),
    next: /<(.*)>/.exec(headers.get("link") ?? "")?.[1],
  };
}

Deno.test("fake registry: referrers are filtered by type, on every page", async () => {
  await using client = new FakeClient({
    referrers: true,
    referrerPageSize: 2,
  });
  for (const image of [...sboms, other]) {
    client.registry.install(REPO, undefined, image);
  }
  const first = await referrers(
    client,
    "?artifactType=application/spdx%2Bjson",
  );
  assertEquals(first.applied, "artifactType");
  const second = await referrers(client, first.next!);
  assertEquals(second.applied, "artifactType");
  assertEquals(second.next, undefined);
  assertEquals(
    [...first.digests, ...second.digests],
    sboms.map(({ digest }) => digest),
  );
  const all = await referrers(client, "");
  assertEquals(all.applied, null);
  const bad = await client.ask("GET", "referrers/sha256:bad");
  assertEquals(bad.status, 400);
});

Deno.test("fake registry: one that does not filter referrers does not say so", async () => {
  await using client = new FakeClient({
    referrers: true,
    quirks: { ignoresArtifactType: true },
  });
  for (const image of [sboms[0]!, other]) {
    client.registry.install(REPO, undefined, image);
  }
  const { applied, digests } = await referrers(client, "?artifactType=none");
  assertEquals([applied, digests.length], [null, 2]);
});

Deno.test("fake registry: one without the referrers API has no such route", async () => {
  await using client = new FakeClient();
  const { status, headers } = await client.ask(
    "GET",
    `referrers/${app.digest}`,
  );
  assertEquals(status, 404);
  assertMatch(headers.get("content-type") ?? "", /^text\/plain/);
});

Deno.test("fake registry: foreign layers are taken, refused with 500, or wanted", async () => {
  const foreign = makeImage({ seed: "win", foreignLayer: true });
  for (
    const [quirks, status] of [
      [{}, 201],
      [{ refusesForeignLayers: true }, 500],
      [{ wantForeignLayers: true }, 400],
    ] as const
  ) {
    await using client = new FakeClient({ quirks });
    client.registry.install(REPO, undefined, { ...foreign, manifests: [] });
    const put = await client.ask("PUT", "manifests/v1", {
      headers: { "content-type": foreign.mediaType },
      body: foreign.bytes,
    });
    assertEquals(put.status, status, put.text);
    if (status !== 201) assertMatch(put.text, /MANIFEST_BLOB_UNKNOWN/);
  }
});

Deno.test("fake registry: where answers name sha256, a manifest has no other digest", async () => {
  const image = makeSha512([100]);
  const digest = sha256(image.bytes);
  const path = `manifests/${await sha512Of(image.bytes)}`;
  for (const answersSha256 of [false, true]) {
    await using client = new FakeClient({ quirks: { answersSha256 } });
    client.registry.install(REPO, undefined, { ...image, manifests: [] });
    const put = {
      headers: { "content-type": image.mediaType },
      body: image.bytes,
    };
    const status = answersSha256 ? 400 : 201;
    assertEquals((await client.ask("PUT", path, put)).status, status);
    assertEquals(
      (await client.ask("GET", path)).status,
      answersSha256 ? 404 : 200,
    );
    const tagged = await client.ask("PUT", "manifests/v1", put);
    assertEquals(tagged.headers.get("docker-content-digest"), digest);
  }
});

async function sha512Of(content: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-512", new Uint8Array(content));
  return `sha512:${new Uint8Array(hash).toHex()}`;
}
