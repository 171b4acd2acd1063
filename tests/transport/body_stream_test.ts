import { assertEquals } from "@std/assert";
import { type ByteReader, bytesReader, free } from "../../src/bytes.ts";
import { bodyStream, type BodyTaker } from "../../src/transport/body_stream.ts";
import { readerOf } from "../../src/transport/read_body.ts";

/** Gives three pieces, and notes which of them are released. */
function reading(): { reader: ByteReader; released: number[] } {
  const released: number[] = [];
  let next = 1;
  return {
    released,
    reader: {
      read: () =>
        Promise.resolve(next > 3 ? undefined : new Uint8Array([next++])),
      cancel: () => Promise.resolve(),
      release: ([first]) => released.push(first!),
    },
  };
}

async function taken(taker: BodyTaker) {
  const { reader, released } = reading();
  const stream = bodyStream(reader, taker).getReader();
  const seen: [piece: number | undefined, released: number[]][] = [];
  for (let i = 0; i < 4; i++) {
    const { value } = await stream.read();
    seen.push([value?.[0], [...released]]);
  }
  return seen;
}

Deno.test("body: a piece is freed when the next one is asked for, not before", async () => {
  assertEquals(await taken("releases"), [
    [1, []],
    [2, [1]],
    [3, [1, 2]],
    [undefined, [1, 2, 3]],
  ]);
});

Deno.test("body: a client that keeps pieces has them all", async () => {
  assertEquals((await taken("keeps")).map(([, released]) => released), [
    [],
    [],
    [],
    [],
  ]);
});

Deno.test("body: nothing is read before it is asked for", async () => {
  let reads = 0;
  const { reader } = reading();
  const counting = { ...reader, read: () => (reads++, reader.read()) };
  const stream = bodyStream(counting, "releases");
  await new Promise((resolve) => setTimeout(resolve, 10));
  assertEquals(reads, 0);
  await stream.getReader().read();
  assertEquals(reads, 1);
});

Deno.test("body: what fails in reading fails the stream", async () => {
  const failing: ByteReader = {
    read: () => Promise.reject(new Error("gone")),
    cancel: () => Promise.resolve(),
  };
  const reader = bodyStream(failing, "releases").getReader();
  assertEquals(await reader.read().catch((e) => e.message), "gone");
});

Deno.test("body: pieces of an answer can be freed, bytes at hand cannot", async () => {
  const url = new URL("http://h/");
  const bytes = new Uint8Array([1, 2, 3]);
  // As the body of an answer from Deno's own client is.
  const body = new ReadableStream({
    type: "bytes",
    start(controller) {
      controller.enqueue(bytes.slice());
      controller.close();
    },
  });
  const reader = readerOf(new Response(body), { method: "GET", url });
  const piece = (await reader.read())!;
  assertEquals([...piece], [1, 2, 3]);
  reader.release?.(piece);
  assertEquals(piece.byteLength, 0);
  await reader.cancel();
  assertEquals(bytesReader(bytes).release, undefined);
  // A stream that is no byte stream may hold on to what it has given.
  const shared = readerOf(
    new Response(ReadableStream.from([bytes])),
    { method: "GET", url },
  );
  const given = (await shared.read())!;
  shared.release?.(given);
  assertEquals(bytes.byteLength, 3);
  await shared.cancel();
  free(piece);
});
