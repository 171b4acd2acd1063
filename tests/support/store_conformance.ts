/**
 * What every store does, whatever holds its content: one suite for all of them.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { bytesReader } from "../../src/bytes.ts";
import { HangarError } from "../../src/errors.ts";
import { digestOf, isDigest } from "../../src/oci/digest.ts";
import {
  contentOf,
  type Descriptor,
  type ManifestContent,
  MediaType,
  parseDescriptor,
} from "../../src/oci/manifest.ts";
import type { Attempts } from "../../src/attempts.ts";
import type {
  DestinationStore,
  ManifestRole,
  UploadSource,
} from "../../src/oci/store.ts";
import {
  type MadeImage,
  makeImage,
  makeMultiArch,
  randomBytes,
} from "./images.ts";

/** A store that is empty, with what is around it. */
export interface StoreHarness extends AsyncDisposable {
  readonly store: DestinationStore;
}

/** Opens a store of its own for each test. */
export interface StoreKind {
  readonly name: string;
  readonly open: () => Promise<StoreHarness>;
  /** Whether none of its tests can run here. @default {false} */
  readonly ignore?: boolean;
  /** Whether all its repositories have one pool of blobs. @default {false} */
  readonly pooled?: boolean;
}

const REPO = "conformance/app";
const OTHER = "conformance/other";
const signal = new AbortController().signal;

const attempts = (): Attempts => ({
  failed: (error) => Promise.reject(error),
  progressed: () => {},
});

function describe(bytes: Uint8Array, mediaType = "x/y"): Descriptor {
  return parseDescriptor({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.byteLength,
  }, "blob");
}

function sourceOf(bytes: Uint8Array): UploadSource {
  return {
    openAt: (offset) => Promise.resolve(bytesReader(bytes.subarray(offset))),
  };
}

async function write(
  store: DestinationStore,
  repository: string,
  bytes: Uint8Array,
): Promise<Descriptor> {
  const blob = describe(bytes);
  await store.writeBlob(repository, blob, sourceOf(bytes), {
    signal,
    attempts,
  });
  return blob;
}

function contentsOf(image: MadeImage): ManifestContent[] {
  return image.manifests.map(({ bytes, mediaType }) =>
    contentOf(bytes, mediaType)
  );
}

/** Writes an image as the engine would: blobs, children, and its own manifest. */
async function push(
  store: DestinationStore,
  tag: string,
  image: MadeImage,
): Promise<void> {
  for (const bytes of image.blobs.values()) await write(store, REPO, bytes);
  const manifests = contentsOf(image);
  for (const [i, content] of manifests.entries()) {
    const isRoot = i === manifests.length - 1;
    const role: ManifestRole = isRoot ? "root" : "child";
    const reference = isRoot ? tag : content.digest;
    await store.putManifest(REPO, reference, content, { role, signal });
  }
}

async function readAll(
  store: DestinationStore,
  blob: Descriptor,
  offset = 0,
): Promise<Uint8Array> {
  const reader = await store.openBlob(REPO, blob, { offset, signal });
  const pieces: number[] = [];
  for (let piece; (piece = await reader.read());) pieces.push(...piece);
  return new Uint8Array(pieces);
}

async function tagsOf(store: DestinationStore): Promise<string[]> {
  const tags: string[] = [];
  for await (const page of store.listTags(REPO, { maxPages: 100, signal })) {
    tags.push(...page);
  }
  return tags;
}

async function codeOf(work: () => Promise<unknown>): Promise<string> {
  const error = await assertRejects(work);
  return error instanceof HangarError ? error.code : `${error}`;
}

type Check = readonly [string, (store: DestinationStore) => Promise<void>];

const NOTHING: readonly Check[] = [
  ["has nothing at first", async (store) => {
    const { digest } = describe(randomBytes(10, "absent"));
    assertEquals(await store.getManifest(REPO, "v1", { signal }), undefined);
    assertEquals(await store.getManifest(REPO, digest, { signal }), undefined);
    assertEquals(await store.headManifest(REPO, "v1", { signal }), undefined);
    assertEquals(
      await store.hasBlob(REPO, describe(new Uint8Array([1])), { signal }),
      false,
    );
  }],
  [
    "says not-found where content is asked for that is not there",
    async (store) => {
      const blob = describe(randomBytes(10, "absent"));
      const open = () => store.openBlob(REPO, blob, { signal });
      assertEquals(await codeOf(open), "not-found");
      const read = () => store.readBlob(REPO, blob, 100, { signal });
      assertEquals(await codeOf(read), "not-found");
      assertEquals(await codeOf(() => tagsOf(store)), "not-found");
    },
  ],
];

