import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import type { ByteReader } from "../../../src/bytes.ts";
import { BlobSource } from "../../../src/copy/blobs/blob_source.ts";
import { HangarError } from "../../../src/errors.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import { parseDescriptor } from "../../../src/oci/manifest.ts";
import { Retrier } from "../../../src/transport/retry.ts";
import { randomBytes } from "../../support/images.ts";

const broken = new HangarError("network", "reset", { temporary: true });
const signal = new AbortController().signal;

function describe(content: Uint8Array) {
  return parseDescriptor({
    mediaType: "x",
    digest: digestOf(content),
    size: content.byteLength,
  }, "blob");
}

/** A store whose content breaks at the given points, one after the other. */
function flaky(content: Uint8Array, breaks: readonly number[], piece = 100) {
  const left = [...breaks];
  const opened: number[] = [];
  let open = 0;
  return {
    opened,
    isOpen: () => open,
    open: (offset: number): Promise<ByteReader> => {
      opened.push(offset);
      open++;
      const end = left.shift();
      let at = offset;
      return Promise.resolve({
        read: () => {
          if (end !== undefined && at >= end) return Promise.reject(broken);
          const to = Math.min(at + piece, end ?? Infinity, content.byteLength);
          const bytes = content.subarray(at, to);
          at = to;
          return Promise.resolve(bytes.byteLength > 0 ? bytes : undefined);
        },
        cancel: () => {
          open--;
          return Promise.resolve();
        },
      });
    },
  };
}

async function readAll(reader: ByteReader, limit = Infinity) {
  const parts: number[] = [];
  while (parts.length < limit) {
    const piece = await reader.read();
    if (!piece) break;
    parts.push(...piece);
  }
  return new Uint8Array(parts);
}

const retrier = new Retrier({ baseDelayMs: 0, attempts: 4 });

Deno.test("blob source: a broken body is continued where it broke, and handed on once", async () => {
  const content = randomBytes(1000, "content");
  const store = flaky(content, [250, 251, 900]);
  const source = new BlobSource({
    blob: describe(content),
    open: store.open,
    attempts: retrier.attempts(),
    signal,
  });
  const reader = await source.openAt(0);
  assertEquals(await readAll(reader), content);
  await reader.cancel();
  assertEquals(store.opened, [0, 250, 251, 900]);
  assertEquals(store.isOpen(), 0);
});

Deno.test("blob source: what is read counts when it goes out, and again when it goes out again", async () => {
  const content = randomBytes(1000, "content");
  const counts = { sent: 0, again: 0 };
  const source = new BlobSource({
    blob: describe(content),
    open: flaky(content, []).open,
    attempts: retrier.attempts(),
    signal,
    onBytes: (count) => counts.sent += count,
    onResent: (count) => counts.again += count,
  });
  const reader = await source.openAt(0);
  await readAll(reader);
  await reader.cancel();
  assertEquals(counts, { sent: 0, again: 0 });
  source.sent(0, 400);
  assertEquals(counts, { sent: 400, again: 0 });
  // The registry holds 300 of them, and the rest goes out now.
  source.sent(300, 700);
  assertEquals(counts, { sent: 1100, again: 100 });
});

Deno.test("blob source: attempts without progress run out, and the fault is the source's", async () => {
  const content = randomBytes(1000, "content");
  const store = flaky(content, [10, 10, 10, 10, 10, 10]);
  const source = new BlobSource({
    blob: describe(content),
    open: store.open,
    attempts: retrier.attempts(),
    signal,
  });
  const reader = await source.openAt(0);
  const error = await assertRejects(
    () => readAll(reader),
    HangarError,
    "reset",
  );
  assertEquals(source.fault?.error, error);
  assertEquals(store.opened.length, 4);
  assertEquals(store.isOpen(), 0);
});

Deno.test("blob source: with progress the count of attempts begins anew", async () => {
  const content = randomBytes(1_000_000, "content");
  const breaks = Array.from({ length: 12 }, (_, i) => (i + 1) * 70_000);
  const store = flaky(content, breaks, 7000);
  const source = new BlobSource({
    blob: describe(content),
    open: store.open,
    attempts: retrier.attempts(),
    signal,
  });
  assertEquals(
    (await readAll(await source.openAt(0))).byteLength,
    content.byteLength,
  );
});

Deno.test("blob source: altered content is no matter of another attempt", async () => {
  const content = randomBytes(1000, "content");
  const store = flaky(content.with(500, content[500]! ^ 1), []);
  const source = new BlobSource({
    blob: describe(content),
    open: store.open,
    attempts: retrier.attempts(),
    signal,
  });
  const reader = await source.openAt(0);
  const error = await assertRejects(() => readAll(reader), HangarError);
  assertEquals(error.code, "content-mismatch");
  assertEquals(store.opened, [0]);
});

Deno.test("blob source: wherever source and destination break, what is handed on is the content", async () => {
  const content = randomBytes(50_000, "content");
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(50_000), { maxLength: 3 }),
      fc.array(fc.tuple(fc.nat(50_000), fc.nat(50_000)), { maxLength: 4 }),
      fc.integer({ min: 1, max: 9000 }),
      async (breaks, stops, piece) => {
        const store = flaky(content, breaks.sort((a, b) => a - b), piece);
        const counts = { out: 0, again: 0 };
        const source = new BlobSource({
          blob: describe(content),
          open: store.open,
          attempts: retrier.attempts(),
          signal,
          onBytes: (count) => counts.out += count,
          onResent: (count) => counts.again += count,
        });
        let out = 0;
        let held = new Uint8Array();
        // The destination takes up to some point, then says where to go on.
        for (const [stop, offset] of stops) {
          const from = Math.min(offset, held.byteLength);
          held = held.slice(0, from);
          const reader = await source.openAt(from);
          const got = await readAll(reader, stop);
          await reader.cancel();
          source.sent(from, got.byteLength);
          out += got.byteLength;
          held = new Uint8Array([...held, ...got]);
        }
        const reader = await source.openAt(held.byteLength);
        const rest = await readAll(reader);
        await reader.cancel();
        source.sent(held.byteLength, rest.byteLength);
        out += rest.byteLength;
        held = new Uint8Array([...held, ...rest]);
        assertEquals(digestOf(held), digestOf(content));
        assertEquals(store.isOpen(), 0);
        // Each byte of the content went out once; all others were sent again.
        assertEquals(counts, { out, again: out - content.byteLength });
      },
    ),
    { numRuns: 60 },
  );
});
