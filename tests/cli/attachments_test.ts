import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { FakeRegistry } from "../support/fake_registry.ts";
import {
  type MadeImage,
  makeFallback,
  makeImage,
  makeMultiArch,
  makeReferrer,
  makeSignatures,
} from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const REPO = "corp/app";

function tagOf(digest: string, suffix = ""): string {
  return digest.replace(":", "-") + suffix;
}

function json(image: { readonly bytes: Uint8Array } | undefined) {
  return JSON.parse(new TextDecoder().decode(image!.bytes));
}

/** An image with a signature, an attestation, an SBOM, and one signed SBOM. */
function installAttached(registry: FakeRegistry) {
  const app = makeMultiArch("app");
  const [amd64 = app] = app.manifests;
  const signed = makeSignatures(app.digest, ["one"]);
  const childSigned = makeSignatures(amd64.digest, ["child"]);
  const attested = makeSignatures(app.digest, ["attestation"]);
  const sbom = makeReferrer(app, "sbom");
  const sbomSignature = makeReferrer(sbom, "signature of the sbom");
  registry.install(REPO, "v1", app);
  registry.install(REPO, tagOf(app.digest, ".sig"), signed);
  registry.install(REPO, tagOf(app.digest, ".att"), attested);
  registry.install(REPO, tagOf(amd64.digest, ".sig"), childSigned);
  for (const [subject, referrer] of [[app, sbom], [sbom, sbomSignature]]) {
    registry.install(
      REPO,
      tagOf(subject!.digest),
      makeFallback([referrer as MadeImage]),
    );
  }
  return { app, amd64, signed, childSigned, sbom, sbomSignature };
}

for (const from of [true, false]) {
  for (const to of [true, false]) {
    Deno.test(
      `attachments: all of them arrive, from a registry ${
        from ? "with" : "without"
      } the referrers API to one ${to ? "with" : "without"}, and once`,
      async () => {
        await using pair = new Pair({ referrers: to }, { referrers: from });
        const made = installAttached(pair.source);
        const first = await pair.mirror(`${REPO}:v1`);
        assertEquals(first.code, 0, first.stderr);
        assertStringIncludes(
          first.stderr,
          "5 signatures and referrers found, 5 of them copied",
        );
        const { destination } = pair;
        const { app, amd64, signed, childSigned, sbom, sbomSignature } = made;
        assertEquals(
          destination.digestOf(REPO, tagOf(app.digest, ".sig")),
          signed.digest,
        );
        assertEquals(
          destination.digestOf(REPO, tagOf(amd64.digest, ".sig")),
          childSigned.digest,
        );
        const listed = (subject: string) =>
          (to
            ? destination.referrersOf(REPO, subject)
            : json(destination.manifest(REPO, tagOf(subject))).manifests)
            .map((d: { digest: string; artifactType: string }) =>
              `${d.digest} ${d.artifactType}`
            );
        assertEquals(listed(app.digest), [
          `${sbom.digest} application/spdx+json`,
        ]);
        assertEquals(listed(sbom.digest), [
          `${sbomSignature.digest} application/spdx+json`,
        ]);
        // The tag is the last thing written.
        const puts = destination.requests.filter((r) => r.method === "PUT");
        assertEquals(puts.at(-1)?.reference, "v1");

        destination.clear();
        const again = await pair.mirror(`${REPO}:v1`);
        assertEquals(again.code, 0, again.stderr);
        assertStringIncludes(
          again.stderr,
          "5 signatures and referrers found, 0 of them copied",
        );
        assertEquals(
          destination.requests.filter((r) =>
            !["GET", "HEAD"].includes(r.method)
          ),
          [],
        );
        const valid = await pair.validate(`${REPO}:v1`);
        assertEquals(valid.code, 0, valid.stderr);
      },
    );
  }
}

Deno.test("attachments: validate names those that are missing", async () => {
  await using pair = new Pair();
  const { app, sbom } = installAttached(pair.source);
  assertEquals(
    (await pair.mirror(`${REPO}:v1`, ["--remove-signatures"])).code,
    0,
  );
  assertEquals(pair.destination.tags(), [`${REPO}:v1`]);
  const { code, stderr } = await pair.validate(`${REPO}:v1`);
  assertEquals(code, 1);
  assertStringIncludes(stderr, `missing: ${tagOf(app.digest, ".sig")} for`);
  assertStringIncludes(stderr, `missing: ${sbom.digest} for ${app.digest}`);
  assertEquals(
    (await pair.validate(`${REPO}:v1`, ["--remove-signatures"])).code,
    0,
  );
});

Deno.test("attachments: signatures made later are brought to an image that is up to date", async () => {
  await using pair = new Pair();
  const app = makeMultiArch("app");
  pair.source.install(REPO, "v1", app);
  assertEquals((await pair.mirror(`${REPO}:v1`)).code, 0);
  const tag = tagOf(app.digest, ".sig");
  pair.source.install(REPO, tag, makeSignatures(app.digest, ["late"]));
  const { stderr } = await pair.mirror(`${REPO}:v1`);
  assertStringIncludes(stderr, "1 up to date");
  assert(pair.destination.digestOf(REPO, tag) !== undefined);
});