const BLOBS: readonly Check[] = [
  ["gives back a blob, whole and from an offset on", async (store) => {
    const bytes = randomBytes(100_000, "blob");
    const blob = await write(store, REPO, bytes);
    assertEquals(await store.hasBlob(REPO, blob, { signal }), true);
    assertEquals(await readAll(store, blob), bytes);
    assertEquals(await readAll(store, blob, 99_000), bytes.subarray(99_000));
    assertEquals(await store.readBlob(REPO, blob, 100_000, { signal }), bytes);
  }],
  [
    "has no blob of another size",
    async (store) => {
      const blob = await write(store, REPO, randomBytes(50, "size"));
      const other = { ...blob, size: 51 };
      assertEquals(await store.hasBlob(REPO, other, { signal }), false);
    },
  ],
  ["reads no blob whole that is larger than the limit", async (store) => {
    const blob = await write(store, REPO, randomBytes(50, "limit"));
    const read = () => store.readBlob(REPO, blob, 49, { signal });
    assertEquals(await codeOf(read), "too-large");
  }],
  ["keeps nothing of a blob whose source fails", async (store) => {
    const bytes = randomBytes(5_000, "broken");
    const blob = describe(bytes);
    const source: UploadSource = {
      openAt: () => {
        const pieces = [bytes.subarray(0, 1_000)];
        return Promise.resolve({
          read: () => {
            const piece = pieces.shift();
            return piece
              ? Promise.resolve(piece)
              : Promise.reject(new Error("the source is gone"));
          },
          cancel: () => Promise.resolve(),
        });
      },
    };
    await assertRejects(() =>
      store.writeBlob(REPO, blob, source, { signal, attempts })
    );
    assertEquals(await store.hasBlob(REPO, blob, { signal }), false);
  }],
  [
    "refuses content under a wrong digest, where it can be tried",
    async (store) => {
      const { digestTrier } = store;
      if (!digestTrier) return;
      await write(store, REPO, randomBytes(50, "first"));
      const tried = await digestTrier.tryWrongDigest(REPO, { signal });
      assertEquals(tried, "refused");
    },
  ],
  ["takes an empty blob", async (store) => {
    const blob = await write(store, REPO, new Uint8Array());
    assertEquals(await store.hasBlob(REPO, blob, { signal }), true);
    assertEquals(await readAll(store, blob), new Uint8Array());
  }],
];

/** What can be seen only where each repository has blobs of its own. */
const APART: readonly Check[] = [
  ["has no blob of another repository", async (store) => {
    const blob = await write(store, REPO, randomBytes(50, "apart"));
    assertEquals(await store.hasBlob(OTHER, blob, { signal }), false);
  }],
  [
    "mounts a blob that another repository holds, or says that it did not",
    async (store) => {
      const bytes = randomBytes(2_000, "mounted");
      const blob = await write(store, OTHER, bytes);
      const { mounter } = store;
      if (!mounter) return;
      const result = await mounter.mountBlob(REPO, blob, OTHER, { signal });
      assertEquals(await store.hasBlob(REPO, blob, { signal }), result.mounted);
      if (!result.mounted) await result.upload?.cancel();
      else assertEquals(await readAll(store, blob), bytes);
    },
  ],
];

const MOUNTS: readonly Check[] = [
  [
    "opens an upload where there is nothing to mount, which can be used",
    async (store) => {
      const bytes = randomBytes(2_000, "not mounted");
      const blob = describe(bytes);
      const { mounter } = store;
      if (!mounter) return;
      // The repository exists, and lacks this blob.
      await write(store, OTHER, randomBytes(10, "other"));
      const result = await mounter.mountBlob(REPO, blob, OTHER, { signal });
      assertEquals(result.mounted, false);
      const upload = result.mounted ? undefined : result.upload;
      await store.writeBlob(REPO, blob, sourceOf(bytes), {
        signal,
        attempts,
        upload,
      });
      assertEquals(await readAll(store, blob), bytes);
    },
  ],
];

