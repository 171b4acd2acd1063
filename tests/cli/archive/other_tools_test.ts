/**
 * Layouts as oras and regctl write them: images and lists of referrers have tags
 * without a repository, or no name at all.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { hangar } from "../../support/hangar.ts";
import {
  makeMultiArch,
  makeReferrer,
  makeSignatures,
} from "../../support/images.ts";
import { Carry } from "./support.ts";
import { archive, listed } from "./tools_support.ts";

const REF_NAME = "org.opencontainers.image.ref.name";

const APP = makeMultiArch("app");
const SIGNATURE = makeSignatures(APP.digest, ["me"]);
const SIGNATURE_TAG = `${APP.digest.replace(":", "-")}.sig`;
const SBOM = makeReferrer(APP, "sbom");
const OF_CHILD = makeReferrer(APP.manifests[0]!, "of a child");
const OF_SBOM = makeReferrer(SBOM, "of a referrer");
const REFERRERS = [SBOM, OF_CHILD, OF_SBOM];

interface Entry {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A source with an image that has referrers, saved. */
async function withReferrers(): Promise<Carry> {
  const carry = new Carry({ referrers: true }, { referrers: true });
  const { source } = carry;
  source.install("corp/app", "v1", APP);
  source.install("corp/app", SIGNATURE_TAG, SIGNATURE);
  for (const referrer of REFERRERS) {
    source.install("corp/app", undefined, referrer);
  }
  const { code, stderr } = await carry.save("corp/app:v1", "layout", [
    "--arch=all",
  ]);
  assertEquals(code, 0, stderr);
  return carry;
}

/** Writes the index that another tool would have written. */
async function rewrite(
  carry: Carry,
  entries: (ours: readonly Entry[]) => readonly Entry[],
): Promise<void> {
  const path = carry.path("layout/index.json");
  const index = JSON.parse(await Deno.readTextFile(path));
  const manifests = entries(index.manifests);
  await Deno.writeTextFile(path, JSON.stringify({ ...index, manifests }));
}

const tagOf = ({ annotations }: Entry) =>
  annotations?.[REF_NAME]?.replace(/^.*:/, "");

/** Tags alone, and neither lists of referrers nor names of what has no tag. */
function asOras(ours: readonly Entry[]): Entry[] {
  const children = APP.manifests.map(({ mediaType, digest, bytes }) => ({
    mediaType,
    digest,
    size: bytes.byteLength,
  }));
  return [
    ...children,
    ...ours.flatMap(({ annotations, ...entry }) => {
      const tag = tagOf({ annotations, ...entry });
      if (tag === undefined) return [entry];
      if (/^sha256-[0-9a-f]{64}$/.test(tag)) return [];
      return [{ ...entry, annotations: { [REF_NAME]: tag } }];
    }),
  ];
}

/** Tags alone, also for lists of referrers; nothing else is named. */
function asRegctl(ours: readonly Entry[]): Entry[] {
  return ours.flatMap((entry) => {
    const tag = tagOf(entry);
    return tag === undefined
      ? []
      : [{ ...entry, annotations: { [REF_NAME]: tag } }];
  });
}

/** The referrers that the destination lists. */
async function referrersOf(
  carry: Carry,
  repository: string,
  subject: string,
): Promise<string[]> {
  const response = await fetch(
    `${carry.destination.url}/v2/${repository}/referrers/${subject}`,
    { headers: { "accept-encoding": "identity" } },
  );
  const { manifests } = await response.json();
  return manifests.map(({ digest }: Entry) => digest);
}

for (const [tool, entries] of Object.entries({ asOras, asRegctl })) {
  Deno.test(`load: signatures and referrers come along, to any depth (${tool})`, async () => {
    await using carry = await withReferrers();
    await rewrite(carry, entries);
    const { code, stderr } = await carry.load("layout", ["-f-"], {
      stdin: "corp/app:v1",
    });
    assertEquals(code, 0, stderr);
    assert(!stderr.includes("WARN"), stderr);
    const { destination } = carry;
    assertEquals(destination.digestOf("corp/app", "v1"), APP.digest);
    assertEquals(
      destination.digestOf("corp/app", SIGNATURE_TAG),
      SIGNATURE.digest,
    );
    for (
      const [subject, referrer] of [
        [APP, SBOM],
        [APP.manifests[0]!, OF_CHILD],
        [SBOM, OF_SBOM],
      ] as const
    ) {
      assertEquals(
        await referrersOf(carry, "corp/app", subject.digest),
        [referrer.digest],
      );
    }
    const proof = await hangar([
      "load",
      "validate",
      "-f-",
      `-s=${carry.path("layout")}`,
      `-d=http://${destination.host}`,
      "--deep",
    ], { stdin: "corp/app:v1" });
    assertEquals(proof.code, 0, proof.stderr);
  });

  Deno.test(`archive: a part of an image, and what belongs to one, is no image (${tool})`, async () => {
    await using carry = await withReferrers();
    await rewrite(carry, entries);
    const { images } = await listed(carry, "layout");
    assertEquals(
      images.map((image: { reference: string }) => image.reference),
      ["v1"],
    );
    // The one image there is needs no name.
    const copied = await hangar([
      "copy",
      `oci:${carry.path("layout")}`,
      `${carry.destination.host}/mine/app:v1`,
    ]);
    assertEquals(copied.code, 0, copied.stderr);
    assertEquals(carry.destination.digestOf("mine/app", "v1"), APP.digest);
    // Without a list, only the image wants a repository.
    const loaded = await carry.load("layout");
    assertEquals(loaded.code, 2, loaded.stderr);
    assertEquals(
      loaded.stderr.split("\n").filter((line) => line.includes("WARN")).length,
      1,
      loaded.stderr,
    );
    assertStringIncludes(loaded.stderr, "v1 has no repository in the archive");
  });

  Deno.test(`archive export: signatures and referrers come along (${tool})`, async () => {
    await using carry = await withReferrers();
    await rewrite(carry, entries);
    const { code, stderr } = await archive([
      "export",
      "-f-",
      `-s=${carry.path("layout")}`,
      `-d=${carry.path("part")}`,
      `--failed=${carry.path("export-failed.txt")}`,
    ], { stdin: "corp/app:v1" });
    assertEquals(code, 0, stderr);
    for (const { digest } of [SIGNATURE, ...REFERRERS]) {
      await Deno.stat(carry.path(`part/blobs/${digest.replace(":", "/")}`));
    }
  });
}

Deno.test("load: a referrer that a repository lists is not another repository's", async () => {
  await using carry = await withReferrers();
  const { source } = carry;
  source.install("corp/same", "v1", APP);
  const list = "corp/app:v1\ncorp/same:v1\n";
  const { code, stderr } = await carry.save(list, "layout", [
    "--arch=all",
    "-y",
  ]);
  assertEquals(code, 0, stderr);
  const loaded = await carry.load("layout", ["--arch=all"]);
  assertEquals(loaded.code, 0, loaded.stderr);
  assertEquals(await referrersOf(carry, "corp/app", APP.digest), [SBOM.digest]);
  assertEquals(await referrersOf(carry, "corp/same", APP.digest), []);
});

Deno.test("load: a line that chooses tags of what the archive does not have fails", async () => {
  await using carry = await withReferrers();
  const { code, stderr } = await carry.load("layout", ["-f-"], {
    stdin: "reg.example.com/corp/none:*\n",
  });
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "has no reg.example.com/corp/none");
});
