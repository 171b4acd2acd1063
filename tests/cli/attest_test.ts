/**
 * `--attest`: what is said of mirrored images, and who may believe it.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Ajv2020 } from "ajv/2020";
import { createPublicKey, verify } from "node:crypto";
import {
  COSIGN_KEY,
  COSIGN_PASSPHRASE,
  COSIGN_PUB,
} from "../support/cosign_key.ts";
import type { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import {
  type MadeImage,
  makeImage,
  makeIndex,
  makeMultiArch,
  sha256,
} from "../support/images.ts";
import { Pair } from "../support/pair.ts";
import { rekorPromise } from "../support/rekor.ts";
import { makeKey, signaturesOf } from "../support/signing.ts";

const REPO = "corp/app";
const MIRROR = "https://jsr.io/@hangar/mirror/attestation/v1";
const VSA = "https://slsa.dev/verification_summary/v1";
const schema = JSON.parse(
  await Deno.readTextFile(
    new URL("../../docs/attestation.schema.json", import.meta.url),
  ),
);
const isValid = new Ajv2020({ allErrors: true, validateFormats: false })
  .compile(schema);

function assertValid(predicate: unknown): void {
  const valid: boolean = isValid(predicate);
  assert(valid, JSON.stringify(isValid.errors));
}

const tagOf = (digest: string, suffix: string) =>
  `${digest.replace(":", "-")}.${suffix}`;

interface Statement {
  readonly subject: readonly { readonly digest: { readonly sha256: string } }[];
  readonly predicateType: string;
  // deno-lint-ignore no-explicit-any
  readonly predicate: any;
}

/** The statements under a digest's `.att` tag, of envelopes that the key signed. */
function attested(registry: FakeRegistry, digest: string): Statement[] {
  const stored = registry.manifest(REPO, tagOf(digest, "att"));
  if (!stored) return [];
  const { layers } = JSON.parse(new TextDecoder().decode(stored.bytes));
  return layers.map((layer: { digest: string; mediaType: string }) => {
    assertEquals(layer.mediaType, "application/vnd.dsse.envelope.v1+json");
    const bytes = registry.blob(layer.digest)!;
    assertEquals(sha256(bytes), layer.digest);
    const { payload, payloadType, signatures } = JSON.parse(
      new TextDecoder().decode(bytes),
    );
    const content = Uint8Array.fromBase64(payload);
    const head =
      `DSSEv1 ${payloadType.length} ${payloadType} ${content.length} `;
    const signed = new Uint8Array([
      ...new TextEncoder().encode(head),
      ...content,
    ]);
    assert(verify(
      "sha256",
      signed,
      createPublicKey(COSIGN_PUB),
      Uint8Array.fromBase64(signatures[0].sig),
    ));
    return JSON.parse(new TextDecoder().decode(content));
  });
}

class AttestingPair extends Pair {
  readonly key = `${this.directory}/cosign.key`;
  readonly flags = [`--sigstore-private-key=${this.key}`, "--attest"];
  readonly options = {
    env: { COSIGN_PASSWORD: COSIGN_PASSPHRASE, HOME: this.directory },
  };
  readonly policy = `${this.directory}/policy.json`;
  readonly maker = makeKey();
  readonly log = makeKey();

  constructor(...options: ConstructorParameters<typeof Pair>) {
    super(...options);
    Deno.writeTextFileSync(this.key, COSIGN_KEY);
  }

  attest(list = `${REPO}:v1`, more: string[] = []) {
    return this.mirror(list, [...this.flags, ...more], this.options);
  }

  check(list = `${REPO}:v1`, more: string[] = []) {
    return this.validate(list, [...this.flags, ...more], this.options);
  }

  /** A policy that wants the maker's logged signature, and images that have it. */
  demandSignatures(images: readonly { readonly digest: string }[]): string {
    const keyPath = `${this.directory}/maker.pub`;
    const rekorPublicKeyPath = `${this.directory}/log.pub`;
    const by = this.maker.publicPem;
    Deno.writeTextFileSync(keyPath, by);
    Deno.writeTextFileSync(rekorPublicKeyPath, this.log.publicPem);
    const text = JSON.stringify({
      default: [{
        type: "sigstoreSigned",
        keyPath,
        rekorPublicKeyPath,
        signedIdentity: { type: "matchRepository" },
      }],
    });
    Deno.writeTextFileSync(this.policy, text);
    for (const { digest } of images) {
      this.source.install(
        REPO,
        tagOf(digest, "sig"),
        signaturesOf(digest, [{
          key: this.maker,
          reference: `${this.source.host}/${REPO}:v1`,
          annotations: (payload, signature) => ({
            "dev.sigstore.cosign/bundle": rekorPromise(this.log, {
              by,
              payload,
              signature,
            }),
          }),
        }]),
      );
    }
    return sha256(new TextEncoder().encode(text));
  }
}