const MANIFESTS: readonly Check[] = [
  [
    "gives back manifests byte for byte, by tag and by digest",
    async (store) => {
      const image = makeMultiArch("manifests");
      await push(store, "v1", image);
      for (const want of contentsOf(image)) {
        const held = await store.getManifest(REPO, want.digest, { signal });
        assertEquals(held, want);
        const head = await store.headManifest(REPO, want.digest, { signal });
        assertEquals(head?.digest, want.digest);
        assertEquals(head?.size, want.bytes.byteLength);
        assertEquals(head?.mediaType, want.mediaType);
      }
      const byTag = await store.getManifest(REPO, "v1", { signal });
      assertEquals(byTag, contentsOf(image).at(-1));
      const head = await store.headManifest(REPO, "v1", { signal });
      assertEquals(head?.digest, byTag?.digest);
    },
  ],
  ["moves a tag, and keeps what it pointed at", async (store) => {
    const [first, second] = ["one", "two"].map((seed) => makeImage({ seed }));
    await push(store, "v1", first!);
    await push(store, "v1", second!);
    const head = await store.headManifest(REPO, "v1", { signal });
    assertEquals(head?.digest as string, second!.digest);
    const { digest } = contentsOf(first!)[0]!;
    const old = await store.headManifest(REPO, digest, { signal });
    assertEquals(old?.digest, digest);
  }],
  ["lists every tag once", async (store) => {
    const image = makeImage({ seed: "tags" });
    const tags = ["a", "b", "c", "d", "e", "f", "g"];
    for (const tag of tags) await push(store, tag, image);
    assertEquals((await tagsOf(store)).sort(), tags);
  }],
  ["lists referrers, or says that it keeps no list", async (store) => {
    const image = makeImage({ seed: "subject" });
    await push(store, "v1", image);
    const subject = contentsOf(image)[0]!;
    const config = new TextEncoder().encode("{}");
    await write(store, REPO, config);
    const referrer = contentOf(
      new TextEncoder().encode(JSON.stringify({
        schemaVersion: 2,
        mediaType: MediaType.ociManifest,
        artifactType: "application/x.test",
        config: { ...describe(config, MediaType.ociEmpty).json },
        layers: [{ ...describe(config, MediaType.ociEmpty).json }],
        subject: {
          mediaType: subject.mediaType,
          digest: subject.digest,
          size: subject.bytes.byteLength,
        },
      })),
      MediaType.ociManifest,
    );
    const { listed } = await store.putManifest(
      REPO,
      referrer.digest,
      referrer,
      { role: "referrer", signal },
    );
    const list = await store.listReferrers(REPO, subject.digest, { signal });
    assertEquals(list !== undefined, listed);
    if (!list) return;
    assertEquals(list.map(({ digest }) => digest), [referrer.digest]);
    assertEquals(list[0]!.artifactType, "application/x.test");
    assert(isDigest(referrer.digest));
    assertEquals(
      await store.listReferrers(REPO, referrer.digest, { signal }),
      [],
    );
  }],
];

const ENDS: readonly Check[] = [
  ["does nothing for whoever has given up already", async (store) => {
    const given = AbortSignal.abort(new Error("given up"));
    const image = makeImage({ seed: "aborted" });
    await push(store, "v1", image);
    const blob = describe([...image.blobs.values()][0]!);
    for (
      const work of [
        () => store.getManifest(REPO, "v1", { signal: given }),
        () => store.headManifest(REPO, "v1", { signal: given }),
        () => store.hasBlob(REPO, blob, { signal: given }),
        () => store.readBlob(REPO, blob, 1_000_000, { signal: given }),
        () =>
          store.putManifest(REPO, "v2", contentsOf(image)[0]!, {
            role: "root",
            signal: given,
          }),
      ]
    ) {
      await assertRejects(work, Error, "given up");
    }
    assertEquals(await store.headManifest(REPO, "v2", { signal }), undefined);
  }],
  ["ends more than once without harm", async (store) => {
    await push(store, "v1", makeImage({ seed: "end" }));
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  }],
];

/** Declares the tests of a kind of store. */
export function testStore(
  { name, open, ignore, pooled }: StoreKind,
): void {
  for (
    const [what, check] of [
      ...NOTHING,
      ...BLOBS,
      ...(pooled ? [] : APART),
      ...MOUNTS,
      ...MANIFESTS,
      ...ENDS,
    ]
  ) {
    Deno.test({
      name: `store: ${name} ${what}`,
      ignore,
      fn: async () => {
        await using harness = await open();
        await check(harness.store);
      },
    });
  }
}
