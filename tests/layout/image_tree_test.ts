import { assertEquals } from "@std/assert";
import { bytesReader } from "../../src/bytes.ts";
import { TreeReader, type TreeSource } from "../../src/layout/image_tree.ts";
import { type Descriptor, parseDescriptor } from "../../src/oci/descriptor.ts";
import type { Digest } from "../../src/oci/digest.ts";
import {
  type MadeImage,
  makeImage,
  makeIndex,
  makeMultiArch,
} from "../support/images.ts";

/** Content in memory, and what was asked of it. */
class Contents implements TreeSource {
  readonly bytes = new Map<string, Uint8Array>();
  opened: string[] = [];

  constructor(...images: readonly MadeImage[]) {
    for (const { manifests, blobs } of images) {
      for (const { digest, bytes } of manifests) this.bytes.set(digest, bytes);
      for (const [digest, bytes] of blobs) this.bytes.set(digest, bytes);
    }
  }

  sizeOf(digest: Digest) {
    return Promise.resolve(this.bytes.get(digest)?.byteLength);
  }

  open({ digest }: { readonly digest: Digest }) {
    this.opened.push(digest);
    return Promise.resolve(bytesReader(this.bytes.get(digest)!));
  }
}

function topOf({ mediaType, digest, bytes }: MadeImage): Descriptor {
  return parseDescriptor({ mediaType, digest, size: bytes.byteLength }, "top");
}

const digestsOf = (contents: readonly { readonly digest: string }[]) =>
  contents.map(({ digest }) => digest).sort();

Deno.test("tree: all of an image, each piece once, and layers are not read", async () => {
  const image = makeMultiArch("app", { attestations: true });
  const source = new Contents(image);
  const tree = await new TreeReader(source).read(topOf(image));
  assertEquals(digestsOf(tree.manifests), digestsOf(image.manifests));
  assertEquals(tree.manifests[0]!.digest, image.digest as Digest);
  assertEquals(
    digestsOf(tree.blobs),
    [...image.blobs.keys()].sort(),
  );
  assertEquals(tree.platforms, ["linux/amd64", "linux/arm64"]);
  assertEquals(tree.hasAttestations, true);
  assertEquals(tree.faults, []);
  assertEquals(source.opened.length, image.manifests.length);
});

Deno.test("tree: a single image's platform is that of its config", async () => {
  const image = makeImage({ seed: "s", platform: "linux/arm/v7" });
  const tree = await new TreeReader(new Contents(image)).read(topOf(image));
  assertEquals(tree.platforms, ["linux/arm/v7"]);
  assertEquals(tree.children, undefined);
});

Deno.test("tree: which children must be there", async () => {
  const image = makeMultiArch("app");
  const [amd64, arm64] = image.manifests as unknown as [MadeImage, MadeImage];
  const source = new Contents(image);
  source.bytes.delete(arm64.digest);
  const read = async (expected?: "all" | ReadonlySet<string>) => {
    const { faults, children } = await new TreeReader(source)
      .read(topOf(image), expected);
    return [faults.map(({ digest }): string => digest), children?.absent];
  };
  assertEquals(await read(), [[], 1]);
  assertEquals(await read("all"), [[arm64.digest], 0]);
  assertEquals(await read(new Set([amd64.digest])), [[], 1]);
  assertEquals(await read(new Set([arm64.digest])), [[arm64.digest], 1]);
});

Deno.test("tree: content that others have is left out, and no fault", async () => {
  const image = makeImage({ seed: "app" });
  const [layer = ""] = image.blobs.keys();
  const source = new Contents(image);
  source.bytes.delete(layer);
  const away = [{ digest: layer as Digest, size: 1000 }];
  const tree = await new TreeReader(source, away).read(topOf(image));
  assertEquals([tree.faults, tree.leftOut], [[], away]);
  const alone = await new TreeReader(source).read(topOf(image));
  assertEquals(alone.faults, [{
    digest: layer as Digest,
    text: `missing: blob ${layer} of 1000 bytes`,
  }]);
});

Deno.test("tree: foreign layers need not be there", async () => {
  const image = makeImage({ seed: "app", foreignLayer: true });
  const tree = await new TreeReader(new Contents(image)).read(topOf(image));
  assertEquals(tree.faults, []);
});

Deno.test("tree: indexes that are nested without end are a fault, and read no further", async () => {
  let image = makeMultiArch("deep");
  for (let i = 0; i < 20; i++) image = makeIndex([image]);
  const source = new Contents(image);
  const tree = await new TreeReader(source).read(topOf(image));
  assertEquals(tree.faults.length, 1);
  assertEquals(tree.faults[0]!.text.includes("nested more than 8 deep"), true);
  assertEquals(source.opened.length < 12, true);
});

Deno.test("tree: an image that leads to more manifests than any needs is refused", async () => {
  const names = Array.from({ length: 10_010 }, (_, i) => {
    const hex = i.toString(16).padStart(64, "0");
    return {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: `sha256:${hex}`,
      size: 2,
    };
  });
  const image = makeIndex(names.map(({ mediaType, digest }) => ({
    mediaType,
    digest,
    bytes: new Uint8Array(2),
    manifests: [],
    blobs: new Map(),
  })));
  const source = new Contents(image);
  for (const { digest } of names) source.bytes.set(digest, new Uint8Array(2));
  const { manifests, faults } = await new TreeReader(source)
    .read(topOf(image));
  assertEquals(manifests.length, 10_000);
  assertEquals(
    faults.at(-1)!.text,
    "refused: the image leads to more than 10000 manifests",
  );
});

Deno.test("tree: a manifest that is damaged, of another type, or larger than its name says is a fault", async () => {
  const image = makeMultiArch("app");
  const [amd64, arm64] = image.manifests as unknown as [MadeImage, MadeImage];
  const source = new Contents(image);
  source.bytes.set(amd64.digest, amd64.bytes.map((byte) => byte ^ 1));
  source.bytes.set(arm64.digest, new Uint8Array(5));
  const { faults } = await new TreeReader(source).read(topOf(image));
  assertEquals(faults.map(({ digest, text }) => [digest, text.split(":")[0]]), [
    [amd64.digest as Digest, "damaged"],
    [arm64.digest as Digest, "damaged"],
  ]);
});
