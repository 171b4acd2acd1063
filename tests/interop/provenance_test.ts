/**
 * Attestations between real registries, as cosign sees them.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { generateKeyPair } from "../../src/signatures/sigstore_key.ts";
import { hangar } from "../support/hangar.ts";
import { makeMultiArch, sha256 } from "../support/images.ts";
import {
  interopIgnored,
  pushImage,
  type RealRegistry,
  startDockerRegistry,
} from "./support.ts";
import {
  distributionProgram,
  startDistribution,
} from "./support/distribution.ts";
import { optionalTool, run } from "./support/tools.ts";

const REPO = "corp/app";
const TYPE = "https://jsr.io/@hangar/mirror/attestation/v1";
const VSA = "https://slsa.dev/verification_summary/v1";
const ENV = { COSIGN_PASSWORD: "pass" };
const cosign = optionalTool("cosign");
const cosign3 = optionalTool("cosign3");
const ACCEPT = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
].join(", ");

/** Keys and a trusted root without authorities, in a directory. */
class Desk implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync();

  constructor(...keys: string[]) {
    for (const key of keys) {
      const { privatePem, publicPem } = generateKeyPair(ENV.COSIGN_PASSWORD);
      Deno.writeTextFileSync(`${this.path}/${key}.key`, privatePem);
      Deno.writeTextFileSync(`${this.path}/${key}.pub`, publicPem);
    }
    Deno.writeTextFileSync(
      `${this.path}/root.json`,
      JSON.stringify({
        mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        tlogs: [],
        certificateAuthorities: [],
        ctlogs: [],
        timestampAuthorities: [],
      }),
    );
  }

  run(words: string[], list: string, flags: string[]) {
    return hangar([...words, "-f-", `-o${this.path}/failed.txt`, ...flags], {
      stdin: list,
      env: ENV,
    });
  }

  /** Runs cosign on an image, by a key. */
  cosign(program: string, key: string, args: string[]) {
    return run(program, [
      ...args.slice(0, 1),
      `--key=${this.path}/${key}.pub`,
      "--insecure-ignore-tlog=true",
      "--allow-http-registry",
      ...args.slice(1),
    ]);
  }

  async [Symbol.asyncDispose]() {
    await Deno.remove(this.path, { recursive: true });
  }
}

async function read(
  registry: RealRegistry,
  path: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const response = await registry.fetch(`/v2/${REPO}/${path}`, {
    headers: { accept: ACCEPT },
  });
  const bytes = await response.bytes();
  assert(response.ok, `${path}: ${response.status}`);
  return bytes;
}

async function digestAt(
  registry: RealRegistry,
  reference: string,
): Promise<string> {
  return sha256(await read(registry, `manifests/${reference}`));
}

/** Puts another statement in the place of an attestation, under its old signature. */
async function tamper(
  registry: RealRegistry,
  tag: string,
  { of, envelopeOf }: {
    /** The manifest that holds it. */
    readonly of: string;
    // deno-lint-ignore no-explicit-any
    readonly envelopeOf: (json: any) => { payload: string };
  },
): Promise<void> {
  const decode = (bytes: Uint8Array) =>
    JSON.parse(new TextDecoder().decode(bytes));
  const encode = (json: unknown) =>
    new TextEncoder().encode(JSON.stringify(json));
  const manifest = decode(await read(registry, `manifests/${of}`));
  const [layer] = manifest.layers;
  const content = decode(await read(registry, `blobs/${layer.digest}`));
  const envelope = envelopeOf(content);
  const text = atob(envelope.payload);
  assert(text.includes("corp/app:v1"));
  envelope.payload = btoa(text.replaceAll("corp/app:v1", "corp/app:v2"));
  const blob = encode(content);
  manifest.layers = [{
    ...layer,
    digest: sha256(blob),
    size: blob.length,
    data: blob.toBase64(),
  }];
  const bytes = encode(manifest);
  const digest = sha256(bytes);
  await pushImage(registry, {
    repo: REPO,
    ...(tag === of && { tag }),
    manifests: [{ bytes, mediaType: manifest.mediaType, digest }],
    blobs: new Map([[sha256(blob), blob]]),
  });
  if (tag === of) return;
  const list = decode(await read(registry, `manifests/${tag}`));
  list.manifests = list.manifests.map((entry: { digest: string }) =>
    entry.digest === of ? { ...entry, digest, size: bytes.length } : entry
  );
  const listed = encode(list);
  await pushImage(registry, {
    repo: REPO,
    tag,
    manifests: [{
      bytes: listed,
      mediaType: list.mediaType,
      digest: sha256(listed),
    }],
    blobs: new Map(),
  });
}

