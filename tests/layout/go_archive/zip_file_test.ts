import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { HangarError } from "../../../src/errors.ts";
import { ZipFile } from "../../../src/layout/go_archive/zip_file.ts";
import { OpenBytes, readAll } from "../../support/archives/random_access.ts";
import { writeZip, type ZippedFile } from "../../support/archives/zip.ts";
import { randomBytes, sha256 } from "../../support/images.ts";

function open(bytes: Uint8Array): Promise<ZipFile> {
  return ZipFile.open(new OpenBytes(bytes), () => true);
}

Deno.test("every file comes out as it went in, from any offset: stored, deflated, 64-bit", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          size: fc.integer({ min: 0, max: 300_000 }),
          deflate: fc.boolean(),
          plain: fc.boolean(),
          from: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
        { maxLength: 5 },
      ),
      fc.boolean(),
      async (wanted, zip64) => {
        const files = wanted.map(({ size, deflate, plain }, i) => ({
          name: `file ${i}`,
          deflate,
          bytes: plain ? new Uint8Array(size) : randomBytes(size, `${i}`),
        }));
        const zip = await open(writeZip(files, { zip64 }));
        for (const [i, { name, bytes }] of files.entries()) {
          const offset = Math.floor(wanted[i]!.from * bytes.byteLength);
          assertEquals(zip.sizeOf(name), bytes.byteLength);
          const read = await readAll(await zip.open(name, offset));
          assertEquals(sha256(read), sha256(bytes.subarray(offset)));
        }
      },
    ),
    { numRuns: 40 },
  );
});

const BYTES = new Uint8Array(100_000);
const REFUSED: Record<string, [Partial<ZippedFile>, string]> = {
  "a link": [{ mode: 0o120777 }, "is a link"],
  "an encrypted file": [{ flags: 1 }, "is encrypted"],
  "an unknown method": [{ claimedMethod: 93 }, "compressed by method 93"],
  "two sizes": [{ deflate: true, claimedMethod: 0 }, "has two sizes"],
  "a bomb": [{ deflate: true, claimedSize: 99_999 }, "inflates to more"],
  "too little": [{ deflate: true, claimedSize: 100_001 }, "to fewer than"],
  "no deflated content": [{ claimedMethod: 8 }, "cannot be inflated"],
};

for (const [what, [file, text]] of Object.entries(REFUSED)) {
  Deno.test(`${what} is refused, and the other files are read`, async () => {
    const zip = await open(writeZip([
      { name: "bad", bytes: BYTES, ...file },
      { name: "good", bytes: BYTES },
    ]));
    const error = await assertRejects(
      async () => await readAll(await zip.open("bad")),
      HangarError,
      text,
    );
    assertEquals(error.code, "content-mismatch");
    assertEquals((await readAll(await zip.open("good"))).byteLength, 100_000);
  });
}

Deno.test("a bomb is stopped before it has grown, also behind an offset", async () => {
  const file = {
    name: "bomb",
    bytes: new Uint8Array(200_000_000),
    deflate: true,
    claimedSize: 1_000,
  };
  const zip = await open(writeZip([file]));
  for (const offset of [0, 900]) {
    await assertRejects(
      async () => await readAll(await zip.open("bomb", offset)),
      HangarError,
      "inflates to more than the 1000 bytes",
    );
  }
  assertEquals(zip.sizeOf("bomb"), 1_000);
});

Deno.test("names are keys: paths out of the zip lead nowhere, and the first of two files counts", async () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const zip = await open(writeZip([
    { name: "../../etc/passwd", bytes: bytes("a") },
    { name: "/etc/passwd", bytes: bytes("b") },
    { name: "share\\sha256\\x", bytes: bytes("c") },
    { name: "twice", bytes: bytes("first") },
    { name: "twice", bytes: bytes("second") },
  ]));
  assertEquals([...zip.names()], [
    "../../etc/passwd",
    "/etc/passwd",
    "share/sha256/x",
    "twice",
  ]);
  assertEquals(zip.isRepeated("twice"), true);
  assertEquals(zip.isRepeated("/etc/passwd"), false);
  assertEquals(
    new TextDecoder().decode(await readAll(await zip.open("twice"))),
    "first",
  );
});

Deno.test("names that are not wanted are not kept", async () => {
  const zip = await ZipFile.open(
    new OpenBytes(writeZip([
      { name: "a", bytes: BYTES },
      { name: "b", bytes: BYTES },
    ])),
    (name) => name === "b",
  );
  assertEquals([...zip.names()], ["b"]);
});

Deno.test("more files than there can be are refused before they are read", async () => {
  const bytes = writeZip([{ name: "a", bytes: BYTES }], { zip64: true });
  // The count in the 64-bit end record.
  const at = bytes.byteLength - 22 - 20 - 56 + 32;
  new DataView(bytes.buffer).setBigUint64(at, 500_001n, true);
  await assertRejects(() => open(bytes), HangarError, "holds 500001 files");
});

Deno.test("damage anywhere is an error, or bytes for their reader to check, and never a crash", async () => {
  const content = randomBytes(300, "content");
  const files = [{ name: "a", bytes: content }, {
    name: "b",
    bytes: content,
    deflate: true,
  }];
  const whole = writeZip(files, { zip64: true });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: whole.byteLength - 1 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, flip) => {
        const bytes = whole.slice();
        bytes[at]! ^= flip;
        for (const name of ["a", "b"]) {
          try {
            const zip = await open(bytes);
            await readAll(await zip.open(name));
          } catch (error) {
            assertEquals(error instanceof HangarError, true, `${error}`);
          }
        }
      },
    ),
    { numRuns: 400 },
  );
});
