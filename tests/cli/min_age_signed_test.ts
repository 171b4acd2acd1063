/**
 * `--min-age` where a transparency log proves when an image was signed.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { makeCertificate } from "../support/certificates.ts";
import { type MadeImage, makeImage, makeMultiArch } from "../support/images.ts";
import { ANN, ISSUER } from "../support/keyless.ts";
import { Pair } from "../support/pair.ts";
import { rekorPromise } from "../support/rekor.ts";
import { makeKey, signaturesOf, type TestKey } from "../support/signing.ts";

const REPO = "corp/app";
const LIST = `${REPO}:v1`;
const DAY = 24 * 60 * 60 * 1000;
const RECORD = `${REPO}:hangar-first-seen`;
const app = makeImage({ seed: "app" });

/** Midnight of a day of January. */
const day = (number: number) => Date.UTC(2024, 0, number);

/** A pair with a policy that wants signatures. */
class SignedPair extends Pair {
  readonly policy = `${this.directory}/policy.json`;
  readonly maker = makeKey();
  readonly log = makeKey();

  /** Writes a policy that trusts the log, unless it is told otherwise. */
  demand(trust: Record<string, unknown> = {}, hasLog = true): void {
    const requirement = {
      type: "sigstoreSigned",
      ...(hasLog && { rekorPublicKeyData: dataOf(this.log.publicPem) }),
      ...trust,
    };
    Deno.writeTextFileSync(
      this.policy,
      JSON.stringify({ default: [requirement] }),
    );
  }

  /** Demands the maker's signature. */
  demandMaker(hasLog = true): void {
    this.demand({ keyData: dataOf(this.maker.publicPem) }, hasLog);
  }

  /** Puts a signature to an image that the log recorded on a day. */
  sign(
    { digest }: Pick<MadeImage, "digest">,
    number: number,
    key: TestKey = this.maker,
    certificate?: string,
  ): void {
    const signatures = signaturesOf(digest, [{
      key,
      reference: `${this.source.host}/${LIST}`,
      annotations: (payload, signature) => ({
        "dev.sigstore.cosign/bundle": rekorPromise(this.log, {
          by: certificate ?? key.publicPem,
          payload,
          signature,
          time: day(number) / 1000,
        }),
        ...(certificate && { "dev.sigstore.cosign/certificate": certificate }),
      }),
    }]);
    const tag = `${digest.replace(":", "-")}.sig`;
    this.source.install(REPO, tag, signatures);
  }

  onDay(number: number, ...flags: string[]) {
    return this.mirror(LIST, this.#flags(flags), { now: () => day(number) });
  }

  validateOnDay(number: number) {
    return this.validate(LIST, this.#flags([]), { now: () => day(number) });
  }

  #flags(more: string[]): string[] {
    return ["--min-age=7d", `--policy=${this.policy}`, ...more];
  }

  /** The tags at the destination that are no signatures. */
  tags(): string[] {
    return this.destination.tags().filter((tag) => !tag.endsWith(".sig"));
  }
}

function dataOf(pem: string): string {
  return new TextEncoder().encode(pem).toBase64();
}

Deno.test("min-age: an image that was signed long ago is copied at once, without a record", async () => {
  await using pair = new SignedPair();
  pair.demandMaker();
  pair.source.install(REPO, "v1", app);
  pair.sign(app, 1);
  const { code, stderr } = await pair.onDay(8);
  assertEquals(code, 0, stderr);
  assertEquals(pair.tags(), [LIST]);
});

Deno.test("min-age: an image that was just signed waits, in a dry run and a validation too", async () => {
  await using pair = new SignedPair();
  pair.demandMaker();
  pair.source.install(REPO, "v1", app);
  pair.sign(app, 2);
  const runs = [
    () => pair.onDay(8),
    () => pair.onDay(8, "--dry-run"),
    () => pair.validateOnDay(8),
  ];
  for (const run of runs) {
    const { code, stderr } = await run();
    assertEquals(code, 0, stderr);
    assertStringIncludes(
      stderr,
      "left alone: it was signed at 2024-01-02T00:00:00Z, and is copied from 2024-01-09T00:00:00Z on (--min-age)",
    );
    assertEquals(pair.tags(), []);
  }
  await pair.onDay(9);
  assertEquals(pair.tags(), [LIST]);
});

Deno.test("min-age: of a multi-arch image, what was signed last counts", async () => {
  await using pair = new SignedPair();
  pair.demandMaker();
  const image = makeMultiArch("app");
  const [amd64, arm64] = image.manifests;
  pair.source.install(REPO, "v1", image);
  pair.sign(amd64!, 1);
  pair.sign(arm64!, 5);
  const { stderr } = await pair.onDay(11);
  assertStringIncludes(stderr, "it was signed at 2024-01-05T00:00:00Z");
  assertEquals(pair.tags(), []);
  await pair.onDay(12);
  assertEquals(pair.tags(), [LIST]);
});

Deno.test("min-age: the time of a log that the policy does not trust counts for nothing", async () => {
  await using pair = new SignedPair();
  pair.demandMaker(false);
  pair.source.install(REPO, "v1", app);
  pair.sign(app, 1);
  const { code, stderr } = await pair.onDay(20);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "it was first seen at 2024-01-20T00:00:00Z");
  assertEquals(pair.tags(), [RECORD]);
});

Deno.test("min-age: a log's time to come counts for nothing", async () => {
  await using pair = new SignedPair();
  pair.demandMaker();
  pair.source.install(REPO, "v1", app);
  pair.sign(app, 9);
  const { stderr } = await pair.onDay(8);
  assertStringIncludes(stderr, "it was first seen at 2024-01-08T00:00:00Z");
  assertEquals(pair.tags(), [RECORD]);
});

Deno.test("min-age: an image that the policy rejects is not just too young", async () => {
  await using pair = new SignedPair();
  pair.demandMaker();
  pair.source.install(REPO, "v1", app);
  for (const run of [() => pair.onDay(8), () => pair.validateOnDay(8)]) {
    const { code, stderr } = await run();
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, "the policy does not accept");
  }
  assertEquals(pair.tags(), []);
});

Deno.test("min-age: a keyless signature counts from when the log recorded it", async () => {
  await using pair = new SignedPair();
  const valid = { from: new Date(day(1) - DAY), until: new Date(day(2)) };
  const ca = makeCertificate({ isCa: true, name: "fulcio", ...valid });
  pair.demand({
    fulcio: {
      caData: dataOf(ca.pem),
      oidcIssuer: ISSUER,
      subjectEmail: ANN,
    },
  });
  const ann = makeCertificate({
    issuer: ca,
    email: ANN,
    oidcIssuer: ISSUER,
    ...valid,
  });
  pair.source.install(REPO, "v1", app);
  pair.sign(app, 1, ann, ann.pem);
  const young = await pair.onDay(7);
  assertStringIncludes(young.stderr, "it was signed at 2024-01-01T00:00:00Z");
  assertEquals(pair.tags(), []);
  const old = await pair.onDay(8);
  assertEquals(old.code, 0, old.stderr);
  assertEquals(pair.tags(), [LIST]);
});
