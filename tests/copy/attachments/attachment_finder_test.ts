import { assertEquals } from "@std/assert";
import { AttachmentFinder } from "../../../src/copy/attachments/attachment_finder.ts";
import { HangarError } from "../../../src/errors.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import type { Descriptor } from "../../../src/oci/manifest.ts";

const DIGEST = digestOf(new Uint8Array([1]));

/** A registry without tags, and what it says of referrers. */
function placesOf(
  listReferrers: (
    repository: string,
  ) => Promise<readonly Descriptor[] | undefined>,
) {
  const store = {
    id: "registry.test",
    getManifest: () => Promise.resolve(undefined),
    headManifest: () => Promise.resolve(undefined),
    async *listTags() {
      yield [];
    },
    listReferrers,
  };
  const finder = new AttachmentFinder();
  const { signal } = new AbortController();
  return (repository: string) =>
    finder.find({ store, repository }, DIGEST, { signal, warn: () => {} });
}

Deno.test("finder: one request shows that a registry has no referrers API", async () => {
  const asked: string[] = [];
  const find = placesOf(async (repository) => {
    asked.push(repository);
    await Promise.resolve();
    return undefined;
  });
  await Promise.all(["a", "b", "c"].map(find));
  assertEquals(asked, ["a"]);
});

Deno.test("finder: after a first answer that tells nothing, nobody waits for another", async () => {
  const underWay: string[] = [];
  const both = Promise.withResolvers<void>();
  const find = placesOf(async (repository) => {
    if (repository === "a") {
      throw new HangarError("denied", "403", { status: 403 });
    }
    underWay.push(repository);
    if (underWay.length === 2) both.resolve();
    await both.promise;
    return [];
  });
  await Promise.all(["a", "b", "c"].map(find));
  assertEquals(underWay.sort(), ["b", "c"]);
});
