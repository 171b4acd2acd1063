import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HangarError } from "../../src/errors.ts";
import {
  type Digest,
  digestOf,
  parseDigest,
  verifyStream,
} from "../../src/oci/digest.ts";

const bytes = new TextEncoder().encode("hello");
// From coreutils: printf hello | sha256sum, sha512sum.
const SHA256 =
  "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" as Digest;
const SHA512 =
  "sha512:9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043" as Digest;

function stream(...parts: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(parts.map((p) => new TextEncoder().encode(p)));
}

async function read(source: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(source).text();
}

Deno.test("digest: sha256 and sha512 are those of other tools", () => {
  assertEquals(digestOf(bytes), SHA256);
  assertEquals(digestOf(bytes, "sha512"), SHA512);
});

for (
  const text of [
    "",
    "sha256:",
    SHA256.toUpperCase(),
    `${SHA256}0`,
    `sha256:../${"a".repeat(61)}`,
    `md5:${"a".repeat(32)}`,
    ` ${SHA256}`,
    `${SHA256}\n`,
  ]
) {
  Deno.test(`digest: ${JSON.stringify(text.slice(0, 24))} is refused`, () => {
    assertThrows(() => parseDigest(text), HangarError, "invalid digest");
  });
}

for (const digest of [SHA256, SHA512]) {
  Deno.test(`stream: right content of a ${digest.slice(0, 6)} digest passes`, async () => {
    let seen = 0;
    const checked = verifyStream(stream("he", "llo"), { digest, size: 5 }, {
      onBytes: (n) => seen += n,
    });
    assertEquals(await read(checked), "hello");
    assertEquals(seen, 5);
  });
}

for (
  const [name, parts, code, temporary] of [
    ["altered", ["hellO"], "content-mismatch", false],
    ["longer", ["hello", "!"], "content-mismatch", false],
    ["shorter", ["hell"], "network", true],
    ["empty", [], "network", true],
  ] as const
) {
  Deno.test(`stream: ${name} content does not end well`, async () => {
    const error = await assertRejects(
      () => read(verifyStream(stream(...parts), { digest: SHA256, size: 5 })),
      HangarError,
    );
    assertEquals([error.code, error.temporary], [code, temporary]);
  });
}

Deno.test("stream: who stops reading stops the source", async () => {
  let cancelled: unknown;
  const source = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(bytes),
    cancel: (reason) => {
      cancelled = reason;
    },
  });
  const reader = verifyStream(source, { digest: SHA256, size: 500 })
    .getReader();
  await reader.read();
  await reader.cancel("enough");
  assertEquals(cancelled, "enough");
});
