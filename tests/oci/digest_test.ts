import { assertEquals, assertThrows } from "@std/assert";
import { HangarError } from "../../src/errors.ts";
import {
  type Digest,
  digestOf,
  DigestVerifier,
  parseDigest,
} from "../../src/oci/digest.ts";

const bytes = new TextEncoder().encode("hello");
// From coreutils: printf hello | sha256sum, sha512sum.
const SHA256 =
  "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" as Digest;
const SHA512 =
  "sha512:9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043" as Digest;

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

function judge(digest: Digest, size: number, ...parts: string[]): void {
  const verifier = new DigestVerifier({ digest, size });
  for (const part of parts) verifier.update(new TextEncoder().encode(part));
  verifier.finish();
}

for (const digest of [SHA256, SHA512]) {
  Deno.test(`verifier: right content of a ${digest.slice(0, 6)} digest passes`, () => {
    judge(digest, 5, "he", "llo");
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
  Deno.test(`verifier: ${name} content does not pass`, () => {
    const error = assertThrows(() => judge(SHA256, 5, ...parts), HangarError);
    assertEquals([error.code, error.temporary], [code, temporary]);
  });
}

Deno.test("verifier: it goes back to where content can be taken anew", () => {
  const MIB = 1024 * 1024;
  const content = new Uint8Array(20 * MIB).map((_, i) => i * 7);
  const verifier = new DigestVerifier({
    digest: digestOf(content),
    size: content.byteLength,
  });
  const take = (from: number, to: number) => {
    for (let at = from; at < to; at += MIB) {
      verifier.update(content.subarray(at, Math.min(at + MIB, to)));
    }
  };
  take(0, 15 * MIB);
  for (const offset of [14 * MIB + 3, 9 * MIB, 5 * MIB, 1]) {
    const from = verifier.rewind(offset);
    assertEquals(from <= offset && offset - from < 5 * MIB, true);
    assertEquals(verifier.received, from);
    take(from, 15 * MIB);
  }
  assertEquals(verifier.rewind(15 * MIB), 15 * MIB);
  take(15 * MIB, 20 * MIB);
  verifier.finish();
});

Deno.test("digest: where somebody else checks the digest, the size is checked still", () => {
  const bytes = new TextEncoder().encode("0123456789");
  const expected = { digest: digestOf(new Uint8Array(1)), size: 10 };
  const verifier = new DigestVerifier(expected);
  verifier.update(bytes.subarray(0, 5));
  verifier.stopHashing();
  assertEquals(verifier.isHashing, false);
  verifier.update(bytes.subarray(5, 9));
  assertThrows(() => verifier.finish(), HangarError, "ended after 9 of 10");
  // To any point, since there is no hash that has points to go back to.
  assertEquals(verifier.rewind(7), 7);
  assertEquals(verifier.received, 7);
  verifier.update(bytes.subarray(7));
  verifier.finish();
  assertThrows(() => verifier.update(bytes), HangarError, "is longer");
});
