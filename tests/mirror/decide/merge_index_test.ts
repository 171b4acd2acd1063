import { assertEquals, assertNotEquals } from "@std/assert";
import {
  contentOf,
  type JsonObject,
  type Manifest,
  MediaType,
} from "../../../src/oci/manifest.ts";
import { parseContent } from "../../../src/oci/parse_manifest.ts";
import { platformKey } from "../../../src/oci/platform.ts";
import {
  type MergeEntry,
  type MergeExisting,
  mergeIndex,
  type MergeSource,
} from "../../../src/mirror/decide/merge_index.ts";

/** The digest that stands for an entry's letter. */
const hex = (letter: string) =>
  `sha256:${letter.charCodeAt(0).toString(16).repeat(32)}`;
const letter = (digest: string) =>
  String.fromCharCode(parseInt(digest.slice(-2), 16));

interface Row {
  readonly id: string;
  readonly platform?: string;
  readonly osVersion?: string;
  readonly attests?: string;
}

/** `a=linux/amd64` is entry a…a of that platform; `p>a` attests to a. */
function row(text: string): Row {
  const [id = "", rest = ""] = text.split(/[=>]/);
  if (text.includes(">")) return { id, attests: rest };
  const [platform, osVersion] = rest.split("@");
  return { id, platform: platform || undefined, osVersion };
}

function entryJson({ id, platform, osVersion, attests }: Row): JsonObject {
  const [os, architecture, variant] = (platform ?? "").split("/");
  return {
    mediaType: MediaType.ociManifest,
    digest: hex(id),
    size: 100,
    ...(platform && {
      platform: {
        architecture,
        os,
        ...(variant && { variant }),
        ...(osVersion && { "os.version": osVersion }),
      },
    }),
    ...(attests && {
      platform: { architecture: "unknown", os: "unknown" },
      annotations: {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": hex(attests),
      },
    }),
  };
}

function index(rows: string, extra: JsonObject = {}): Manifest {
  const json = {
    schemaVersion: 2,
    mediaType: MediaType.ociIndex,
    manifests: rows.split(" ").filter(Boolean).map((r) => entryJson(row(r))),
    ...extra,
  };
  // Indented, so that a rebuilt index never has a source's bytes by chance.
  return parseContent(
    contentOf(new TextEncoder().encode(JSON.stringify(json, null, 2))),
  );
}

function entriesOf(manifest: Manifest): MergeEntry[] {
  if (manifest.kind !== "index") throw new Error("an index is wanted here");
  return manifest.entries.map((descriptor) => ({
    descriptor,
    key: descriptor.platform && descriptor.platform.os !== "unknown"
      ? platformKey(descriptor.platform)
      : undefined,
  }));
}

function source(
  rows: string,
  selected: string,
  extra?: JsonObject,
): MergeSource {
  const manifest = index(rows, extra);
  return {
    manifest,
    entries: entriesOf(manifest),
    selected: new Set(selected.split("").map(hex)),
  };
}

function existing(rows: string, extra?: JsonObject): MergeExisting {
  const manifest = index(rows, extra);
  return { manifest, entries: entriesOf(manifest) };
}

function idsOf(bytes: Uint8Array): string {
  const manifest = parseContent(contentOf(bytes));
  return manifest.kind === "index"
    ? manifest.entries.map((e) => letter(e.digest)).join("")
    : "single";
}

const TWO = "a=linux/amd64 b=linux/arm64";
const ATTESTED = "a=linux/amd64 b=linux/arm64 p>a q>b";