function app(seed = "app", platforms = ["linux/amd64", "linux/arm64"]) {
  return makeMultiArch(seed, { platforms });
}

function manifestPuts({ destination }: Pair): string[] {
  return destination.requests.filter((seen) =>
    seen.method === "PUT" && seen.kind === "manifest"
  ).map(({ reference }) => reference);
}

const ACCEPT_ALL = "--insecure-policy";

Deno.test("attest: index and children say where they came from, before the tag is there, and once", async () => {
  await using pair = new AttestingPair();
  const image = app();
  const [amd64, arm64] = image.manifests;
  pair.source.install(REPO, "v1", image);
  const { code, stderr } = await pair.attest(undefined, [ACCEPT_ALL]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "3 manifests attested");
  const { source, destination } = pair;
  const from = {
    reference: `${source.host}/${REPO}:v1`,
    digest: image.digest,
  };
  const platforms = [
    { platform: "linux/amd64", digest: amd64!.digest },
    { platform: "linux/arm64", digest: arm64!.digest },
  ];
  const cases: [{ digest: string }, unknown[]][] = [
    [image, platforms],
    [amd64!, platforms.slice(0, 1)],
    [arm64!, platforms.slice(1)],
  ];
  for (const [{ digest }, covered] of cases) {
    const [statement, ...more] = attested(destination, digest);
    assertEquals(more, []);
    assertEquals(
      statement!.subject.map((one) => `sha256:${one.digest.sha256}`),
      [digest],
    );
    assertEquals(statement!.predicateType, MIRROR);
    const { predicate } = statement!;
    assertValid(predicate);
    assertEquals(predicate.sources, [from]);
    assertEquals(predicate.destination, {
      reference: `${destination.host}/${REPO}:v1`,
      digest: image.digest,
    });
    assertEquals(predicate.platforms, covered);
    assertEquals(predicate.policy, undefined);
    assertEquals(predicate.mirroredBy.name, "hangar");
    assert(Math.abs(Date.parse(predicate.mirroredAt) - Date.now()) < 600_000);
  }
  const puts = manifestPuts(pair);
  assertEquals(puts.at(-1), "v1");
  assertEquals(puts.at(-2), tagOf(image.digest, "att"));
  destination.clear();
  const again = await pair.attest(undefined, [ACCEPT_ALL]);
  assertStringIncludes(again.stderr, "1 up to date");
  assertEquals(manifestPuts(pair), []);
  const withAttest = destination.requests.length;
  destination.clear();
  await pair.mirror(
    `${REPO}:v1`,
    [...pair.flags.slice(0, 1), ACCEPT_ALL],
    pair.options,
  );
  assertEquals(withAttest, destination.requests.length + 1);
  const proof = await pair.check(undefined, [ACCEPT_ALL]);
  assertEquals(proof.code, 0, proof.stderr);
});

Deno.test("attest: an image that is up to date is attested too, and validate misses it before", async () => {
  await using pair = new AttestingPair();
  const image = makeImage({ seed: "single" });
  pair.source.install(REPO, "v1", image);
  await pair.mirror(`${REPO}:v1`, [...pair.flags.slice(0, 1)], pair.options);
  const before = await pair.check();
  assertEquals(before.code, 1);
  assertStringIncludes(
    before.stderr,
    `missing: own attestation of ${image.digest}`,
  );
  const { stderr } = await pair.attest();
  assertStringIncludes(stderr, "1 up to date");
  assertStringIncludes(stderr, "1 manifest attested");
  assertEquals((await pair.check()).code, 0);
});

