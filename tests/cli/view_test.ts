import { assertEquals, assertStringIncludes } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import {
  type MadeImage,
  makeImage,
  makeIndex,
  sha256,
} from "../support/images.ts";

const REPO = "corp/app";
const SLSA = "https://slsa.dev/provenance/v1";
const SPDX = "https://spdx.dev/Document";
const encode = (json: unknown) =>
  new TextEncoder().encode(JSON.stringify(json));

interface Layer {
  readonly content: unknown;
  readonly mediaType: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A manifest whose layers are documents. */
function documents(
  layers: readonly Layer[],
  more: Readonly<Record<string, unknown>> = {},
): MadeImage {
  const blobs = new Map<string, Uint8Array>();
  const described = [{
    content: {},
    mediaType: "application/vnd.oci.image.config.v1+json",
  }, ...layers].map(({ content, mediaType, ...rest }: Layer) => {
    const bytes = encode(content);
    blobs.set(sha256(bytes), bytes);
    return {
      mediaType,
      digest: sha256(bytes),
      size: bytes.byteLength,
      annotations: rest.annotations,
    };
  });
  const [config, ...rest] = described;
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const bytes = encode({
    schemaVersion: 2,
    mediaType,
    config,
    layers: rest,
    ...more,
  });
  const manifest = { bytes, mediaType, digest: sha256(bytes) };
  return { ...manifest, manifests: [manifest], blobs };
}

const statement = (predicateType: string, predicate: unknown) => ({
  _type: "https://in-toto.io/Statement/v1",
  subject: [],
  predicateType,
  predicate,
});

const envelope = (json: unknown) => ({
  payloadType: "application/vnd.in-toto+json",
  payload: btoa(JSON.stringify(json)),
  signatures: [{ sig: "AA==" }],
});

const bare = (type: string, predicate: unknown): Layer => ({
  content: statement(type, predicate),
  mediaType: "application/vnd.in-toto+json",
  annotations: { "in-toto.io/predicate-type": type },
});

const cosign = (type: string, predicate: unknown): Layer => ({
  content: envelope(statement(type, predicate)),
  mediaType: "application/vnd.dsse.envelope.v1+json",
  annotations: { predicateType: type },
});

const bundle = (type: string, predicate: unknown): Layer => ({
  content: {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: {},
    dsseEnvelope: envelope(statement(type, predicate)),
  },
  mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
});

/** What is printed of each kind, with and without the statement. */
async function view(host: string, ...args: string[]) {
  const run = async (kind: string, ...more: string[]) => {
    const { code, stdout, stderr } = await hangar(
      ["view", kind, `docker://${host}/${REPO}:v1`, ...args, ...more],
    );
    return code === 0 ? JSON.parse(stdout) : stderr;
  };
  return {
    provenance: await run("provenance"),
    sbom: await run("sbom"),
    sbomAlone: await run("sbom", "--predicate"),
  };
}

const WANT = {
  provenance: statement(SLSA, { builder: "b" }),
  sbom: statement(SPDX, { name: "s" }),
  sbomAlone: { name: "s" },
};

Deno.test("view: BuildKit's attestations of the chosen platform", async () => {
  await using registry = FakeRegistry.start();
  const images = ["linux/amd64", "linux/arm64"].map((platform) =>
    makeImage({ seed: platform, platform })
  );
  const attestations = images.map((image, i) => ({
    ...documents([
      bare(SPDX, { name: i === 0 ? "s" : "arm" }),
      bare(SLSA, { builder: "b" }),
    ]),
    platform: { os: "unknown", architecture: "unknown" },
    annotations: {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": image.digest,
    },
  }));
  registry.install(REPO, "v1", makeIndex([...images, ...attestations]));
  assertEquals(await view(registry.host, "--override-arch=amd64"), WANT);
  const arm = await view(registry.host, "--override-arch=arm64");
  assertEquals(arm.sbomAlone, { name: "arm" });
});

for (
  const [where, put] of [
    ["cosign's .att tag", (registry, image) =>
      registry.install(
        REPO,
        `${image.digest.replace(":", "-")}.att`,
        documents([
          cosign(SLSA, { builder: "b" }),
          cosign(SPDX, { name: "s" }),
        ]),
      )],
    ["referrers that are bundles", (registry, image) => {
      const subject = {
        mediaType: image.mediaType,
        digest: image.digest,
        size: image.bytes.byteLength,
      };
      for (
        const layer of [
          bundle("https://example.com/other", {}),
          bundle(SLSA, { builder: "b" }),
          bundle(SPDX, { name: "s" }),
        ]
      ) {
        registry.install(REPO, undefined, documents([layer], { subject }));
      }
    }],
  ] as readonly [string, (registry: FakeRegistry, image: MadeImage) => void][]
) {
  Deno.test(`view: ${where}`, async () => {
    await using registry = FakeRegistry.start({ referrers: true });
    const image = makeImage({ seed: "a" });
    registry.install(REPO, "v1", image);
    put(registry, image);
    assertEquals(await view(registry.host), WANT);
  });
}

Deno.test("view: a bare SBOM under cosign's .sbom tag, and a referrer that is one", async () => {
  for (const kind of ["tag", "referrer"]) {
    await using registry = FakeRegistry.start({ referrers: true });
    const image = makeImage({ seed: "a" });
    registry.install(REPO, "v1", image);
    const sbom = { bomFormat: "CycloneDX" };
    const layer = {
      content: sbom,
      mediaType: "application/vnd.cyclonedx+json",
    };
    registry.install(
      REPO,
      kind === "tag" ? `${image.digest.replace(":", "-")}.sbom` : undefined,
      documents([layer], {
        ...kind === "referrer" && {
          subject: {
            mediaType: image.mediaType,
            digest: image.digest,
            size: image.bytes.byteLength,
          },
        },
      }),
    );
    const shown = await view(registry.host);
    assertEquals([shown.sbom, shown.sbomAlone], [sbom, sbom]);
    assertStringIncludes(
      shown.provenance,
      `hangar: ${registry.host}/${REPO}:v1 has no SLSA provenance: `,
    );
  }
});

Deno.test("view: what is malformed is passed over, and steers no terminal", async () => {
  await using registry = FakeRegistry.start();
  const image = makeImage({ seed: "a" });
  registry.install(REPO, "v1", image);
  const odd = (content: unknown): Layer => ({
    ...cosign(SPDX, {}),
    content,
  });
  registry.install(
    REPO,
    `${image.digest.replace(":", "-")}.att`,
    documents([
      odd("text"),
      odd([1]),
      odd({ payloadType: "x", payload: "%%%" }),
      odd({ payloadType: "x", payload: btoa("no JSON") }),
      odd(envelope({ no: "statement" })),
      cosign(SPDX, { name: "\u001b[31m" }),
    ]),
  );
  const { stdout } = await hangar([
    "view",
    "sbom",
    `${registry.host}/${REPO}:v1`,
  ]);
  assertEquals(stdout.includes("\u001b"), false);
  assertEquals(JSON.parse(stdout).predicate.name, "\u001b[31m");
});

Deno.test("view: into a file, which is overwritten after a yes", async () => {
  await using registry = FakeRegistry.start();
  const image = makeImage({ seed: "a" });
  registry.install(REPO, "v1", image);
  registry.install(
    REPO,
    `${image.digest.replace(":", "-")}.att`,
    documents([cosign(SPDX, { name: "s" })]),
  );
  const directory = await Deno.makeTempDir();
  try {
    const file = `${directory}/sbom.json`;
    const run = (...args: string[]) =>
      hangar([
        "view",
        "sbom",
        `${registry.host}/${REPO}:v1`,
        "-o",
        file,
        ...args,
      ]);
    const first = await run();
    assertEquals([first.code, first.stdout], [0, ""]);
    assertEquals(JSON.parse(await Deno.readTextFile(file)), WANT.sbom);
    await Deno.writeTextFile(file, "mine");
    const second = await run();
    assertEquals(second.code, 2);
    assertStringIncludes(second.stderr, "exists and is left as it is");
    assertEquals(await Deno.readTextFile(file), "mine");
    assertEquals((await run("-y")).code, 0);
    assertEquals(JSON.parse(await Deno.readTextFile(file)), WANT.sbom);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
