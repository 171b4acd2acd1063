import { assertEquals, assertStringIncludes } from "@std/assert";
import { HangarError } from "../../../src/errors.ts";
import { HostBrake } from "../../../src/mirror/pool/host_brake.ts";

const HOSTS = ["s.io", "d.io"];
const SECOND = 1000;

function fault(options: { host?: string; retryAfter?: number } = {}) {
  return new HangarError("registry", "502", {
    temporary: true,
    host: "s.io",
    ...options,
  });
}

/** A brake, and a clock that is set by hand. */
function brakeAt(): { brake: HostBrake; at: (ms: number) => void } {
  let now = 0;
  return { brake: new HostBrake(() => now), at: (ms) => now = ms };
}

Deno.test("brake: three images in a row, over a minute", () => {
  const { brake, at } = brakeAt();
  for (const second of [0, 61]) {
    at(second * SECOND);
    brake.note(HOSTS, 0, fault());
  }
  assertEquals(brake.reasonFor(HOSTS), undefined, "two images");
  brake.note(HOSTS, 50 * SECOND, fault());
  assertStringIncludes(brake.reasonFor(HOSTS)!.message, "3 images in a row");
  assertEquals(brake.reasonFor(["d.io", "x.io"]), undefined);
});

Deno.test("brake: many images within less than a minute go on", () => {
  const { brake, at } = brakeAt();
  for (let second = 0; second < 60; second++) {
    at(second * SECOND);
    brake.note(HOSTS, 0, fault());
  }
  assertEquals(brake.reasonFor(HOSTS), undefined);
});

Deno.test("brake: an answer or a success begins the count anew", () => {
  for (
    const good of [
      (brake: HostBrake) => brake.answered("s.io"),
      (brake: HostBrake) => brake.note(HOSTS, 0),
    ]
  ) {
    const { brake, at } = brakeAt();
    for (const second of [0, 1, 2, 100, 101, 102]) {
      at(second * SECOND);
      if (second === 100) good(brake);
      brake.note(HOSTS, second * SECOND, fault());
    }
    assertEquals(brake.reasonFor(HOSTS), undefined);
    at(200 * SECOND);
    brake.note(HOSTS, 200 * SECOND, fault());
    assertEquals(brake.reasonFor(HOSTS)?.code, "registry");
  }
});

Deno.test("brake: faults that are for good, or of another host, do not count", () => {
  const { brake, at } = brakeAt();
  for (const second of [0, 100, 200, 300]) {
    at(second * SECOND);
    brake.note(HOSTS, 0, new HangarError("not-found", "404", { status: 404 }));
    brake.note(HOSTS, 0, fault({ host: "cdn.io" }));
  }
  assertEquals(brake.reasonFor([...HOSTS, "cdn.io"]), undefined);
});

Deno.test("brake: a Retry-After of more than two minutes stops a host at once", () => {
  for (const [seconds, stops] of [[119, false], [120, false], [121, true]]) {
    const { brake } = brakeAt();
    const retryAfter = Number(seconds) * SECOND;
    brake.note(HOSTS, 0, fault({ retryAfter }));
    assertEquals(brake.reasonFor(HOSTS) !== undefined, stops, `${seconds} s`);
  }
});