for (const format of ["cosign", "bundle"] as const) {
  Deno.test({
    name:
      `interop: cosign verifies what is attested in format ${format}, by type, and refuses what was changed`,
    ignore: interopIgnored || cosign === undefined || cosign3 === undefined,
    fn: async () => {
      await using source = await startDockerRegistry();
      await using destination = await startDockerRegistry();
      await using desk = new Desk("maker", "mirror");
      const image = makeMultiArch("app");
      await pushImage(source, { repo: REPO, tag: "v1", ...image });
      const list = `${source.host}/${REPO}:v1`;
      const signed = await desk.run(["sign"], list, [
        `--sigstore-private-key=${desk.path}/maker.key`,
      ]);
      assertEquals(signed.code, 0, signed.stderr);
      const policy = `${desk.path}/policy.json`;
      await Deno.writeTextFile(
        policy,
        JSON.stringify({
          default: [{
            type: "sigstoreSigned",
            keyPath: `${desk.path}/maker.pub`,
            signedIdentity: { type: "matchRepository" },
          }],
        }),
      );
      const flags = [
        `-d${destination.host}`,
        `--sigstore-private-key=${desk.path}/mirror.key`,
        `--policy=${policy}`,
        "--attest",
        `--sign-format=${format}`,
      ];
      const mirrored = await desk.run(["mirror"], list, flags);
      assertEquals(mirrored.code, 0, mirrored.stderr);
      const formatOf = (program: string) =>
        format === "bundle"
          ? ["--new-bundle-format", `--trusted-root=${desk.path}/root.json`]
          : program === cosign3
          ? ["--new-bundle-format=false"]
          : [];
      const verify = (program: string, digest: string, type: string) =>
        desk.cosign(program, "mirror", [
          "verify-attestation",
          ...formatOf(program),
          `--type=${type}`,
          `${destination.host}/${REPO}@${digest}`,
        ]);
      const [amd64] = image.manifests;
      for (const program of [cosign!, cosign3!]) {
        for (const { digest } of [image, amd64!]) {
          for (const type of [TYPE, VSA]) {
            const { code, stdout, stderr } = await verify(
              program,
              digest,
              type,
            );
            assertEquals(code, 0, stderr);
            const [first] = stdout.trim().split("\n");
            const statement = JSON.parse(atob(JSON.parse(first!).payload));
            assertEquals(statement.predicateType, type);
            assertEquals(
              `sha256:${statement.subject[0].digest.sha256}`,
              digest,
            );
          }
          const other = await verify(program, digest, "https://else.test/v1");
          assert(other.code !== 0, "another type is not there");
        }
      }
      assertEquals(
        (await desk.run(["mirror", "validate"], list, flags)).code,
        0,
      );

      const { digest } = amd64!;
      const tag = digest.replace(":", "-");
      if (format === "cosign") {
        const of = `${tag}.att`;
        await tamper(destination, of, { of, envelopeOf: (json) => json });
      } else {
        const { manifests } = JSON.parse(
          new TextDecoder().decode(
            await read(destination, `manifests/${tag}`),
          ),
        );
        for (const entry of manifests) {
          const type = entry.annotations?.["dev.sigstore.bundle.predicateType"];
          if (type !== TYPE && type !== VSA) continue;
          await tamper(destination, tag, {
            of: entry.digest,
            envelopeOf: (json) => json.dsseEnvelope,
          });
        }
      }
      for (const program of [cosign!, cosign3!]) {
        const { code } = await verify(program, digest, TYPE);
        assert(code !== 0, `${program} takes what was changed`);
      }
      const proof = await desk.run(["mirror", "validate"], list, flags);
      assertEquals(proof.code, 1);
      assertStringIncludes(
        proof.stderr,
        `missing: own attestation of ${digest}`,
      );
    },
  });
}

