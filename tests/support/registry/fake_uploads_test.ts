import { assertEquals, assertMatch } from "@std/assert";
import { makeSha512, randomBytes, sha256 } from "../images.ts";
import { FakeClient, locationOf, REPO } from "./plain_client.ts";

const content = randomBytes(1000, "blob");
const digest = sha256(content);
const wrong = sha256(randomBytes(10, "other"));
const [, [digest512, content512] = ["", content]] = makeSha512([100]).blobs;

Deno.test("fake uploads: a blob is taken whole in one POST", async () => {
  await using client = new FakeClient();
  const { status, headers } = await client.post(digest, content);
  assertEquals(status, 201);
  assertEquals(headers.get("docker-content-digest"), digest);
  assertEquals(client.registry.blob(digest), content);
  assertEquals((await client.post(wrong, content)).status, 400);
  assertEquals(client.registry.hasBlob(REPO, wrong), false);
});

Deno.test("fake uploads: where a POST with a digest is not known it opens an upload", async () => {
  await using client = new FakeClient({ quirks: { ignoresPostDigest: true } });
  const opened = await client.post(digest, content);
  assertEquals(opened.status, 202);
  assertEquals(client.registry.hasBlob(REPO, digest), false);
  const { status } = await client.finish(locationOf(opened), digest, content);
  assertEquals(status, 201);
});

for (const method of ["PATCH", "PUT"] as const) {
  Deno.test(`fake uploads: a ${method} out of order is refused, and the upload goes on where it was`, async () => {
    await using client = new FakeClient();
    const location = await client.open();
    const first = await client.patch(location, content.slice(0, 10), "0-9");
    assertEquals(first.status, 202);
    assertEquals(first.headers.get("range"), "0-9");
    for (const range of ["20-999", "5-984", "9-988", "10-998", "nonsense"]) {
      const body = content.slice(20);
      const misplaced = method === "PATCH"
        ? await client.patch(location, body, range)
        : await client.finish(location, digest, body, range);
      assertEquals(misplaced.status, 416, range);
    }
    assertEquals(client.registry.violations.length, 5);
    const reached = await client.ask("GET", location);
    assertEquals(reached.status, 204);
    assertEquals(reached.headers.get("range"), "0-9");
    const last = await client.finish(
      locationOf(reached),
      digest,
      content.slice(10),
      "10-999",
    );
    assertEquals(last.status, 201);
    assertEquals(client.registry.blob(digest), content);
  });
}

Deno.test("fake uploads: a registry that appends any chunk, or ignores the range of a PUT, sees another digest", async () => {
  await using appends = new FakeClient({ quirks: { appendsAnyChunk: true } });
  const location = await appends.open();
  const chunk = await appends.patch(location, content.slice(20, 30), "20-29");
  assertEquals(chunk.status, 202);
  assertEquals(chunk.headers.get("range"), "0-9");
  await using ignores = new FakeClient({ quirks: { ignoresPutRange: true } });
  const opened = await ignores.open();
  const put = await ignores.finish(
    opened,
    digest,
    content.slice(20),
    "20-999",
  );
  assertEquals(put.status, 400);
  assertMatch(put.text, /DIGEST_INVALID/);
});

Deno.test("fake uploads: nothing may follow a chunk below the least size", async () => {
  await using client = new FakeClient({ quirks: { minChunk: 100 } });
  const opened = await client.ask("POST", "blobs/uploads/");
  assertEquals(opened.headers.get("oci-chunk-min-length"), "100");
  const location = locationOf(opened);
  await client.patch(location, content.slice(0, 100));
  await client.patch(location, content.slice(100, 150));
  assertEquals(
    (await client.patch(location, content.slice(150))).status,
    400,
  );
  assertEquals(client.registry.violations.length, 1);
  const again = await client.open();
  await client.patch(again, content.slice(0, 950));
  await client.patch(again, content.slice(950));
  assertEquals((await client.finish(again, digest)).status, 201);
});

Deno.test("fake uploads: a Location that counts is worth nothing after the next chunk", async () => {
  await using drops = new FakeClient({ quirks: { countedLocation: 404 } });
  const first = await drops.open();
  const next = await drops.patch(first, content.slice(0, 10));
  assertEquals((await drops.ask("GET", first)).status, 404);
  assertEquals((await drops.ask("GET", locationOf(next))).status, 404);

  await using keeps = new FakeClient({ quirks: { countedLocation: 416 } });
  const opened = await keeps.open();
  await keeps.patch(opened, content.slice(0, 10));
  assertEquals((await keeps.patch(opened, content.slice(10))).status, 416);
  assertEquals((await keeps.finish(opened, digest)).status, 416);
  const reached = await keeps.ask("GET", opened);
  assertEquals(reached.headers.get("range"), "0-9");
  const { status } = await keeps.finish(
    locationOf(reached),
    digest,
    content.slice(10),
  );
  assertEquals(status, 201);
});

Deno.test("fake uploads: an upload can be given up, and is gone then", async () => {
  await using client = new FakeClient();
  const location = await client.open();
  assertEquals((await client.ask("DELETE", location)).status, 204);
  assertEquals((await client.ask("GET", location)).status, 404);
  assertEquals((await client.finish(location, digest, content)).status, 404);
});

Deno.test("fake uploads: sha512 content keeps its name, also where it is mounted", async () => {
  await using client = new FakeClient();
  const { headers } = await client.post(digest512, content512);
  assertEquals(headers.get("docker-content-digest"), digest512);
  const mounted = await client.ask(
    "POST",
    `/v2/corp/other/blobs/uploads/?mount=${digest512}&from=${REPO}`,
  );
  assertEquals(mounted.status, 201);
  assertEquals(client.registry.hasBlob("corp/other", digest512), true);
});

Deno.test("fake uploads: a registry that answers by sha256 finds sha512 content where it was sent, and says that it mounts it", async () => {
  await using client = new FakeClient({ quirks: { answersSha256: true } });
  const canonical = sha256(content512);
  const { status, headers } = await client.post(digest512, content512);
  assertEquals(status, 201);
  assertEquals(headers.get("docker-content-digest"), canonical);
  for (const name of [digest512, canonical]) {
    const head = await client.ask("HEAD", `blobs/${name}`);
    assertEquals(head.status, 200);
    assertEquals(head.headers.get("docker-content-digest"), canonical);
  }
  const mounted = await client.ask(
    "POST",
    `/v2/corp/other/blobs/uploads/?mount=${digest512}&from=${REPO}`,
  );
  assertEquals(mounted.status, 201);
  const at = (name: string) =>
    client.ask("HEAD", `/v2/corp/other/blobs/${name}`);
  assertEquals((await at(digest512)).status, 404);
  assertEquals((await at(canonical)).status, 404);
});
