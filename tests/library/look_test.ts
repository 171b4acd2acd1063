import { assertEquals, assertRejects } from "@std/assert";
import { HangarError, inspect, listTags } from "../../main.ts";
import { FakeRegistry } from "../support/fake_registry.ts";
import { makeArtifact, makeImage } from "../support/images.ts";
import { between } from "./support.ts";

Deno.test("library inspect: an index tells its digest, bytes and platforms, and no config unasked", async () => {
  await between(async ({ source, app }) => {
    const reference = `${source.host}/corp/app:v1`;
    const found = await inspect(reference);
    assertEquals(found.reference, reference);
    assertEquals(found.digest, app.digest);
    assertEquals(found.platforms, ["linux/amd64", "linux/arm64"]);
    assertEquals(found.manifest, app.bytes);
    assertEquals(found.mediaType, "application/vnd.oci.image.index.v1+json");
    assertEquals(found.config, undefined);
    // A ping, and the index.
    assertEquals(source.requests.map(({ kind }) => kind), ["ping", "manifest"]);
  });
});

Deno.test("library inspect: the config is that of the platform that is asked for", async () => {
  await between(async ({ source }) => {
    const { config } = await inspect(`${source.host}/corp/app:v1`, {
      platform: "linux/arm64",
    });
    assertEquals([config?.os, config?.architecture], ["linux", "arm64"]);
    const error = await assertRejects(
      () => inspect(`${source.host}/corp/app:v1`, { platform: "linux/s390x" }),
      HangarError,
    );
    assertEquals(error.code, "not-found");
    assertEquals(error.hint, "it has linux/amd64, linux/arm64");
  });
});

Deno.test("library inspect: a single image has its config, which is read once; an artifact has none", async () => {
  await between(async ({ source }) => {
    source.install(
      "corp/one",
      "v1",
      makeImage({ seed: "one", platform: "linux/amd64" }),
    );
    source.install("corp/chart", "v1", makeArtifact("chart"));
    const one = await inspect(`${source.host}/corp/one:v1`);
    assertEquals(one.platforms, ["linux/amd64"]);
    assertEquals(one.config?.architecture, "amd64");
    assertEquals(
      source.requests.map(({ kind }) => kind),
      ["ping", "manifest", "blob"],
    );
    const chart = await inspect(`${source.host}/corp/chart:v1`);
    assertEquals([chart.platforms, chart.config], [[], undefined]);
  });
});

Deno.test("library listTags: all pages, as the registry orders them", async () => {
  await using registry = FakeRegistry.start({ tagPageSize: 2 });
  const image = makeImage({ seed: "one", platform: "linux/amd64" });
  for (const tag of ["a", "b", "c", "d", "e"]) {
    registry.install("corp/app", tag, image);
  }
  assertEquals(
    await listTags(`${registry.host}/corp/app`),
    ["a", "b", "c", "d", "e"],
  );
});

Deno.test("library: looking at what is not there throws, and a signal ends it", async () => {
  await between(async ({ source }) => {
    const missing = await assertRejects(
      () => inspect(`${source.host}/corp/none:v1`),
      HangarError,
    );
    assertEquals([missing.code, missing.status], ["not-found", 404]);
    const repository = await assertRejects(
      () => listTags(`${source.host}/corp/none`),
      HangarError,
    );
    assertEquals(repository.code, "not-found");
    const reason = new Error("enough");
    const ended = await assertRejects(
      () =>
        listTags(`${source.host}/corp/app`, {
          signal: AbortSignal.abort(reason),
        }),
      HangarError,
    );
    assertEquals([ended.code, ended.cause], ["interrupted", reason]);
  });
});