Deno.test({
  name:
    "interop: 20 images through two mirrors: digests and makers' signatures hold where the index is kept, and the way is known",
  ignore: interopIgnored || distributionProgram === undefined ||
    cosign === undefined,
  fn: async () => {
    await using first = await startDockerRegistry();
    await using second = await startDistribution({ sparseIndexes: true });
    await using third = await startDockerRegistry();
    await using desk = new Desk("maker", "one", "two");
    const platforms = ["linux/amd64", "linux/arm64", "linux/s390x"];
    // Those of two platforms are copied whole.
    const images = Array.from({ length: 20 }, (_, i) => {
      const tag = `v${i}`;
      const count = i % 2 === 0 ? 2 : 3;
      const image = makeMultiArch(tag, {
        platforms: platforms.slice(0, count),
      });
      return { tag, image, isWhole: count === 2 };
    });
    for (const { tag, image } of images) {
      await pushImage(first, { repo: REPO, tag, ...image });
    }
    const listAt = ({ host }: RealRegistry) =>
      images.map(({ tag }) => `${host}/${REPO}:${tag}`).join("\n");
    const signed = await desk.run(["sign"], listAt(first), [
      "-j8",
      `--sigstore-private-key=${desk.path}/maker.key`,
    ]);
    assertEquals(signed.code, 0, signed.stderr);
    const mirror = async (
      from: RealRegistry,
      to: RealRegistry,
      key: string,
    ) => {
      const flags = [
        `-d${to.host}`,
        "-j8",
        "--index=sparse",
        "--attest",
        `--sigstore-private-key=${desk.path}/${key}.key`,
      ];
      for (const expected of ["20 copied", "20 up to date"]) {
        const { code, stderr } = await desk.run(
          ["mirror"],
          listAt(from),
          flags,
        );
        assertEquals(code, 0, stderr);
        assertStringIncludes(stderr, expected);
      }
      const proof = await desk.run(["mirror", "validate"], listAt(from), [
        ...flags,
        "--deep=bytes",
      ]);
      assertEquals(proof.code, 0, proof.stderr);
    };
    await mirror(first, second, "one");
    await mirror(second, third, "two");
    await Deno.writeTextFile(
      `${desk.path}/both.pub`,
      await Deno.readTextFile(`${desk.path}/one.pub`) +
        await Deno.readTextFile(`${desk.path}/two.pub`),
    );
    for (const { tag, image, isWhole } of images) {
      assertEquals(await digestAt(second, tag), image.digest);
      assertEquals(await digestAt(third, tag) === image.digest, isWhole);
      const way = await hangar([
        "inspect",
        "--provenance",
        "--json",
        `--sigstore-pubkey=${desk.path}/both.pub`,
        `${third.host}/${REPO}:${tag}`,
      ]);
      assertEquals(way.code, 0, way.stderr);
      const { stops } = JSON.parse(way.stdout);
      assertEquals(
        new Set(stops.map((stop: {
          predicate: { destination: { reference: string } };
        }) => stop.predicate.destination.reference)),
        new Set([second, third].map(({ host }) => `${host}/${REPO}:${tag}`)),
      );
    }
    // cosign takes a second for each: some of both kinds.
    for (const { tag, isWhole } of images.slice(0, 4)) {
      for (const registry of [second, third]) {
        const reference = `${registry.host}/${REPO}:${tag}`;
        const { code, stderr } = await desk.cosign(cosign!, "maker", [
          "verify",
          reference,
        ]);
        assertEquals(code === 0, registry === second || isWhole, stderr);
      }
      const attested = await desk.cosign(cosign!, "two", [
        "verify-attestation",
        `--type=${TYPE}`,
        `${third.host}/${REPO}:${tag}`,
      ]);
      assertEquals(attested.code, 0, attested.stderr);
    }
  },
});
