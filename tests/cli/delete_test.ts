import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FakeRegistry, type Quirks } from "../support/fake_registry.ts";
import { hangar, type HangarOptions } from "../support/hangar.ts";
import { makeImage, makeMultiArch } from "../support/images.ts";

const REPO = "corp/app";

/** A registry with two tags of one image, and one of another. */
function start(quirks: Quirks = {}) {
  const registry = FakeRegistry.start({ quirks });
  const image = makeImage({ seed: "a" });
  registry.install(REPO, "v1", image);
  registry.install(REPO, "stable", image);
  const single = makeImage({ seed: "b" });
  registry.install(REPO, "old", single);
  return {
    registry,
    digest: registry.digestOf(REPO, "v1")!,
    remove: (
      reference: string,
      args: string[] = ["-y"],
      more: HangarOptions = {},
    ) =>
      hangar(["delete", `${registry.host}/${REPO}${reference}`, ...args], more),
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  };
}

Deno.test("delete: a tag goes, other tags of its manifest stay", async () => {
  await using place = start();
  const { code, stdout, stderr } = await place.remove(":v1");
  assertEquals([code, stdout], [0, ""]);
  assertStringIncludes(
    stderr,
    `Deleted ${place.registry.host}/${REPO}:v1, which was ${place.digest}`,
  );
  assertEquals(place.registry.tags(), [`${REPO}:old`, `${REPO}:stable`]);
  assert(place.registry.manifest(REPO, place.digest));
});

Deno.test("delete: a digest goes with all its tags", async () => {
  await using place = start();
  const { code } = await place.remove(`@${place.digest}`);
  assertEquals(code, 0);
  assertEquals(place.registry.tags(), [`${REPO}:old`]);
});

for (const deletes of ["digests", "nothing"] as const) {
  Deno.test(`delete: where a registry deletes ${deletes}, no other tag is lost`, async () => {
    await using place = start({ deletes });
    const shared = await place.remove(":v1");
    assertEquals(shared.code, 1);
    assertStringIncludes(
      shared.stderr,
      `does not delete a tag alone, and ${place.digest} is also stable; delete all of them with: hangar delete ${place.registry.host}/${REPO}@${place.digest}`,
    );
    assertEquals(place.registry.tags().length, 3);
    // The only tag of its manifest.
    const alone = await place.remove(":old");
    const all = await place.remove(`@${place.digest}`);
    if (deletes === "digests") {
      assertEquals([alone.code, all.code], [0, 0]);
      assertEquals(place.registry.tags(), []);
    } else {
      assertEquals([alone.code, all.code], [1, 1]);
      assertStringIncludes(alone.stderr, "405");
      assertEquals(place.registry.tags().length, 3);
    }
  });
}

Deno.test("delete: asks first, and only a yes deletes", async () => {
  await using place = start();
  const questions: string[] = [];
  const answering = (answer: string | undefined) => ({
    answers: (question: string) => {
      questions.push(question);
      return answer;
    },
  });
  for (const answer of ["", "n", "no", "x", undefined]) {
    const { code, stderr } = await place.remove(":v1", [], answering(answer));
    assertEquals(code, 2, stderr);
    assertStringIncludes(
      stderr,
      answer === undefined ? "give --auto-yes" : "the answer was no",
    );
  }
  assertEquals(place.registry.tags().length, 3);
  assertEquals(place.registry.count({ method: "DELETE" }), 0);
  assertEquals(
    questions[0],
    `Delete ${place.registry.host}/${REPO}:v1 (${place.digest})? [y/N] `,
  );
  assertEquals((await place.remove(":v1", [], answering("y"))).code, 0);
  assertEquals(place.registry.tags().length, 2);
});

Deno.test("delete: what is not there is exit 1, a tag with a digest exit 2", async () => {
  await using place = start();
  const { code, stderr } = await place.remove(":none");
  assertEquals(code, 1);
  assertEquals(
    stderr,
    `hangar: ${place.registry.host}/${REPO}:none is not there\n`,
  );
  const both = await place.remove(`:v1@${place.digest}`);
  assertEquals(both.code, 2);
  assertEquals(place.registry.count({ method: "DELETE" }), 0);
});

Deno.test("delete: an answer that is lost does not make it fail", async () => {
  await using place = start();
  place.registry.fault({
    match: { method: "DELETE" },
    times: 1,
    action: { lostAnswer: 502 },
  });
  const { code, stderr } = await place.remove(":v1");
  assertEquals(code, 0, stderr);
  assertEquals(place.registry.tags().length, 2);
});

Deno.test("delete: a token that allows it is asked for", async () => {
  await using registry = FakeRegistry.start({
    auth: { kind: "bearer", username: "ann", password: "pw" },
  });
  registry.install(REPO, "v1", makeImage({ seed: "a" }));
  const directory = await Deno.makeTempDir();
  try {
    const file = `${directory}/auth.json`;
    await Deno.writeTextFile(
      file,
      JSON.stringify({ auths: { [registry.host]: { auth: btoa("ann:pw") } } }),
    );
    const { code, stderr } = await hangar([
      "delete",
      `${registry.host}/${REPO}:v1`,
      "-y",
      `--authfile=${file}`,
    ]);
    assertEquals(code, 0, stderr);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("digest: of a tag, of one platform, and with the whole reference", async () => {
  await using registry = FakeRegistry.start();
  const image = makeMultiArch("app", {
    platforms: ["linux/amd64", "linux/arm64"],
  });
  registry.install(REPO, "v1", image);
  const ref = `${registry.host}/${REPO}:v1`;
  const index = registry.digestOf(REPO, "v1")!;
  const [, arm] = registry.entries(REPO, "v1");
  const digest = (...args: string[]) => hangar(["digest", ref, ...args]);
  assertEquals(await digest(), { code: 0, stdout: `${index}\n`, stderr: "" });
  // Only the answer to HEAD is needed.
  assertEquals(registry.count({ method: "GET", kind: "manifest" }), 0);
  assertEquals((await digest("--platform=linux/arm64")).stdout, `${arm}\n`);
  assertEquals(
    (await digest("--full-ref")).stdout,
    `${registry.host}/${REPO}@${index}\n`,
  );
  const none = await digest("--platform=linux/s390x");
  assertEquals(none.code, 1);
  assertStringIncludes(none.stderr, "no image for linux/s390x");
  for (
    const wrong of ["all", "arm64", "linux/amd46", "linux/arm64,linux/arm"]
  ) {
    const { code, stderr } = await digest(`--platform=${wrong}`);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, `"${wrong}" for --platform`);
  }
  const absent = await hangar(["digest", `${registry.host}/${REPO}:none`]);
  assertEquals([absent.code, absent.stdout], [1, ""]);
});
