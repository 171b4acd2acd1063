import { assertEquals, assertRejects } from "@std/assert";
import { HangarError } from "../../src/errors.ts";
import { readTextInput } from "../../src/machine/read_input.ts";
import { readStream } from "../../src/machine/read_stream.ts";

const NOTHING = { stdin: () => Promise.resolve(new Uint8Array()) };

Deno.test("input: what does not end is given up at its limit", async () => {
  let sent = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      sent += 1000;
      controller.enqueue(new Uint8Array(1000));
    },
  });
  const error = await assertRejects(
    () => readStream(endless, 10_000),
    HangarError,
    "it is larger than 1 MiB",
  );
  assertEquals(error.code, "usage");
  assertEquals(sent <= 13_000, true);
});

Deno.test("input: a stream is read to its end, and a file with its digest", async () => {
  const bytes = await readStream(new Blob(["a/b", ":1\n"]).stream(), 7);
  assertEquals(new TextDecoder().decode(bytes), "a/b:1\n");
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "a/b:1\n");
  assertEquals(await readTextInput(file, NOTHING), {
    name: file,
    text: "a/b:1\n",
    digest:
      "sha256:7d3f2daabfd89730bd0bf564d38b6f852abfdca48bb84f87bedb96bd2b1b832f",
  });
  await Deno.remove(file);
  for (const [path, why] of [[file, "no such file"], ["/", "a directory"]]) {
    const error = await assertRejects(
      () => readTextInput(path!, NOTHING),
      HangarError,
      `cannot read the list ${path}: `,
    );
    assertEquals(error.message.endsWith(why!), true, error.message);
  }
});