Deno.test("attachments: signatures at both sides are united, and those of the destination kept", async () => {
  await using pair = new Pair();
  const app = makeImage({ seed: "app" });
  pair.source.install(REPO, "v1", app);
  const tag = tagOf(app.digest, ".sig");
  pair.source.install(REPO, tag, makeSignatures(app.digest, ["a", "b"]));
  pair.destination.install(REPO, tag, makeSignatures(app.digest, ["own", "a"]));
  const { code, stderr } = await pair.mirror(`${REPO}:v1`);
  assertEquals(code, 0, stderr);
  const united = json(pair.destination.manifest(REPO, tag));
  const signatures = united.layers.map((
    layer: { annotations: Record<string, string> },
  ) => atob(layer.annotations["dev.cosignproject.cosign/signature"]!));
  assertEquals(signatures, ["own", "a", "b"]);
  assert(pair.destination.hasBlob(REPO, united.config.digest));
  const before = pair.destination.digestOf(REPO, tag);
  await pair.mirror(`${REPO}:v1`);
  assertEquals(pair.destination.digestOf(REPO, tag), before);
});

Deno.test("attachments: referrers made at the destination stay in the list that a client keeps", async () => {
  await using pair = new Pair();
  const app = makeImage({ seed: "app" });
  pair.source.install(REPO, "v1", app);
  const [brought, own] = [makeReferrer(app, "a"), makeReferrer(app, "own")];
  pair.source.install(REPO, tagOf(app.digest), makeFallback([brought]));
  pair.destination.install(REPO, tagOf(app.digest), makeFallback([own]));
  const { code, stderr } = await pair.mirror(`${REPO}:v1`);
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.entries(REPO, tagOf(app.digest)), [
    own.digest,
    brought.digest,
  ]);
});

Deno.test("attachments: what was signed as an index stays behind when the index is rebuilt", async () => {
  await using pair = new Pair();
  const { app, amd64 } = installAttached(pair.source);
  const { code, stderr } = await pair.mirror(`${REPO}:v1`, ["-a", "amd64"]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(
    stderr,
    "3 signatures or referrers of the source's index stay behind",
  );
  const { destination } = pair;
  assert(destination.digestOf(REPO, tagOf(amd64.digest, ".sig")));
  assertEquals(
    destination.digestOf(REPO, tagOf(app.digest, ".sig")),
    undefined,
  );
});

Deno.test("attachments: many pages of referrers are read, and a listing of tags that is denied is one warning", async () => {
  await using pair = new Pair({ referrers: true }, {
    referrers: true,
    referrerPageSize: 2,
    quirks: { tagsStatus: 403 },
  });
  const app = makeImage({ seed: "app" });
  const other = makeImage({ seed: "other" });
  pair.source.install(REPO, "v1", app);
  pair.source.install(REPO, "v2", other);
  pair.source.install(
    REPO,
    tagOf(app.digest, ".sig"),
    makeSignatures(app.digest, ["one"]),
  );
  for (const seed of ["a", "b", "c", "d", "e"]) {
    pair.source.install(REPO, undefined, makeReferrer(app, seed));
  }
  const { code, stderr } = await pair.mirror(`${REPO}:v1\n${REPO}:v2`, ["-j2"]);
  assertEquals(code, 0, stderr);
  assertEquals(stderr.match(/cannot be listed/g)?.length, 1);
  assertEquals(pair.destination.referrersOf(REPO, app.digest).length, 5);
  assert(pair.destination.digestOf(REPO, tagOf(app.digest, ".sig")));
});

Deno.test("attachments: a referrer that refers to something else is left behind", async () => {
  await using pair = new Pair();
  const app = makeImage({ seed: "app" });
  pair.source.install(REPO, "v1", app);
  const stranger = makeReferrer(makeImage({ seed: "other" }), "stranger");
  pair.source.install(REPO, tagOf(app.digest), makeFallback([stranger]));
  const { code, stderr } = await pair.mirror(`${REPO}:v1`);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "does not refer to it: left behind");
  assertEquals(pair.destination.tags(), [`${REPO}:v1`]);
});

Deno.test("attachments: lists of referrers that lead in a circle come to an end", async () => {
  await using pair = new Pair();
  const app = makeImage({ seed: "app" });
  pair.source.install(REPO, "v1", app);
  const sbom = makeReferrer(app, "sbom");
  pair.source.install(REPO, tagOf(app.digest), makeFallback([sbom]));
  // No digest can really refer to itself; a list can say so.
  pair.source.install(REPO, tagOf(sbom.digest), makeFallback([sbom]));
  const { code, stderr } = await pair.mirror(`${REPO}:v1`);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "left behind");
  assert(pair.destination.manifest(REPO, sbom.digest));
});

Deno.test("attachments: a pinned image brings its own", async () => {
  await using pair = new Pair();
  const { app, amd64 } = installAttached(pair.source);
  const list = `${REPO}@${app.digest}`;
  const { code, stderr } = await pair.mirror(list);
  assertEquals(code, 0, stderr);
  assert(pair.destination.digestOf(REPO, tagOf(app.digest, ".sig")));
  assert(pair.destination.digestOf(REPO, tagOf(amd64.digest, ".sig")));
  assertEquals((await pair.validate(list)).code, 0);
});

