import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { addReferrer, describeReferrer } from "../../src/oci/attachment.ts";
import { contentOf, type IndexManifest } from "../../src/oci/manifest.ts";
import { parseContent } from "../../src/oci/parse_manifest.ts";
import { makeImage, makeReferrer } from "../support/images.ts";

const REFERRERS = ["a", "b", "c", "d", "e"].map((seed) => {
  const { bytes, mediaType } = makeReferrer(makeImage({ seed: "app" }), seed);
  return describeReferrer(parseContent(contentOf(bytes, mediaType)));
});

/** A list to which referrers were added one by one. */
function listOf(order: readonly number[]): IndexManifest {
  let list: IndexManifest | undefined;
  for (const i of order) {
    list = parseContent(addReferrer(list, REFERRERS[i]!)) as IndexManifest;
  }
  return list!;
}

Deno.test("referrers: a list is the same in whatever order they are added", () => {
  const all = REFERRERS.map((_, i) => i);
  const { content, entries } = listOf(all);
  assertEquals(
    new Set(entries.map((entry) => entry.digest)),
    new Set(REFERRERS.map((referrer) => referrer.digest)),
  );
  fc.assert(fc.property(
    fc.shuffledSubarray(all, { minLength: all.length }),
    (order) => assertEquals(listOf(order).content.digest, content.digest),
  ));
});

Deno.test("referrers: a list that has one already stays as it is", () => {
  const list = listOf([0, 1]);
  assertEquals(addReferrer(list, REFERRERS[1]!), list.content);
});
