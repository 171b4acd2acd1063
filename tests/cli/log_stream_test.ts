import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { LogStream } from "../../src/cli/log_stream.ts";

/** A pipe with room for so many bytes until somebody reads. */
class Pipe {
  text = "";
  room: number;

  constructor(room: number) {
    this.room = room;
  }

  writeSync(bytes: Uint8Array): number {
    if (this.room === 0) throw new Deno.errors.WouldBlock("full");
    const taken = bytes.subarray(0, this.room);
    this.room -= taken.length;
    this.text += new TextDecoder().decode(taken);
    return taken.length;
  }
}

Deno.test("log: a full pipe that does not wait gets everything once it is read, in order", async () => {
  const pipe = new Pipe(5);
  const log = new LogStream(pipe, { retryMs: 1 });
  for (let i = 0; i < 50; i++) log.write(`line ${i}\n`);
  assertEquals(pipe.text, "line ");
  pipe.room = Infinity;
  await log.flush(10_000);
  const lines = Array.from({ length: 50 }, (_, i) => `line ${i}\n`);
  assertEquals(pipe.text, lines.join(""));
});

Deno.test("log: what a slow reader leaves no room for is dropped and counted", async () => {
  const pipe = new Pipe(0);
  const log = new LogStream(pipe, { retryMs: 1, capacity: 20 });
  for (let i = 0; i < 5; i++) log.write("12345678\n");
  pipe.room = Infinity;
  await log.flush(10_000);
  assert(pipe.text.startsWith("12345678\n12345678\n["), pipe.text);
  assertStringIncludes(pipe.text, "3 pieces of the log were dropped");
});

Deno.test("log: a reader that never comes back does not hold the end of a run", async () => {
  const log = new LogStream(new Pipe(0), { retryMs: 1 });
  log.write("lost\n");
  await log.flush(20);
});

for (
  const error of [
    new Deno.errors.BrokenPipe("gone"),
    new Error("No space left on device (os error 28)"),
  ]
) {
  Deno.test(`log: ${error.message} ends nothing`, async () => {
    let tries = 0;
    const log = new LogStream({
      writeSync: () => {
        tries++;
        throw error;
      },
    });
    log.write("one\n");
    log.write("two\n");
    await log.flush(10_000);
    assertEquals(tries, 2);
  });
}
