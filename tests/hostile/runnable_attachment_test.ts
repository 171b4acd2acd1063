import { assertEquals, assertStringIncludes } from "@std/assert";
import { gzipSync } from "node:zlib";
import {
  type MadeImage,
  makeFallback,
  makeImage,
  makeIndex,
  makeReferrer,
  makeSignatures,
  randomBytes,
  sha256,
} from "../support/images.ts";
import { Pair } from "../support/pair.ts";
import { makeKey, signaturesOf } from "../support/signing.ts";
import { attack } from "./attack.ts";

const app = makeImage({ seed: "app" });
const evil = makeImage({ seed: "evil" });
const tagOf = (image: MadeImage, suffix: string) =>
  `${image.digest.replace(":", "-")}${suffix}`;

/** The same image with more, or other, fields of its manifest. */
function withFields(
  image: MadeImage,
  change: (json: { layers: unknown[]; [key: string]: unknown }) => void,
): MadeImage {
  const json = JSON.parse(new TextDecoder().decode(image.bytes));
  change(json);
  const bytes = new TextEncoder().encode(JSON.stringify(json));
  const made = { bytes, mediaType: image.mediaType, digest: sha256(bytes) };
  return { ...image, ...made, manifests: [made] };
}

const refersToApp = (image: MadeImage) =>
  withFields(image, (json) => {
    json["subject"] = {
      mediaType: app.mediaType,
      digest: app.digest,
      size: app.bytes.byteLength,
    };
  });

/** A tar archive of one file. */
function tarball(size: number): Uint8Array {
  const bytes = new Uint8Array(512 * (3 + Math.ceil(size / 512)));
  const put = (at: number, text: string) =>
    bytes.set(new TextEncoder().encode(text), at);
  put(0, "evil");
  put(100, "0000755\0");
  put(108, "0000000\0");
  put(116, "0000000\0");
  put(124, `${size.toString(8).padStart(11, "0")}\0`);
  put(136, "00000000000\0");
  put(148, "        0");
  put(257, "ustar\0" + "00");
  const sum = bytes.subarray(0, 512).reduce((a, b) => a + b, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  bytes.set(randomBytes(size, "content"), 512);
  return bytes;
}

/** An image that says of its layer that it is text. */
function disguised(layer: Uint8Array, { docker = false } = {}): MadeImage {
  const image = makeImage({ seed: "disguised", layers: [layer], docker });
  return withFields(image, (json) => {
    json.layers = [{
      mediaType: "text/spdx",
      digest: sha256(layer),
      size: layer.byteLength,
    }];
    if (docker) {
      json["config"] = {
        ...json["config"] as Record<string, unknown>,
        mediaType: "application/vnd.example.config+json",
      };
    }
  });
}

/** A policy that wants a signature, and an image that has it. */
class PolicyPair extends Pair {
  readonly key = makeKey();
  readonly reference = `${this.source.host}/corp/app:v1`;
  readonly report = `${this.directory}/report.json`;
  readonly flags: string[];

  constructor(...options: ConstructorParameters<typeof Pair>) {
    super(...options);
    const keys = `${this.directory}/key.pub`;
    Deno.writeTextFileSync(keys, this.key.publicPem);
    const policy = `${this.directory}/policy.json`;
    Deno.writeTextFileSync(
      policy,
      JSON.stringify({ default: [{ type: "sigstoreSigned", keyPath: keys }] }),
    );
    this.flags = [`--policy=${policy}`, `--report=${this.report}`];
    this.source.install("corp/app", "v1", app);
    this.sign(app);
  }

  sign(image: MadeImage) {
    const { key, reference } = this;
    this.source.install(
      "corp/app",
      tagOf(image, ".sig"),
      signaturesOf(image.digest, [{ key, reference }]),
    );
  }

  async assertRejected(): Promise<void> {
    const { code, stderr } = await this.mirror("corp/app:v1", this.flags);
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, "the policy does not accept");
    const report = JSON.parse(await Deno.readTextFile(this.report));
    assertEquals(report.images[0].error.code, "rejected");
    assertEquals(this.destination.digestOf("corp/app", "v1"), undefined);
    for (const layer of evil.blobs.keys()) {
      assertEquals(this.destination.hasBlob("corp/app", layer), false);
    }
  }
}