Deno.test("attest: the policy, and by whose signatures it accepted what, with a verification summary", async () => {
  await using pair = new AttestingPair();
  const image = app();
  const [amd64, arm64] = image.manifests;
  pair.source.install(REPO, "v1", image);
  const digest = pair.demandSignatures([amd64!, arm64!]);
  const policy = `--policy=${pair.policy}`;
  const { code, stderr } = await pair.attest(undefined, [policy]);
  assertEquals(code, 0, stderr);
  const der = pair.maker.publicKey.export({ type: "spki", format: "der" });
  const signers = [{ key: sha256(new Uint8Array(der)) }];
  const accepted = [amd64!, arm64!].map((one) => ({
    digest: one.digest,
    signers,
  })).sort((a, b) => a.digest < b.digest ? -1 : 1);
  const [summary, mirrored] = attested(pair.destination, image.digest);
  assertEquals(mirrored!.predicateType, MIRROR);
  assertValid(mirrored!.predicate);
  assertEquals(mirrored!.predicate.policy, {
    digest,
    enforced: true,
    accepted,
  });
  assertEquals(summary!.predicateType, VSA);
  const { verificationResult, policy: named, verifier, resourceUri } =
    summary!.predicate;
  assertEquals(verificationResult, "PASSED");
  assertEquals(`sha256:${named.digest.sha256}`, digest);
  assertEquals(verifier.id, "https://jsr.io/@hangar/mirror");
  assertEquals(resourceUri, `oci://${pair.destination.host}/${REPO}:v1`);
  assertEquals(summary!.predicate.hangar_accepted, accepted);
  const [, ofChild] = attested(pair.destination, arm64!.digest);
  assertEquals(
    ofChild!.predicate.policy.accepted,
    [{ digest: arm64!.digest, signers }],
  );
  assertEquals((await pair.check(undefined, [policy])).code, 0);
  // Under another policy it was not accepted yet.
  const other = `${pair.directory}/other.json`;
  await Deno.writeTextFile(
    other,
    `${await Deno.readTextFile(pair.policy)}\n`,
  );
  const proof = await pair.check(undefined, [`--policy=${other}`]);
  assertEquals(proof.code, 1);
  assertStringIncludes(
    proof.stderr,
    `different: own attestation of ${image.digest}: the policy was ${digest}, want sha256:`,
  );
  await pair.attest(undefined, [`--policy=${other}`]);
  assertEquals(attested(pair.destination, image.digest).length, 4);
  assertEquals((await pair.check(undefined, [policy])).code, 0);
});

Deno.test("attest: another source is another attestation", async () => {
  await using pair = new AttestingPair();
  const image = makeImage({ seed: "single" });
  for (const tag of ["v1", "v2"]) pair.source.install(REPO, tag, image);
  const { source, destination } = pair;
  await pair.attest();
  await pair.mirror(`${REPO}:v2`);
  const proof = await pair.check(`${REPO}:v2`);
  assertStringIncludes(
    proof.stderr,
    `different: own attestation of ${image.digest}: it came from ${source.host}/${REPO}:v1@${image.digest}, want ${source.host}/${REPO}:v2@${image.digest}`,
  );
  await pair.attest(`${REPO}:v2`);
  assertEquals(
    attested(destination, image.digest).map(({ predicate }) =>
      predicate.sources[0].reference
    ),
    ["v1", "v2"].map((tag) => `${source.host}/${REPO}:${tag}`),
  );
});

Deno.test("attest: what was added to a sparse index is attested with it", async () => {
  await using pair = new AttestingPair({ quirks: { sparse: "taken" } });
  pair.damaged = true;
  const image = app();
  const [amd64, arm64] = image.manifests;
  pair.source.install(REPO, "v1", image);
  const sparse = ["--index=sparse", ACCEPT_ALL];
  await pair.attest(undefined, [...sparse, "--arch=amd64"]);
  assertEquals(attested(pair.destination, arm64!.digest), []);
  const early = await pair.check(undefined, sparse);
  assertStringIncludes(early.stderr, "it does not cover linux/arm64");
  await pair.attest(undefined, sparse);
  const [first, second] = attested(pair.destination, image.digest);
  assertEquals(first!.predicate.platforms.length, 1);
  assertEquals(second!.predicate.platforms.length, 2);
  assertEquals(attested(pair.destination, amd64!.digest).length, 1);
  assertEquals(attested(pair.destination, arm64!.digest).length, 1);
  assertEquals((await pair.check(undefined, sparse)).code, 0);
});

Deno.test("attest: an index with entries of others is not attested, its own parts are", async () => {
  await using pair = new AttestingPair();
  const image = app("app", ["linux/amd64"]);
  pair.source.install(REPO, "v1", image);
  const other = makeImage({ seed: "other", platform: "linux/s390x" });
  pair.destination.install(REPO, "v1", makeIndex([other]));
  const { stderr } = await pair.attest();
  assertStringIncludes(stderr, "is not signed: it holds entries that only");
  const digest = pair.destination.digestOf(REPO, "v1")!;
  assertEquals(attested(pair.destination, digest), []);
  assertEquals(attested(pair.destination, other.digest), []);
  const [amd64] = image.manifests;
  assertEquals(attested(pair.destination, amd64!.digest).length, 1);
});

