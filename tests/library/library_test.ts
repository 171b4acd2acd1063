import { assert, assertEquals, assertRejects } from "@std/assert";
import { HangarError, mirror, type MirrorEvent, validate } from "../../main.ts";
import { FakeRegistry } from "../support/fake_registry.ts";
import { makeMultiArch } from "../support/images.ts";

const app = makeMultiArch("app");

async function between(
  use: (source: FakeRegistry, destination: FakeRegistry) => Promise<void>,
): Promise<void> {
  await using source = FakeRegistry.start();
  await using destination = FakeRegistry.start();
  source.install("corp/app", "v1", app);
  source.install("corp/web", "v1", makeMultiArch("web"));
  await use(source, destination);
  assertEquals(destination.violations, []);
}

Deno.test("library: mirror and validate give reports, and events as they happen", async () => {
  await between(async (source, destination) => {
    const options = {
      images: [
        "corp/app:v1",
        `${source.host}/corp/web team/web v1`,
        "corp/none:v1",
      ],
      source: `http://${source.host}`,
      destination: destination.host,
      jobs: 2,
    };
    const events: MirrorEvent[] = [];
    const log: string[] = [];
    const report = await mirror({
      ...options,
      onEvent: (event) => events.push(event),
      onLog: (line) => log.push(line),
    });
    assertEquals(
      report.images.map(({ outcome, error }) => [outcome, error?.code]),
      [["copied", undefined], ["copied", undefined], ["failed", "not-found"]],
    );
    assertEquals(report.images[0]!.destination.digest, app.digest);
    assertEquals(destination.tags(), ["corp/app:v1", "team/web:v1"]);
    assertEquals(
      events.filter(({ type }) => type === "image-finished").length,
      3,
    );
    assert(log.some((line) => line.includes("Done: 2 copied")), log.join("\n"));
    const proof = await validate({
      ...options,
      images: options.images.slice(0, 2),
      depth: "bytes",
    });
    assertEquals(proof.totals.passed, 2);
    assertEquals(proof.exitCode, 0);
  });
  // Nothing is left in the caller's directory.
  await assertRejects(() => Deno.stat("mirror-failed.txt"));
});

Deno.test("library: a dry run writes nothing", async () => {
  await between(async (source, destination) => {
    const report = await mirror({
      images: ["corp/app:v1"],
      source: source.host,
      destination: destination.host,
      arch: ["arm64"],
      dryRun: true,
    });
    assertEquals(report.images[0]!.plan?.platforms, ["linux/arm64"]);
    assertEquals(destination.tags(), []);
  });
});

Deno.test("library: a signal ends the run, and wrong options are thrown", async () => {
  await between(async (source, destination) => {
    const options = {
      images: ["corp/app:v1", "corp/web:v1"],
      source: source.host,
      destination: destination.host,
    };
    const report = await mirror({
      ...options,
      signal: AbortSignal.abort(),
    });
    assertEquals(
      report.images.map(({ outcome }) => outcome),
      ["interrupted", "interrupted"],
    );
    const error = await assertRejects(
      () => mirror({ ...options, destination: "no registry!" }),
      HangarError,
    );
    assertEquals(error.code, "usage");
    await assertRejects(
      () => mirror({ ...options, images: [] }),
      HangarError,
      "no valid line",
    );
  });
});

Deno.test("library: a destination that refuses the login throws, or fails its images where that is left out", async () => {
  const auth = { kind: "basic", username: "robot", password: "right" } as const;
  await using source = FakeRegistry.start();
  await using destination = FakeRegistry.start({ auth });
  source.install("corp/app", "v1", app);
  const options = {
    images: ["corp/app:v1"],
    source: source.host,
    destination: destination.host,
    credentials: () => ({ username: "robot", password: "wrong" }),
  };
  const error = await assertRejects(() => mirror(options), HangarError);
  assertEquals(error.code, "usage");
  assert(error.hint?.includes("skipLogin"), error.hint);
  assert(!`${error.hint}`.includes("--"), error.hint);
  const report = await mirror({ ...options, skipLogin: true });
  assertEquals(report.images[0]!.error?.code, "unauthorized");
});