const ATTACHED: Readonly<Record<string, (pair: PolicyPair) => void>> = {
  "an ordinary image under .sbom": ({ source }) =>
    source.install("corp/app", tagOf(app, ".sbom"), evil),
  "an image of Docker's under .att": ({ source }) =>
    source.install(
      "corp/app",
      tagOf(app, ".att"),
      makeImage({ seed: "evil", docker: true }),
    ),
  "an index of images under .sbom": ({ source }) =>
    source.install("corp/app", tagOf(app, ".sbom"), makeIndex([evil])),
  "an index in an index under .sbom": ({ source }) =>
    source.install(
      "corp/app",
      tagOf(app, ".sbom"),
      makeIndex([makeIndex([evil])]),
    ),
  "a layer beside the signatures": ({ source, key, reference }) => {
    const signatures = signaturesOf(app.digest, [{ key, reference }]);
    const layer = randomBytes(100, "evil layer");
    const made = withFields(signatures, (json) =>
      json.layers.push({
        mediaType: "application/vnd.oci.image.layer.v1.tar+zstd",
        digest: sha256(layer),
        size: layer.byteLength,
      }));
    source.install("corp/app", tagOf(app, ".sig"), {
      ...made,
      blobs: new Map([...made.blobs, [sha256(layer), layer]]),
    });
  },
  "a layer of no type": ({ source }) =>
    source.install(
      "corp/app",
      tagOf(app, ".sbom"),
      withFields(evil, (json) => {
        json.layers = json.layers.map((layer) => ({
          ...layer as Record<string, unknown>,
          mediaType: undefined,
        }));
      }),
    ),
  "an image whose layer is called an SBOM": ({ source }) =>
    source.install("corp/app", tagOf(app, ".sbom"), disguised(tarball(700))),
  "an image whose large layer is called an SBOM": ({ source }) =>
    source.install(
      "corp/app",
      tagOf(app, ".sbom"),
      disguised(tarball(600_000)),
    ),
  "an image whose packed layer is called an SBOM": ({ source }) =>
    source.install(
      "corp/app",
      tagOf(app, ".sbom"),
      disguised(new Uint8Array(gzipSync(tarball(700)))),
    ),
  "an image of Docker's with a config and a layer of other names": (
    { source },
  ) =>
    source.install(
      "corp/app",
      tagOf(app, ".sbom"),
      disguised(tarball(700), { docker: true }),
    ),
  "an image among the referrers of a tag": ({ source }) => {
    const referrer = refersToApp(evil);
    source.install("corp/app", tagOf(app, ""), makeFallback([referrer]));
  },
  "an image attached to what is attached": ({ source }) => {
    const sbom = makeSignatures(app.digest, ["sbom"]);
    source.install("corp/app", tagOf(app, ".sbom"), sbom);
    source.install("corp/app", tagOf(sbom, ".att"), evil);
  },
};

for (const [name, attach] of Object.entries(ATTACHED)) {
  attack(`${name} is judged like an image`, async () => {
    await using pair = new PolicyPair();
    attach(pair);
    await pair.assertRejected();
  });
  if (name.includes("called") || name.includes("other names")) continue;
  attack(`${name} is judged where it is there already`, async () => {
    await using pair = new PolicyPair();
    attach(pair);
    const free = await pair.mirror("corp/app:v1", ["--insecure-policy"]);
    assertEquals(free.code, 0, free.stderr);
    for (const flags of [pair.flags, [...pair.flags, "--dry-run"]]) {
      const { code, stderr } = await pair.mirror("corp/app:v1", flags);
      assertEquals(code, 1, stderr);
      assertStringIncludes(stderr, "the policy does not accept");
    }
    const { code, stderr } = await pair.validate("corp/app:v1", pair.flags);
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, "the policy does not accept");
  });
}

attack("an image among the referrers of the API is judged", async () => {
  await using pair = new PolicyPair({ referrers: true }, { referrers: true });
  pair.source.install("corp/app", undefined, refersToApp(evil));
  await pair.assertRejected();
});

Deno.test("policy: attachments that cannot be run go along unjudged, and what can be run where it is signed", async () => {
  await using pair = new PolicyPair({ referrers: true }, { referrers: true });
  const { source, destination } = pair;
  const attestation = makeSignatures(app.digest, ["attestation"]);
  source.install("corp/app", tagOf(app, ".att"), attestation);
  const referrer = makeReferrer(app, "sbom");
  source.install("corp/app", undefined, referrer);
  const runnable = makeImage({ seed: "debug tools" });
  source.install("corp/app", tagOf(app, ".sbom"), runnable);
  pair.sign(runnable);
  for (const says of ["1 copied", "1 up to date"]) {
    const { code, stderr } = await pair.mirror("corp/app:v1", pair.flags);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, says);
  }
  assertEquals(
    destination.tags(),
    [
      "corp/app:v1",
      ...[
        tagOf(app, ".att"),
        tagOf(app, ".sbom"),
        tagOf(app, ".sig"),
        tagOf(runnable, ".sig"),
      ].map((tag) => `corp/app:${tag}`),
    ].sort(),
  );
  assertEquals(
    destination.manifest("corp/app", referrer.digest)?.bytes,
    referrer.bytes,
  );
  const valid = await pair.validate("corp/app:v1", pair.flags);
  assertEquals(valid.code, 0, valid.stderr);
});
