import { assert, assertEquals, assertRejects } from "@std/assert";
import { copy, HangarError } from "../../main.ts";
import { FakeRegistry } from "../support/fake_registry.ts";
import { makeMultiArch } from "../support/images.ts";
import { between, type Pair } from "./support.ts";

const named = ({ source, destination }: Pair) => ({
  source: `${source.host}/corp/app:v1`,
  destination: `${destination.host}/team/app`,
});

Deno.test("library copy: an image arrives with its digest, under the tag of its source or one of its own", async () => {
  await between(async (pair) => {
    const { app, destination } = pair;
    const options = named(pair);
    const first = await copy(options);
    assertEquals(first.outcome, "copied");
    assertEquals(first.digest, app.digest);
    assertEquals(first.sourceDigest, app.digest);
    assertEquals(first.source, options.source);
    assertEquals(first.destination, `${options.destination}:v1`);
    assert(first.bytesSent > 0 && first.requests > 0);
    const again = await copy(options);
    assertEquals([again.outcome, again.digest], ["up-to-date", app.digest]);
    assertEquals(again.bytesSent, 0);
    await copy({ ...options, destination: `${options.destination}:stable` });
    assertEquals(destination.tags(), ["team/app:stable", "team/app:v1"]);
  });
});

Deno.test("library copy: what is pinned by its digest arrives under the tag that is named", async () => {
  await between(async (pair) => {
    const { app, destination, source } = pair;
    const { digest, warnings } = await copy({
      source: `${source.host}/corp/app@${app.digest}`,
      destination: `http://${destination.host}/team/app:pinned`,
    });
    assertEquals(digest, app.digest);
    assertEquals(destination.tags(), ["team/app:pinned"]);
    assertEquals(warnings, []);
  });
});

Deno.test("library copy: a part of the platforms is an index of its own, which is told", async () => {
  await between(async (pair) => {
    const { app } = pair;
    const copied = await copy({ ...named(pair), platform: ["linux/arm64"] });
    assert(copied.digest !== app.digest);
    assertEquals(copied.sourceDigest, app.digest);
    assertEquals(copied.merge?.selected, ["linux/arm64"]);
    assertEquals(copied.merge?.available, 2);
  });
});

Deno.test("library copy: a source's index is kept where the registry takes it, and rebuilt elsewhere", async () => {
  await between(async (pair) => {
    const { app } = pair;
    const index = "sparse";
    const options = {
      ...named(pair),
      platform: ["linux/arm64"],
      index,
    } as const;
    const copied = await copy(options);
    assertEquals(copied.merge?.selected, ["linux/arm64"]);
    assert(copied.warnings[0]?.includes("does not take an index"));
    const whole = await copy({ ...options, index: "whole", overwrite: true });
    assertEquals(whole.digest, app.digest);
  });
  await using source = FakeRegistry.start();
  await using destination = FakeRegistry.start({
    quirks: { sparse: "taken" },
  });
  const app = makeMultiArch("app");
  source.install("corp/app", "v1", app);
  const copied = await copy({
    source: `http://${source.host}/corp/app:v1`,
    destination: `http://${destination.host}/team/app`,
    platform: ["linux/arm64"],
    index: "sparse",
  });
  assertEquals(copied.digest, app.digest);
  assertEquals(copied.sparse, {
    selected: ["linux/arm64"],
    available: 2,
    lost: [],
  });
});

Deno.test("library copy: a failure is thrown with its code, status and cause, and writes nothing", async () => {
  await between(async (pair) => {
    const { destination } = pair;
    const missing = await assertRejects(
      () => copy({ ...named(pair), source: `${pair.source.host}/corp/no:v1` }),
      HangarError,
      "source",
    );
    assertEquals([missing.code, missing.status], ["not-found", 404]);
    assertEquals(destination.tags(), []);
  });
});

Deno.test("library copy: what cannot be reached is thrown with the fault underneath as its cause", async () => {
  const error = await assertRejects(
    () =>
      copy({
        source: "127.0.0.1:1/corp/app:v1",
        destination: "127.0.0.1:2/corp/app",
        retry: { times: 0 },
      }),
    HangarError,
  );
  assertEquals(error.code, "network");
  const causes: unknown[] = [];
  for (let cause = error.cause; cause; cause = (cause as Error).cause) {
    causes.push(cause);
  }
  assert(causes.some((cause) => cause instanceof TypeError), `${causes}`);
});

Deno.test("library copy: an image of which nothing is selected is an error that says what there is", async () => {
  await between(async (pair) => {
    const error = await assertRejects(
      () => copy({ ...named(pair), platform: ["linux/s390x"] }),
      HangarError,
      "linux/amd64, linux/arm64",
    );
    assertEquals(error.code, "not-found");
    assertEquals(pair.destination.tags(), []);
  });
});

Deno.test("library copy: an image onto itself is refused", async () => {
  await between(async ({ source }) => {
    const error = await assertRejects(
      () =>
        copy({
          source: `${source.host}/corp/app:v1`,
          destination: `${source.host}/corp/app`,
        }),
      HangarError,
    );
    assertEquals(error.code, "conflict");
  });
});

Deno.test("library copy: a signal ends it, and its reason is the cause", async () => {
  await between(async (pair) => {
    const reason = new Error("enough");
    const before = await assertRejects(
      () => copy({ ...named(pair), signal: AbortSignal.abort(reason) }),
      HangarError,
    );
    assertEquals([before.code, before.cause], ["interrupted", reason]);
    const ending = new AbortController();
    const during = await assertRejects(
      () =>
        copy({
          ...named(pair),
          signal: ending.signal,
          onEvent: () => ending.abort(reason),
        }),
      HangarError,
    );
    assertEquals([during.code, during.cause], ["interrupted", reason]);
    assertEquals(pair.destination.tags(), []);
  });
});

Deno.test("library copy: overwrite brings a damaged tag back", async () => {
  await between(async (pair) => {
    const { app, destination } = pair;
    destination.install("team/app", "v1", makeMultiArch("other"));
    const { digest } = await copy({ ...named(pair), overwrite: true });
    assertEquals(digest, app.digest);
  });
});

Deno.test("library copy: a signal that comes when the image is there does not undo it", async () => {
  await between(async (pair) => {
    const ending = new AbortController();
    const { digest } = await copy({
      ...named(pair),
      signal: ending.signal,
      onEvent: ({ type }) => {
        if (type === "image-finished") ending.abort();
      },
    });
    assertEquals(digest, pair.app.digest);
  });
});

Deno.test("library copy: a tag that holds signatures of another image is refused, with the reason", async () => {
  await between(async (pair) => {
    const { app, source } = pair;
    const tag = `${app.digest.replace(":", "-")}.sig`;
    const error = await assertRejects(
      () => copy({ ...named(pair), source: `${source.host}/corp/app:${tag}` }),
      HangarError,
      "holds signatures of another image",
    );
    assertEquals(error.code, "usage");
  });
});
