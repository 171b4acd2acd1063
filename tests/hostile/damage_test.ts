import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { attack } from "./attack.ts";
import type { Quirks } from "../support/fake_registry.ts";
import {
  type MadeImage,
  makeFallback,
  makeMultiArch,
  makeReferrer,
  makeSha512,
  makeSignatures,
} from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const REPO = "corp/app";
const LINE = `${REPO}:v1`;
const HARMS = ["gone", "truncated", "altered"] as const;

function tagOf(digest: string, suffix = ""): string {
  return digest.replace(":", "-") + suffix;
}

const firstBlob = ({ blobs }: MadeImage) => [...blobs.keys()][0]!;

const app = makeMultiArch("app");
const [child = app] = app.manifests;
const sbom = makeReferrer(app, "sbom");
const signature = makeSignatures(app.digest, ["one"]);
const attestation = makeSignatures(app.digest, ["attestation"]);
const sbomSignature = makeSignatures(sbom.digest, ["of sbom"]);
const signatureTag = tagOf(app.digest, ".sig");

const TAGGED: readonly (readonly [string, MadeImage])[] = [
  ["v1", app],
  [signatureTag, signature],
  [tagOf(app.digest, ".att"), attestation],
  [tagOf(sbom.digest, ".sig"), sbomSignature],
  [tagOf(app.digest), makeFallback([sbom])],
];

/** What can be damaged, and the name that findings have for it. */
const MANIFESTS = {
  "a child's manifest": [child.digest, child.digest],
  "a referrer's manifest": [sbom.digest, sbom.digest],
  "a signature's manifest": [signature.digest, signatureTag],
} as const;
const BLOBS = {
  "a layer": firstBlob(app),
  "a signature's payload": firstBlob(signature),
  "an attestation": firstBlob(attestation),
  "an SBOM": [...sbom.blobs.keys()].at(-1)!,
  "the payload of an SBOM's signature": firstBlob(sbomSignature),
};

/** A pair with the same content at both sides. */
async function mirrored(quirks: Quirks = {}, referrers = false) {
  const pair = new Pair({ quirks, referrers });
  for (const [tag, image] of TAGGED) pair.source.install(REPO, tag, image);
  const { code, stderr } = await pair.mirror(LINE);
  assertEquals(code, 0, stderr);
  return pair;
}

function harm(
  { destination }: Pair,
  digest: string,
  how: typeof HARMS[number],
): void {
  if (how === "gone") destination.remove(REPO, digest);
  else if (destination.manifest(REPO, digest)) destination.alter(REPO, digest);
  else if (how === "altered") destination.flip(digest);
  else destination.truncate(digest);
}

const CASES = [
  ...Object.entries(BLOBS).flatMap(([what, digest]) =>
    HARMS.map((how) => ({ what, digest, name: digest, how, isBlob: true }))
  ),
  ...Object.entries(MANIFESTS).flatMap(([what, [digest, name]]) =>
    (["gone", "altered"] as const).map((how) => ({
      what,
      digest,
      name,
      how,
      isBlob: false,
    }))
  ),
];

for (const { what, digest, name, how, isBlob } of CASES) {
  attack(
    `damage: ${what} that is ${how} is named by validate, and repaired by --overwrite`,
    async () => {
      await using pair = await mirrored();
      harm(pair, digest, how);
      for (const depth of ["", "--deep", "--deep=bytes"]) {
        const isSeen = !isBlob || depth === "--deep=bytes" ||
          depth === "--deep" && how !== "altered";
        const { code, stderr } = await pair.validate(
          LINE,
          depth ? [depth] : [],
        );
        assertEquals(code, isSeen ? 1 : 0, `${depth}: ${stderr}`);
        if (isSeen) assertStringIncludes(stderr, name);
      }
      const { code, stderr } = await pair.mirror(LINE, ["--overwrite"]);
      assertEquals(code, 0, stderr);
      const sound = await pair.validate(LINE, ["--deep=bytes"]);
      assertEquals(sound.code, 0, sound.stderr);
    },
  );

  if (how === "gone") continue;
  attack(
    `damage: ${what} that is ${how} is a failure of --overwrite where the registry keeps its copy`,
    async () => {
      await using pair = await mirrored({ keepsContent: true });
      harm(pair, digest, how);
      const { code, stderr } = await pair.mirror(LINE, ["--overwrite"]);
      assertEquals(code, 1, stderr);
      assertStringIncludes(stderr, digest);
      assertStringIncludes(stderr, "did not replace what it holds");
      assertEquals(await pair.failedLines(), [LINE]);
      // The image is whole: what was damaged later is not taken for repaired.
      assertEquals((await pair.validate(LINE, ["--deep=bytes"])).code, 1);
    },
  );
}

