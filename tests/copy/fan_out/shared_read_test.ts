import { assert, assertEquals, assertRejects } from "@std/assert";
import type { ByteReader } from "../../../src/bytes.ts";
import {
  BUFFER_BYTES,
  SharedRead,
} from "../../../src/copy/fan_out/shared_read.ts";
import { randomBytes } from "../../support/images.ts";

const PIECE = 256 * 1024;
const SIZE = 3 * BUFFER_BYTES;
const bytes = randomBytes(SIZE, "shared read");

/** A source that counts how it is read. */
class Source {
  readonly opened: number[] = [];
  readonly alone: number[] = [];
  ended = 0;
  open = 0;
  /** Offsets at which reading breaks, once each. */
  readonly breaks = new Set<number>();
  readonly waited = new Map<number, number>();

  read(places: Iterable<number>): SharedRead {
    return new SharedRead({
      places,
      open: (offset) => {
        this.opened.push(offset);
        return Promise.resolve(this.#from(offset));
      },
      openAlone: (offset) => {
        this.alone.push(offset);
        return Promise.resolve(this.#from(offset));
      },
      waitedFor: (place, ms) =>
        this.waited.set(place, (this.waited.get(place) ?? 0) + ms),
      onEnd: () => this.ended++,
    });
  }

  #from(offset: number): ByteReader {
    this.open++;
    let at = offset;
    let isOpen = true;
    const close = () => {
      if (isOpen) this.open--;
      isOpen = false;
    };
    return {
      read: () => {
        if (this.breaks.delete(at)) {
          return Promise.reject(new Error("broken on demand"));
        }
        const piece = bytes.subarray(at, at + PIECE);
        at += piece.byteLength;
        if (piece.byteLength === 0) close();
        return Promise.resolve(piece.byteLength > 0 ? piece : undefined);
      },
      cancel: () => {
        close();
        return Promise.resolve();
      },
    };
  }
}

const { signal } = new AbortController();

/** Reads to the end, as fast as it can; gives what it read. */
async function drain(reader: ByteReader, from = 0): Promise<boolean> {
  let at = from;
  for (let piece; (piece = await reader.read());) {
    for (let i = 0; i < piece.byteLength; i += 4096) {
      if (piece[i] !== bytes[at + i]) return false;
    }
    at += piece.byteLength;
  }
  return at === SIZE;
}

Deno.test("shared read: three readers, one read, and each gets all", async () => {
  const source = new Source();
  const read = source.read([0, 1, 2]);
  const all = await Promise.all(
    [0, 1, 2].map((place) => drain(read.openAt(place, 0, signal))),
  );
  assertEquals(all, [true, true, true]);
  assertEquals([source.opened, source.alone], [[0], []]);
  for (const place of [0, 1, 2]) read.leave(place);
  await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals([source.ended, source.open], [1, 0]);
});

Deno.test("shared read: one that stands still is left behind, and reads on from where it was", async () => {
  const source = new Source();
  const read = source.read([0, 1]);
  const slow = read.openAt(1, 0, signal);
  const first = await slow.read();
  assertEquals(first!.byteLength, PIECE);
  assertEquals(await drain(read.openAt(0, 0, signal)), true);
  read.leave(0);
  assert(source.waited.get(1)! >= 400);
  assertEquals(source.waited.has(0), false);
  assertEquals(await drain(slow, PIECE), true);
  assertEquals(source.alone, [PIECE]);
  await slow.cancel();
  await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals([source.ended, source.open], [1, 0]);
});

Deno.test("shared read: never more than the buffer is ahead of the slowest", async () => {
  const source = new Source();
  const read = source.read([0, 1]);
  const fast = read.openAt(0, 0, signal);
  let ahead = 0;
  const begun = (async () => {
    for (let piece; (piece = await fast.read());) ahead += piece.byteLength;
  })();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assertEquals(ahead, BUFFER_BYTES);
  assertEquals(read.isOpen, true);
  read.leave(1);
  await begun;
  assertEquals(ahead, SIZE);
  assertEquals(read.isOpen, false);
  read.leave(0);
});

Deno.test("shared read: a break is whose turn it is, and all go on from there", async () => {
  const source = new Source();
  source.breaks.add(2 * PIECE);
  const read = source.read([0, 1]);
  const first = read.openAt(0, 0, signal);
  const second = read.openAt(1, 0, signal);
  await first.read();
  await first.read();
  await assertRejects(() => first.read(), Error, "broken on demand");
  // Who met the break opens the content once more, from where it was.
  const again = read.openAt(0, 2 * PIECE, signal);
  const [one, two] = await Promise.all([
    drain(again, 2 * PIECE),
    drain(second),
  ]);
  assertEquals([one, two], [true, true]);
  assertEquals([source.opened, source.alone], [[0, 2 * PIECE], []]);
  for (const place of [0, 1]) read.leave(place);
});

Deno.test("shared read: an abort ends the wait of one reader alone", async () => {
  const source = new Source();
  const read = source.read([0, 1, 2]);
  const own = new AbortController();
  const reader = read.openAt(0, 0, own.signal);
  own.abort(new Error("this image is over"));
  await assertRejects(() => reader.read(), Error, "this image is over");
  read.leave(0);
  const rest = await Promise.all(
    [1, 2].map((place) => drain(read.openAt(place, 0, signal))),
  );
  assertEquals(rest, [true, true]);
  for (const place of [1, 2]) read.leave(place);
});