const CASES: readonly {
  readonly name: string;
  readonly sources: readonly MergeSource[];
  readonly existing?: MergeExisting;
  readonly want: string;
  readonly verbatim?: number;
}[] = [
  {
    name: "all selected, nothing there: the source's bytes",
    sources: [source(TWO, "ab")],
    want: "ab",
    verbatim: 0,
  },
  {
    name: "a subset: just its entries",
    sources: [source(ATTESTED, "ap")],
    want: "ap",
  },
  {
    name: "the rest arrives later: the source's bytes, in source order",
    sources: [source(TWO, "a")],
    existing: existing("b=linux/arm64"),
    want: "ab",
    verbatim: 0,
  },
  {
    name: "strangers stay, behind what the source has",
    sources: [source(TWO, "ab")],
    existing: existing("s=linux/s390x t=linux/riscv64"),
    want: "abst",
  },
  {
    name: "the same platform is replaced, and its attestation goes",
    sources: [source(TWO, "ab")],
    existing: existing("o=linux/amd64 s=linux/s390x r>o z>s"),
    want: "absz",
  },
  {
    name: "arm64 and arm64/v8 are one platform",
    sources: [source("b=linux/arm64/v8", "b")],
    existing: existing("o=linux/arm64 s=linux/s390x"),
    want: "bs",
  },
  {
    name: "arm/v6 and arm/v7 are two",
    sources: [source("b=linux/arm/v7", "b")],
    existing: existing("o=linux/arm/v6"),
    want: "bo",
  },
  {
    name: "Windows builds count by three parts of the version",
    sources: [source("w=windows/amd64@10.0.20348.2000", "w")],
    existing: existing(
      "x=windows/amd64@10.0.20348.1 y=windows/amd64@10.0.17763.1",
    ),
    want: "wy",
  },
  {
    name:
      "an unselected platform of the source does not replace the destination's",
    sources: [source(TWO, "a")],
    existing: existing("o=linux/arm64"),
    want: "ao",
  },
  {
    name: "two sources: the later platform replaces the earlier one",
    sources: [source(TWO, "ab"), source("c=linux/arm64 d=linux/s390x", "cd")],
    want: "acd",
  },
  {
    name: "a later source that has it all: its bytes",
    sources: [source(TWO, "ab"), source("c=linux/arm64 d=linux/amd64", "cd")],
    want: "cd",
    verbatim: 1,
  },
  {
    name: "an attestation of a replaced subject goes with it",
    sources: [source(ATTESTED, "abpq"), source("c=linux/arm64", "c")],
    want: "apc",
  },
  {
    name: "entries without platform never replace one another",
    sources: [source("a= b=", "ab")],
    existing: existing("c="),
    want: "abc",
  },
  {
    name: "two entries of one platform in one source both stay",
    sources: [source("a=linux/amd64 b=linux/amd64", "ab")],
    want: "ab",
    verbatim: 0,
  },
];

for (const test of CASES) {
  Deno.test(`merge: ${test.name}`, () => {
    const merged = mergeIndex(test.sources, test.existing);
    assertEquals(idsOf(merged.manifest.content.bytes), test.want);
    assertEquals(merged.verbatim, test.verbatim);
    if (test.verbatim !== undefined) {
      assertEquals(
        merged.manifest.content,
        test.sources[test.verbatim]!.manifest.content,
      );
    }
  });
}

for (const test of CASES) {
  Deno.test(`merge again finds nothing to do: ${test.name}`, () => {
    const first = mergeIndex(test.sources, test.existing);
    const { manifest } = first;
    const second = mergeIndex(test.sources, {
      manifest,
      entries: entriesOf(manifest),
    });
    assertEquals(second.manifest.content.digest, first.manifest.content.digest);
  });
}

Deno.test("merge keeps annotations and unknown fields of index and entries", () => {
  const extra = {
    annotations: { "org.example": "yes" },
    artifactType: "application/x",
    "x-unknown": { deep: [1] },
  };
  const merged = mergeIndex([source(ATTESTED, "ap", extra)]);
  const json = JSON.parse(
    new TextDecoder().decode(merged.manifest.content.bytes),
  );
  assertEquals(json.annotations, extra.annotations);
  assertEquals(json.artifactType, extra.artifactType);
  assertEquals(json["x-unknown"], extra["x-unknown"]);
  assertEquals(json.manifests, [
    entryJson(row("a=linux/amd64")),
    entryJson(row("p>a")),
  ]);
});

Deno.test("merge takes the media type of the source index", () => {
  const docker = { mediaType: MediaType.dockerList };
  const merged = mergeIndex(
    [source(TWO, "a", docker)],
    existing("s=linux/s390x"),
  );
  assertEquals(merged.manifest.content.mediaType, MediaType.dockerList);
  assertNotEquals(idsOf(merged.manifest.content.bytes), "");
});

Deno.test("merge leaves an index alone that differs in order only", () => {
  const single = source("a=linux/amd64", "a");
  const there = existing("s=linux/s390x a=linux/amd64");
  // The same set, other than the source's own: whoever wrote it wrote it well.
  const merged = mergeIndex([single], {
    ...there,
    manifest: parseContent(
      contentOf(new TextEncoder().encode(JSON.stringify({
        schemaVersion: 2,
        mediaType: MediaType.ociIndex,
        manifests: [
          entryJson(row("s=linux/s390x")),
          entryJson(row("a=linux/amd64")),
        ],
      }))),
    ),
  });
  assertEquals(idsOf(merged.manifest.content.bytes), "sa");
});
