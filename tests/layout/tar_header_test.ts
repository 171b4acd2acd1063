import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HangarError } from "../../src/errors.ts";
import {
  BLOCK_BYTES,
  decodeBlock,
  decodePax,
  encodeHeader,
} from "../../src/layout/tar/tar_header.ts";
import { scanTar } from "../../src/layout/tar/scan_tar.ts";

/** Content that is there only as far as it is read: zeros behind a header. */
function sparse(header: Uint8Array, size: number) {
  return {
    size,
    read: (offset: number, buffer: Uint8Array) => {
      buffer.fill(0);
      buffer.set(header.subarray(offset, offset + buffer.length));
      return Promise.resolve(
        Math.max(0, Math.min(buffer.length, size - offset)),
      );
    },
  };
}

const GIB = 1024 ** 3;

Deno.test("tar: names and sizes come back, whatever their length", async () => {
  await fc.assert(fc.asyncProperty(
    fc.stringMatching(/^[a-zäö0-9./:-]{1,200}$/),
    fc.oneof(fc.nat(10_000), fc.bigInt(0n, 2n ** 44n).map(Number)),
    async (name, size) => {
      const header = encodeHeader(name, size);
      assertEquals(header.length % BLOCK_BYTES, 0);
      const end = header.length + Math.ceil(size / 512) * 512;
      const { entries } = await scanTar(sparse(header, end + 1024), {
        name: "t",
      });
      const [entry] = entries;
      assertEquals(entry?.name, name.replace(/^(?:\.\/)+/, ""));
      assertEquals(entry?.size, size);
      assertEquals(entry?.offset, header.length);
    },
  ));
});

Deno.test("tar: 8 GiB is where the octal field ends", () => {
  assertEquals(encodeHeader("x", 8 * GIB - 1).length, BLOCK_BYTES);
  assertEquals(encodeHeader("x", 8 * GIB).length, 3 * BLOCK_BYTES);
});

Deno.test("tar: a binary size is read too", () => {
  const block = encodeHeader("x", 0);
  block.set([0x80, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1], 124);
  let sum = 0;
  for (let i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 32 : block[i]!;
  block.set(
    new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `),
    148,
  );
  assertEquals(decodeBlock(block, "x").size, 4 * 2 ** 32 + 1);
});

Deno.test("tar: a byte that is changed is noticed", () => {
  fc.assert(
    fc.property(fc.nat(511), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const block = encodeHeader("blobs/sha256/x", 4711);
      const [name, size] = [decodeBlock(block, "x").name, 4711];
      block[at] = (block[at]! + by) % 256;
      try {
        const header = decodeBlock(block, "x");
        assertEquals([header.name, header.size], [name, size]);
      } catch (error) {
        assertEquals(
          error instanceof HangarError && error.code,
          "invalid-archive",
        );
      }
    }),
  );
});

Deno.test("tar: pax records that are broken are refused", () => {
  for (
    const text of ["5", "99 path=x\n", "0 path=x\n", "-3 a=b\n", "11 size=1x\n"]
  ) {
    const error = assertThrows(
      () => decodePax(new TextEncoder().encode(text), "x"),
      HangarError,
    );
    assertEquals(error.code, "invalid-archive", text);
  }
});

for (
  const [type, what] of [
    ["1", "hard link"],
    ["2", "symbolic link"],
    ["3", "device"],
    ["4", "device"],
    ["6", "FIFO"],
    ["S", "sparse"],
  ]
) {
  Deno.test(`tar: ${what} (${type}) is refused`, async () => {
    const block = encodeHeader("../../etc/passwd", 0);
    block[156] = type!.charCodeAt(0);
    let sum = 0;
    for (let i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 32 : block[i]!;
    block.set(
      new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `),
      148,
    );
    let message = "";
    await scanTar(sparse(block, 4096), { name: "t" }).catch((error) => {
      message = error.message;
    });
    assertEquals(message.includes(what!), true, message);
  });
}