for (
  const [name, tamper] of [
    ["payload", (json) => {
      const text = new TextDecoder().decode(
        Uint8Array.fromBase64(json["payload"]!),
      );
      const other = text.replace("/corp/app:v1", "/evil/app:v1");
      assert(other !== text);
      return { ...json, payload: btoa(other) };
    }],
    ["signature", (json) => ({
      ...json,
      signatures: [{ keyid: "", sig: btoa("none") }],
    })],
  ] as [
    string,
    (json: Record<string, string>) => Record<string, unknown>,
  ][]
) {
  Deno.test(`attest: a changed ${name} is no attestation`, async () => {
    await using pair = new AttestingPair();
    const image = makeImage({ seed: "single" });
    pair.source.install(REPO, "v1", image);
    await pair.attest();
    const tag = tagOf(image.digest, "att");
    const stored = pair.destination.manifest(REPO, tag)!;
    const json = JSON.parse(new TextDecoder().decode(stored.bytes));
    const [layer] = json.layers;
    const changed = new TextEncoder().encode(JSON.stringify(
      tamper(JSON.parse(
        new TextDecoder().decode(pair.destination.blob(layer.digest)!),
      )),
    ));
    json.layers = [{
      ...layer,
      digest: sha256(changed),
      size: changed.length,
      data: changed.toBase64(),
    }];
    const bytes = new TextEncoder().encode(JSON.stringify(json));
    const manifest = {
      bytes,
      digest: sha256(bytes),
      mediaType: stored.mediaType,
    };
    pair.destination.install(REPO, tag, {
      ...manifest,
      manifests: [manifest],
      blobs: new Map([[sha256(changed), changed]]),
    });
    const proof = await pair.check();
    assertEquals(proof.code, 1);
    assertStringIncludes(
      proof.stderr,
      `missing: own attestation of ${image.digest}`,
    );
    // It is made again, beside what is there.
    const again = await pair.attest();
    assertStringIncludes(again.stderr, "1 manifest attested");
    assertEquals((await pair.check()).code, 0);
  });
}

Deno.test("attest: the next mirror copies what the last one attested, and adds its own", async () => {
  await using pair = new AttestingPair();
  await using third = new Pair();
  const image = app();
  pair.source.install(REPO, "v1", image);
  await pair.attest();
  const next = await hangar([
    "mirror",
    "-f-",
    `--source=http://${pair.destination.host}`,
    `--destination=http://${third.destination.host}`,
    `--failed=${pair.failed}`,
    ...pair.flags,
  ], { stdin: `${REPO}:v1`, ...pair.options });
  assertEquals(next.code, 0, next.stderr);
  for (const { digest } of image.manifests) {
    assertEquals(
      attested(third.destination, digest).map(({ predicate }) =>
        predicate.destination.reference
      ),
      [pair.destination, third.destination].map(({ host }) =>
        `${host}/${REPO}:v1`
      ),
    );
  }
});

for (const referrers of [true, false]) {
  Deno.test(`attest: as bundles, ${referrers ? "with" : "without"} the referrers API, once`, async () => {
    await using pair = new AttestingPair({ referrers });
    const image = app();
    pair.source.install(REPO, "v1", image);
    const bundle = ["--sign-format=bundle"];
    const first = await pair.attest(undefined, bundle);
    assertEquals(first.code, 0, first.stderr);
    assertStringIncludes(first.stderr, "3 manifests attested");
    assertEquals(
      pair.destination.digestOf(REPO, tagOf(image.digest, "att")),
      undefined,
    );
    pair.destination.clear();
    const again = await pair.attest(undefined, bundle);
    assertStringIncludes(again.stderr, "1 up to date");
    assertEquals(manifestPuts(pair), []);
    const withAttest = pair.destination.requests.length;
    pair.destination.clear();
    const flags = [...pair.flags.slice(0, 1), ...bundle];
    await pair.mirror(`${REPO}:v1`, flags, pair.options);
    assertEquals(withAttest, pair.destination.requests.length + 1);
    const proof = await pair.check(undefined, bundle);
    assertEquals(proof.code, 0, proof.stderr);
    const other = await pair.check(undefined);
    assertEquals(other.code, 1, "in cosign's form there is none");
  });
}

Deno.test("attest: a damaged attestation is made whole by --overwrite", async () => {
  await using pair = new AttestingPair();
  const image: MadeImage = makeImage({ seed: "single" });
  pair.source.install(REPO, "v1", image);
  await pair.attest();
  const stored = pair.destination.manifest(REPO, tagOf(image.digest, "att"))!;
  const { layers } = JSON.parse(new TextDecoder().decode(stored.bytes));
  pair.destination.remove(REPO, layers[0].digest);
  const proof = await pair.check();
  assertStringIncludes(proof.stderr, "missing: own attestation");
  const repaired = await pair.attest(undefined, ["--overwrite"]);
  assertEquals(repaired.code, 0, repaired.stderr);
  assertEquals((await pair.check()).code, 0);
});

Deno.test("attest: without a signer it is wrong usage", async () => {
  await using pair = new AttestingPair();
  for (const run of ["mirror", "validate"] as const) {
    const { code, stderr } = await pair[run](`${REPO}:v1`, ["--attest"]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "--attest wants a signer");
  }
  assertEquals(pair.source.requests.length, 0);
});
