import { assertEquals, assertStringIncludes } from "@std/assert";
import { hangar } from "../support/hangar.ts";
import { type MadeImage, makeImage, makeIndex } from "../support/images.ts";
import { Pair } from "../support/pair.ts";
import { makeKey } from "../support/signing.ts";
import { attack } from "./attack.ts";

/** An image below so many indexes. */
function nested(indexes: number): MadeImage {
  let image = makeImage({ seed: "leaf" });
  for (let i = 0; i < indexes; i++) {
    image = makeIndex([image], { annotations: { level: `${i}` } });
  }
  return image;
}

/** As many as may be: the tag's own index, and eight in it, less the image. */
const MOST = 8;
const tooDeep = nested(MOST + 1);

for (
  const flags of [
    [],
    ["--arch=s390x"],
    ["--arch=all", "--os=all"],
    ["--arch=all", "--os=all", "--remove-signatures"],
    ["--overwrite"],
  ]
) {
  for (const line of ["corp/app:v1", `corp/app:v1@${tooDeep.digest}`]) {
    for (const more of [[], ["--dry-run"]]) {
      const how = [
        line.includes("@") ? "pinned" : "tag",
        ...flags,
        ...more,
      ].join(" ");
      attack(`an index nested too deep is a failure: ${how}`, async () => {
        await using pair = new Pair();
        pair.source.install("corp/app", "v1", tooDeep);
        const { code, stderr } = await pair.mirror(line, [...flags, ...more]);
        assertEquals(code, 1, stderr);
        assertStringIncludes(stderr, "nested more than 8 deep");
        assertStringIncludes(stderr, "1 failed");
        assertEquals(pair.destination.tags(), []);
      });
    }
  }
}

for (
  const [name, flags] of [
    ["the platform alone", []],
    ["all", ["--arch=all", "--os=all"]],
    ["all, and the blobs", ["--arch=all", "--os=all", "--deep=blobs"]],
  ] as const
) {
  attack(`an index nested too deep is not valid: ${name}`, async () => {
    await using pair = new Pair();
    pair.source.install("corp/app", "v1", tooDeep);
    pair.destination.install("corp/app", "v1", tooDeep);
    const { code, stderr } = await pair.validate("corp/app:v1", [...flags]);
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, "nested more than 8 deep");
  });
}

attack("an index nested too deep has no valid signatures", async () => {
  await using pair = new Pair();
  pair.destination.install("corp/app", "v1", tooDeep);
  const keys = `${pair.directory}/key.pub`;
  await Deno.writeTextFile(keys, makeKey().publicPem);
  const { code, stderr } = await hangar([
    "sign",
    "validate",
    "-f-",
    `--destination=http://${pair.destination.host}`,
    `--sigstore-pubkey=${keys}`,
    `--failed=${pair.failed}`,
  ], { stdin: "corp/app:v1" });
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "nested more than 8 deep");
});

Deno.test("mirror: an index nested as deep as may be is copied by each way", async () => {
  const deep = nested(MOST);
  for (const line of ["corp/app:v1", `corp/app:v1@${deep.digest}`]) {
    for (const flags of [[], ["--arch=all", "--os=all"]]) {
      await using pair = new Pair();
      pair.source.install("corp/app", "v1", deep);
      const planned = await pair.mirror(line, [...flags, "--dry-run"]);
      assertEquals(planned.code, 0, planned.stderr);
      const { code, stderr } = await pair.mirror(line, flags);
      assertEquals(code, 0, stderr);
      const valid = await pair.validate(line, [...flags, "--deep=bytes"]);
      assertEquals(valid.code, 0, valid.stderr);
    }
  }
});