for (const referrers of [true, false]) {
  attack(
    `damage: a referrer that is listed ${
      referrers ? "by the API" : "under a tag"
    } but gone is brought by a second mirror`,
    async () => {
      await using pair = await mirrored({}, referrers);
      // The API of this registry lists what it has.
      pair.destination.remove(REPO, sbom.digest);
      const { code, stderr } = await pair.mirror(LINE);
      assertEquals(code, 0, stderr);
      assert(pair.destination.manifest(REPO, sbom.digest));
    },
  );
}

for (const keepsContent of [false, true]) {
  attack(
    `damage: the tag's own manifest that is altered is seen, and ${
      keepsContent ? "a failure of" : "repaired by"
    } --overwrite`,
    async () => {
      await using pair = await mirrored({ keepsContent });
      pair.destination.alter(REPO, app.digest);
      const seen = await pair.validate(LINE);
      assertEquals(seen.code, 1, seen.stderr);
      assertStringIncludes(seen.stderr, app.digest);
      const { code, stderr } = await pair.mirror(LINE, ["--overwrite"]);
      assertEquals(code, keepsContent ? 1 : 0, stderr);
      const after = await pair.validate(LINE);
      assertEquals(after.code, keepsContent ? 1 : 0, after.stderr);
    },
  );
}

attack(
  "damage: a manifest that the registry cannot read any more is named, with the rest, and a failure",
  async () => {
    await using pair = await mirrored();
    pair.destination.remove(REPO, firstBlob(app));
    pair.damaged = true;
    pair.destination.fault({
      match: { kind: "manifest", reference: sbom.digest },
      action: { status: 500, code: "UNKNOWN" },
    });
    const { code, stderr } = await pair.validate(LINE, ["--deep"]);
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, `unreadable: ${sbom.digest}`);
    assertStringIncludes(stderr, `missing: blob ${firstBlob(app)}`);
    const repair = await pair.mirror(LINE, ["--overwrite"]);
    assertEquals(repair.code, 1, repair.stderr);
    assertStringIncludes(repair.stderr, sbom.digest);
  },
);

attack(
  "damage: signatures of the destination's own that are damaged are a failure of --overwrite",
  async () => {
    await using pair = new Pair();
    pair.source.install(REPO, "v1", app);
    const own = makeSignatures(app.digest, ["own", "one"]);
    pair.source.install(REPO, signatureTag, signature);
    pair.destination.install(REPO, signatureTag, own);
    pair.damaged = true;
    const [lost = ""] = own.blobs.keys();
    pair.destination.remove(REPO, lost);
    const { code, stderr } = await pair.mirror(LINE, ["--overwrite"]);
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, lost);
    assertStringIncludes(stderr, "the source does not have it");
  },
);

attack(
  "damage: --overwrite needs no more than one request at a time, from its first one on",
  async () => {
    await using pair = await mirrored();
    const { code, stderr } = await pair.mirror(LINE, [
      "--overwrite",
      "--skip-login",
      "--max-per-host=1",
      "--timeout=20s",
    ]);
    assertEquals(code, 0, stderr);
  },
);

attack("damage: --overwrite reads what two images share once", async () => {
  await using pair = await mirrored();
  pair.source.install(REPO, "v2", app);
  pair.destination.clear();
  const list = `${LINE}\n${REPO}:v2`;
  const { code, stderr } = await pair.mirror(list, ["--overwrite", "-j2"]);
  assertEquals(code, 0, stderr);
  const reads = pair.destination.count({ kind: "blob", method: "GET" });
  const blobs = new Set(TAGGED.flatMap(([, image]) => [...image.blobs.keys()]));
  assertEquals(reads, blobs.size);
  assertEquals(pair.destination.blobBytesReceived, 0);
});

for (const flags of [[], ["--overwrite"]]) {
  attack(
    `damage: a registry that keeps all blobs under sha256 fails an image by sha512 ${flags}`,
    async () => {
      await using pair = new Pair({ quirks: { sha256Only: true } });
      pair.source.install(REPO, "v1", makeSha512([600_000, 300]));
      const { code, stderr } = await pair.mirror(LINE, flags);
      assertEquals(code, 1, stderr);
      assertStringIncludes(stderr, "does not keep sha512 content");
      assertEquals(pair.destination.tags(), []);
    },
  );
}

attack(
  "damage: an image by sha512 arrives where the registry keeps its digests",
  async () => {
    await using pair = new Pair();
    pair.source.install(REPO, "v1", makeSha512([600_000, 300]));
    const { code, stderr } = await pair.mirror(LINE);
    assertEquals(code, 0, stderr);
    const valid = await pair.validate(LINE, ["--deep=bytes"]);
    assertEquals(valid.code, 0, valid.stderr);
  },
);