Deno.test("attachments: a line that names a tag of signatures is skipped with a warning", async () => {
  await using pair = new Pair();
  const { app } = installAttached(pair.source);
  const { code, stderr } = await pair.mirror(
    `${REPO}:${tagOf(app.digest, ".sig")}`,
  );
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "list that image instead");
  assertStringIncludes(stderr, "1 skipped");
  assertEquals(pair.destination.tags(), []);
});

Deno.test("attachments: the cost of looking for them is one listing and one question for each digest", async () => {
  await using pair = new Pair({}, { referrers: true });
  pair.source.install(REPO, "v1", makeMultiArch("app"));
  await pair.mirror(`${REPO}:v1`);
  pair.source.clear();
  pair.destination.clear();
  const { stderr } = await pair.mirror(`${REPO}:v1`, ["--skip-login"]);
  assertStringIncludes(stderr, "1 up to date");
  assertEquals(pair.source.requests.map((r) => r.kind).sort(), [
    "manifest",
    "ping",
    "referrers",
    "referrers",
    "referrers",
    "tags",
  ]);
  assertEquals(pair.destination.requests.map((r) => r.kind).sort(), [
    "manifest",
    "ping",
  ]);
});

Deno.test("attachments: each that is there already costs the destination one question", async () => {
  await using pair = new Pair({ referrers: true }, { referrers: true });
  const app = makeImage({ seed: "app" });
  pair.source.install(REPO, "v1", app);
  pair.source.install(REPO, undefined, makeReferrer(app, "sbom"));
  pair.source.install(
    REPO,
    tagOf(app.digest, ".sig"),
    makeSignatures(app.digest, ["one"]),
  );
  await pair.mirror(`${REPO}:v1`);
  pair.destination.clear();
  const { stderr } = await pair.mirror(`${REPO}:v1`, ["--skip-login"]);
  assertStringIncludes(stderr, "1 up to date");
  assertEquals(
    pair.destination.requests.map((r) => `${r.method} ${r.kind}`).sort(),
    ["GET manifest", "GET ping", "GET referrers"].concat(
      ["HEAD manifest", "HEAD manifest"],
    ),
  );
});

Deno.test("attachments: referrers that are denied in one repository are one warning, and those of others come along", async () => {
  await using pair = new Pair({ referrers: true }, { referrers: true });
  const images = ["denied", "open"].map((seed) => {
    const image = makeMultiArch(seed);
    pair.source.install(`corp/${seed}`, "v1", image);
    pair.source.install(`corp/${seed}`, undefined, makeReferrer(image, seed));
    return image;
  });
  pair.source.fault({
    match: { kind: "referrers", repository: "corp/denied" },
    action: { status: 403, code: "DENIED" },
  });
  const { code, stderr } = await pair.mirror("corp/denied:v1\ncorp/open:v1");
  assertEquals(code, 0, stderr);
  assertEquals(
    stderr.match(/referrers of source .* cannot be listed/g)?.length,
    1,
  );
  const [denied, open] = images;
  const held = (repository: string, image = denied) =>
    pair.destination.referrersOf(repository, image!.digest).length;
  assertEquals([held("corp/denied"), held("corp/open", open)], [0, 1]);
});

Deno.test("attachments: ten pages of tags are read, then each tag is looked for", async () => {
  await using pair = new Pair({}, { tagPageSize: 2 });
  const app = makeImage({ seed: "app" });
  const sig = makeSignatures(app.digest, ["key"]);
  const tag = `${app.digest.replace(":", "-")}.sig`;
  for (let i = 0; i < 30; i++) {
    pair.source.install("corp/app", `release-${100 + i}`, app);
  }
  pair.source.install("corp/app", tag, sig);
  const { code, stderr } = await pair.mirror("corp/app:release-100");
  assertEquals(code, 0, stderr);
  assertEquals(pair.source.count({ kind: "tags" }), 10);
  assertEquals(pair.source.count({ method: "HEAD", reference: tag }) > 0, true);
  assertEquals(pair.destination.digestOf("corp/app", tag), sig.digest);
});

Deno.test("attachments: a referrer that is listed and gone is told as what it is", async () => {
  await using pair = new Pair();
  const app = makeImage({ seed: "app" });
  const referrer = makeReferrer(app, "sbom");
  pair.source.install(REPO, "v1", app);
  pair.source.install(REPO, tagOf(app.digest), makeFallback([referrer]));
  pair.source.remove(REPO, referrer.digest);
  const { code, stderr } = await pair.mirror(`${REPO}:v1`);
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, referrer.digest);
  assertStringIncludes(stderr, "a signature or referrer that is gone");
  assert(!stderr.includes("--platform"), stderr);
  assertEquals(pair.destination.tags(), []);
  const without = await pair.mirror(`${REPO}:v1`, ["--remove-signatures"]);
  assertEquals(without.code, 0, without.stderr);
});
