import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { FaultAction } from "../support/registry/fault_script.ts";
import type { SeenRequest } from "../support/fake_registry.ts";
import { makeImage } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const LARGE = 900_000;
const image = makeImage({ seed: "sizes", layers: [LARGE, 700] });
const sizes = [...image.blobs.values()].map((bytes) => bytes.byteLength);
const total = sizes.reduce((a, b) => a + b);

async function run(
  fault?: { match: Partial<SeenRequest>; times?: number; action: FaultAction },
) {
  await using pair = new Pair({ quirks: { lossy: true } });
  pair.source.install("corp/app", "v1", image);
  if (fault) pair.destination.fault(fault);
  const report = `${pair.directory}/report.json`;
  const { code, stderr } = await pair.mirror("corp/app:v1", [
    `--report=${report}`,
  ]);
  const { totals } = JSON.parse(await Deno.readTextFile(report));
  return {
    code,
    stderr,
    sent: totals.bytesSent as number,
    again: totals.bytesResent as number,
  };
}

Deno.test("bytes sent: what goes out once counts once", async () => {
  const { code, sent, again, stderr } = await run();
  assertEquals([code, sent, again], [0, total, 0], stderr);
});

for (const status of [401, 403, 500]) {
  Deno.test(`bytes sent: where every upload is answered ${status}, nothing went out`, async () => {
    const { code, sent, again, stderr } = await run({
      match: { kind: "upload", method: "POST" },
      action: { status },
    });
    assertEquals([code, sent, again], [1, 0, 0], stderr);
    assertStringIncludes(stderr, "0 B sent");
  });
}

Deno.test("bytes sent: a small blob that is refused once goes out twice", async () => {
  const { code, sent, again, stderr } = await run({
    match: { kind: "upload", method: "PUT" },
    times: 1,
    action: { status: 503 },
  });
  assertEquals([code, sent - again], [0, total], stderr);
  // That of the large blob has no body.
  assert(again === 0 || sizes.includes(again) && again !== LARGE, `${again}`);
});

Deno.test("bytes sent: what is finished, and only the answer lost, goes out once", async () => {
  const { code, sent, again, stderr } = await run({
    match: { kind: "upload", method: "PUT" },
    times: 3,
    action: { lostAnswer: 502 },
  });
  assertEquals([code, sent, again], [0, total, 0], stderr);
});

Deno.test("bytes sent: a stream whose answer is lost is finished, not sent again", async () => {
  const { code, sent, again, stderr } = await run({
    match: { kind: "upload", method: "PATCH" },
    times: 1,
    action: { lostAnswer: 502 },
  });
  assertEquals([code, sent, again], [0, total, 0], stderr);
});
