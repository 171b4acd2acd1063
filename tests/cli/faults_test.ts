import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Fault, FaultAction } from "../support/registry/fault_script.ts";
import { World } from "../support/fault_world.ts";
import { makeImage } from "../support/images.ts";
import { testBothWays } from "../support/verify_way.ts";
import { Pair } from "../support/pair.ts";

/** A kind of request, by the side that it goes to. */
interface Point {
  readonly side: "source" | "destination";
  readonly match: Fault["match"];
  /** Whether its answer has a body that matters. */
  readonly hasBody?: boolean;
  /** Whether the run goes on without it. */
  readonly optional?: boolean;
}

const POINTS: Readonly<Record<string, Point>> = {
  "the source's ping": { side: "source", match: { kind: "ping" } },
  "the source's tokens": {
    side: "source",
    match: { kind: "token" },
    hasBody: true,
  },
  "the source's manifests": {
    side: "source",
    match: { kind: "manifest", method: "GET" },
    hasBody: true,
  },
  "the source's blobs": {
    side: "source",
    match: { kind: "blob" },
    hasBody: true,
  },
  "the source's tags": {
    side: "source",
    match: { kind: "tags" },
    hasBody: true,
    optional: true,
  },
  "the destination's ping": { side: "destination", match: { kind: "ping" } },
  "the destination's tokens": {
    side: "destination",
    match: { kind: "token" },
    hasBody: true,
  },
  "looking for blobs": {
    side: "destination",
    match: { kind: "blob", method: "HEAD" },
  },
  "beginning uploads": {
    side: "destination",
    match: { kind: "upload", method: "POST" },
  },
  "sending blobs": {
    side: "destination",
    match: { kind: "upload", method: "PATCH" },
  },
  "finishing blobs": {
    side: "destination",
    match: { kind: "upload", method: "PUT" },
  },
  "pushing manifests": {
    side: "destination",
    match: { kind: "manifest", method: "PUT" },
  },
};

interface FaultKind {
  readonly action: FaultAction;
  readonly times?: number;
  readonly lasts?: boolean;
  readonly needsBody?: boolean;
}

const FAULTS: Readonly<Record<string, FaultKind>> = {
  "503 once": { action: { status: 503 }, times: 1 },
  "500 twice": { action: { status: 500 }, times: 2 },
  "429 with Retry-After once": {
    action: { status: 429, headers: { "retry-after": "0" } },
    times: 1,
  },
  "an answer that is lost": { action: { lostAnswer: 502 }, times: 1 },
  "a body that breaks": {
    action: { breakAfter: 20 },
    times: 1,
    needsBody: true,
  },
  "502 for ever": { action: { status: 502 }, lasts: true },
  "403 for ever": { action: { status: 403, code: "DENIED" }, lasts: true },
};

let cases = 0;
for (const [where, point] of Object.entries(POINTS)) {
  for (const [what, fault] of Object.entries(FAULTS)) {
    if (fault.needsBody && !point.hasBody) continue;
    cases++;
    testBothWays(`faults: ${what}, ${where}`, async () => {
      await using world = new World();
      const { match } = point;
      const { action, times } = fault;
      const mend = world[point.side].fault({ match, action, times });
      const result = await world.mirror();
      const failed = await world.check(result);
      const isDenied = what.startsWith("403");
      if (!fault.lasts || point.optional && isDenied) {
        assertEquals(failed, [], result.stderr);
        return;
      }
      assert(failed.length > 0, result.stderr);
      assertStringIncludes(result.stderr, isDenied ? "403" : "502");
      // When it is over, the failed list finishes the job.
      mend();
      const again = await world.mirror([], failed);
      assertEquals(again.code, 0, again.stderr);
      assertEquals(await world.check(again), []);
    });
  }
}

Deno.test("faults: there are as many cases as there should be", () => {
  assert(cases >= 60, `${cases} cases`);
});

for (
  const [what, action] of [
    ["cannot be read", { status: 500 }],
    ["is not there", { status: 404 }],
  ] as const
) {
  testBothWays(
    `faults: a manifest that was pushed twice and ${what} is no success`,
    async () => {
      await using pair = new Pair();
      pair.damaged = true;
      const app = makeImage({ seed: "torn" });
      pair.source.install("corp/app", "v1", app);
      pair.destination.fault({
        match: { kind: "manifest", method: "PUT" },
        times: 1,
        action: { lostAnswer: 503 },
      });
      pair.destination.fault({
        match: { kind: "manifest", method: "GET", reference: app.digest },
        action,
      });
      const { code, stderr } = await pair.mirror("corp/app:v1");
      assertEquals(code, 1, stderr);
      assertStringIncludes(stderr, `it was taken, but ${what}`);
      assertStringIncludes(stderr, "interrupted while it wrote");
      assertEquals(await pair.failedLines(), ["corp/app:v1"]);
    },
  );
}

testBothWays(
  "faults: where streams are dropped on the way, small blobs go with a length",
  async () => {
    await using pair = new Pair({ quirks: { breakChunkedPut: true } });
    const layers = [1000, 2000, 3000];
    for (const name of ["first", "second"]) {
      const image = makeImage({ seed: name, layers });
      pair.source.install(`corp/${name}`, "v1", image);
    }
    // The registry has taken small blobs before, and then looks unsteady: so a
    // stream is tried.
    pair.destination.fault({
      match: { kind: "upload", method: "PUT", repository: "corp/second" },
      times: 2,
      action: { status: 503 },
    });
    const list = "corp/first:v1\ncorp/second:v1";
    const { code, stderr } = await pair.mirror(list, ["-j1"]);
    assertEquals(code, 0, stderr);
  },
);
