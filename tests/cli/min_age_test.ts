import { assertEquals, assertStringIncludes } from "@std/assert";
import { makeImage, makeIndex } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const DAY = 24 * 60 * 60 * 1000;
const START = Date.UTC(2024, 0, 1);
const LIST = "corp/app:v1";

function build(seed: string) {
  return makeIndex([makeImage({ seed })]);
}

/** A pair, and hangar at a day of January. */
class AgePair extends Pair {
  onDay(day: number, list = LIST, ...flags: string[]) {
    return this.mirror(list, ["--min-age=7d", ...flags], {
      now: () => START + (day - 1) * DAY,
    });
  }

  imageTags(): string[] {
    return this.destination.tags().filter((t) => !t.endsWith("-first-seen"));
  }
}

Deno.test("min-age: a new image waits from when it was first seen", async () => {
  await using pair = new AgePair();
  pair.source.install("corp/app", "v1", build("one"));
  const first = await pair.onDay(1);
  assertEquals(first.code, 0, first.stderr);
  assertStringIncludes(
    first.stderr,
    "first seen at 2024-01-01T00:00:00Z, and is copied from 2024-01-08T00:00:00Z on (--min-age)",
  );
  await pair.onDay(7);
  assertEquals(pair.imageTags(), []);
  const old = await pair.onDay(8);
  assertEquals(old.code, 0, old.stderr);
  assertEquals(pair.imageTags(), ["corp/app:v1"]);
});

Deno.test("min-age: a moved tag waits anew, and what is there stays", async () => {
  await using pair = new AgePair();
  const old = build("one");
  pair.source.install("corp/app", "v1", old);
  await pair.onDay(1);
  await pair.onDay(8);
  pair.source.install("corp/app", "v1", build("two"));
  await pair.onDay(9);
  await pair.onDay(15);
  assertEquals(pair.destination.digestOf("corp/app", "v1"), old.digest);
  await pair.onDay(16);
  assertEquals(
    pair.destination.digestOf("corp/app", "v1"),
    build("two").digest,
  );
});

Deno.test("min-age: what is up to date is not looked at", async () => {
  await using pair = new AgePair();
  const app = build("one");
  pair.source.install("corp/app", "v1", app);
  pair.destination.install("corp/app", "v1", app);
  const { stderr } = await pair.onDay(1);
  assertStringIncludes(stderr, "1 up to date");
  assertEquals(pair.imageTags(), pair.destination.tags());
});

Deno.test("min-age: each destination repository keeps one record of all its images", async () => {
  await using pair = new AgePair();
  for (const tag of ["v1", "v2", "v3"]) {
    pair.source.install("corp/app", tag, build(tag));
  }
  await pair.onDay(1, "corp/app:v*", "--jobs=3");
  const record = pair.destination.manifest("corp/app", "hangar-first-seen")!;
  const { artifactType, layers } = JSON.parse(
    new TextDecoder().decode(record.bytes),
  );
  assertEquals(artifactType, "application/vnd.hangar.first-seen.v1+json");
  const { schemaVersion, images } = JSON.parse(
    new TextDecoder().decode(pair.destination.blob(layers[0].digest)),
  );
  assertEquals(schemaVersion, 1);
  assertEquals(
    images,
    Object.fromEntries(
      ["v1", "v2", "v3"].map((tag) => [
        `${pair.source.host}/corp/app:${tag}`,
        { digest: build(tag).digest, firstSeen: "2024-01-01T00:00:00.000Z" },
      ]),
    ),
  );
  await pair.onDay(8, "corp/app:v*");
  assertEquals(pair.imageTags().length, 3);
});

Deno.test("min-age: a record that cannot be read fails its images, and copies nothing", async () => {
  await using pair = new AgePair();
  pair.source.install("corp/app", "v1", build("one"));
  pair.destination.install("corp/app", "hangar-first-seen", build("other"));
  const { code, stderr } = await pair.onDay(30);
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "is no such record");
  assertEquals(pair.imageTags(), []);
  const denied = pair.destination.fault({
    match: { reference: "hangar-first-seen" },
    action: { status: 403 },
  });
  assertEquals((await pair.onDay(31)).code, 1);
  denied();
  assertEquals(pair.imageTags(), []);
});

Deno.test("min-age: a time to come says nothing", async () => {
  await using pair = new AgePair();
  pair.source.install("corp/app", "v1", build("one"));
  await pair.onDay(20);
  await pair.onDay(8);
  await pair.onDay(19);
  assertEquals(pair.imageTags(), []);
});

Deno.test("min-age: a dry run and a validation say the same, and record nothing", async () => {
  await using pair = new AgePair();
  pair.source.install("corp/app", "v1", build("one"));
  const dry = await pair.onDay(1, LIST, "--dry-run");
  assertStringIncludes(dry.stderr, "left alone: it was first seen");
  assertEquals(pair.destination.tags(), []);
  const valid = await pair.validate(LIST, ["--min-age=7d"], {
    now: () => START,
  });
  assertEquals(valid.code, 0, valid.stderr);
  assertStringIncludes(valid.stderr, "left alone");
});

Deno.test("min-age: the record is no image that * chooses", async () => {
  await using pair = new AgePair();
  pair.source.install("corp/app", "v1", build("one"));
  pair.source.install("corp/app", "hangar-first-seen", build("two"));
  const { code, stderr } = await pair.mirror("corp/app:*");
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.tags(), ["corp/app:v1"]);
});

for (const age of ["7x", "0d", "-1d", "d", "7"]) {
  Deno.test(`min-age: ${age} is refused`, async () => {
    await using pair = new AgePair();
    const { code, stderr } = await pair.mirror(LIST, [`--min-age=${age}`]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, "--min-age");
  });
}
