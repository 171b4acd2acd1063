import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  COSIGN_KEY,
  COSIGN_PASSPHRASE,
  COSIGN_PUB,
} from "../support/cosign_key.ts";
import { hangar } from "../support/hangar.ts";
import {
  type MadeImage,
  makeFallback,
  makeMultiArch,
  makeReferrer,
} from "../support/images.ts";
import { interopIgnored, pushImage, startDockerRegistry } from "./support.ts";
import { optionalTool, run } from "./support/tools.ts";

const PASSWORD = { COSIGN_PASSWORD: COSIGN_PASSPHRASE };

function tagOf(digest: string, suffix = ""): string {
  return digest.replace(":", "-") + suffix;
}

Deno.test({
  name:
    "interop: signatures, an attestation, an SBOM and its signature go from registry to registry and back",
  ignore: interopIgnored,
  fn: async () => {
    await using source = await startDockerRegistry();
    await using destination = await startDockerRegistry();
    const directory = await Deno.makeTempDir();
    try {
      const repo = "corp/app";
      const app = makeMultiArch("app", { attestations: true });
      const sbom = makeReferrer(app, "sbom");
      const sbomSignature = makeReferrer(sbom, "its signature");
      await pushImage(source, { repo, tag: "v1", ...app });
      const lists: [MadeImage, MadeImage][] = [
        [app, sbom],
        [sbom, sbomSignature],
      ];
      for (const [subject, referrer] of lists) {
        await pushImage(source, {
          repo,
          tag: tagOf(subject.digest),
          ...makeFallback([referrer]),
        });
      }
      const key = `${directory}/cosign.key`;
      await Deno.writeTextFile(key, COSIGN_KEY);
      const sign = await hangar([
        "sign",
        "-f-",
        `--sigstore-private-key=${key}`,
        `--failed=${directory}/failed.txt`,
      ], { stdin: `${source.host}/${repo}:v1`, env: PASSWORD });
      assertEquals(sign.code, 0, sign.stderr);

      const tagsOf = async (registry: typeof source) => {
        const answer = await registry.fetch(`/v2/${repo}/tags/list`);
        return (await answer.json()).tags.sort();
      };
      const mirror = (from: string, to: string) =>
        hangar([
          "mirror",
          "-f-",
          `-d${to}`,
          `--failed=${directory}/failed.txt`,
        ], { stdin: `${from}/${repo}:v1` });
      const first = await mirror(source.host, destination.host);
      assertEquals(first.code, 0, first.stderr);
      assertStringIncludes(
        first.stderr,
        "7 signatures and referrers found, 7 of them copied",
      );
      assertEquals(await tagsOf(destination), await tagsOf(source));

      await destination.clearRequests();
      const again = await mirror(source.host, destination.host);
      assertEquals(again.code, 0, again.stderr);
      assertStringIncludes(again.stderr, "1 up to date");
      const writes = (await destination.settledRequests())
        .filter(({ method }) => method !== "GET" && method !== "HEAD");
      assertEquals(writes, []);
      const back = await mirror(destination.host, source.host);
      assertStringIncludes(back.stderr, "0 of them copied");
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

const cosign = optionalTool("cosign");

Deno.test({
  name:
    "interop: cosign accepts what hangar signs, and hangar what cosign signs; keys go both ways",
  ignore: interopIgnored || cosign === undefined,
  fn: async () => {
    await using registry = await startDockerRegistry();
    const directory = await Deno.makeTempDir();
    try {
      const list = `${registry.host}/corp/app:v1`;
      const byCosign = `${registry.host}/corp/app:v2`;
      await pushImage(registry, {
        repo: "corp/app",
        tag: "v1",
        ...makeMultiArch("one"),
      });
      await pushImage(registry, {
        repo: "corp/app",
        tag: "v2",
        ...makeMultiArch("two"),
      });
      const cosignKey = `${directory}/cosign`;
      await Deno.writeTextFile(`${cosignKey}.key`, COSIGN_KEY);
      await Deno.writeTextFile(`${cosignKey}.pub`, COSIGN_PUB);
      const ownKey = `${directory}/own`;
      const generated = await hangar(
        ["generate-sigstore-key", "-p", ownKey],
        { env: PASSWORD },
      );
      assertEquals(generated.code, 0, generated.stderr);
      const trust = `${directory}/trusted_root.json`;
      await Deno.writeTextFile(
        trust,
        JSON.stringify({
          mediaType:
            "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
          tlogs: [],
          certificateAuthorities: [],
          ctlogs: [],
          timestampAuthorities: [],
        }),
      );
      const runCosign = (args: string[]) =>
        run(cosign!, [...args, "--allow-insecure-registry"], {
          env: PASSWORD,
        });
      const verify = (reference: string, key: string, format: string) =>
        runCosign([
          "verify",
          `--key=${key}.pub`,
          "--insecure-ignore-tlog",
          ...(format === "bundle"
            ? ["--new-bundle-format", `--trusted-root=${trust}`]
            : []),
          reference,
        ]);
      for (const key of [cosignKey, ownKey]) {
        for (const format of ["cosign", "bundle"]) {
          const { code, stderr } = await hangar([
            "sign",
            "-f-",
            `--sigstore-private-key=${key}.key`,
            `--sign-format=${format}`,
            `--failed=${directory}/failed.txt`,
          ], { stdin: list, env: PASSWORD });
          assertEquals(code, 0, stderr);
          const verified = await verify(list, key, format);
          assertEquals(verified.code, 0, verified.stderr);
        }
      }
      for (const key of [cosignKey, ownKey]) {
        for (const format of ["cosign", "bundle"]) {
          const validate = () =>
            hangar([
              "sign",
              "validate",
              "-f-",
              `--sigstore-pubkey=${key}.pub`,
              `--failed=${directory}/failed.txt`,
            ], { stdin: byCosign });
          if (format === "cosign") assertEquals((await validate()).code, 1);
          const signed = await runCosign([
            "sign",
            "--yes",
            "--recursive",
            `--key=${key}.key`,
            "--tlog-upload=false",
            ...(format === "bundle" ? ["--new-bundle-format"] : []),
            byCosign,
          ]);
          assertEquals(signed.code, 0, signed.stderr);
          assertEquals((await validate()).code, 0);
        }
      }
      assertEquals((await verify(byCosign, ownKey, "cosign")).code, 0);
      const stranger = await verify(list, `${directory}/nobody`, "cosign");
      assertEquals(stranger.code === 0, false);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test({
  name:
    "interop: what cosign attaches to an image goes along under a policy, without being an image",
  ignore: interopIgnored || cosign === undefined,
  fn: async () => {
    await using source = await startDockerRegistry();
    await using destination = await startDockerRegistry();
    const directory = await Deno.makeTempDir();
    try {
      const repo = "corp/app";
      const reference = `${source.host}/${repo}:v1`;
      const image = makeMultiArch("attached to");
      await pushImage(source, { repo, tag: "v1", ...image });
      const path = (name: string) => `${directory}/${name}`;
      await Deno.writeTextFile(path("cosign.key"), COSIGN_KEY);
      await Deno.writeTextFile(path("cosign.pub"), COSIGN_PUB);
      await Deno.writeTextFile(path("sbom.json"), '{"spdxVersion":"SPDX-2.3"}');
      const key = ["--key", path("cosign.key"), "--tlog-upload=false", "-y"];
      for (
        const args of [
          ["sign", ...key, "--recursive", reference],
          ["attest", ...key, "--predicate", path("sbom.json"), reference],
          ["attach", "sbom", "--sbom", path("sbom.json"), reference],
        ]
      ) {
        const { code, stderr } = await run(cosign!, args, {
          env: { ...PASSWORD, HOME: directory },
        });
        assertEquals(code, 0, stderr);
      }
      await Deno.writeTextFile(
        path("policy.json"),
        JSON.stringify({
          default: [{
            type: "sigstoreSigned",
            keyPath: path("cosign.pub"),
            signedIdentity: { type: "matchRepository" },
          }],
        }),
      );
      const mirrored = await hangar([
        "mirror",
        "-f-",
        `-d${destination.host}`,
        `--policy=${path("policy.json")}`,
        `--failed=${path("failed.txt")}`,
      ], { stdin: reference });
      assertEquals(mirrored.code, 0, mirrored.stderr);
      const answer = await destination.fetch(`/v2/${repo}/tags/list`);
      const { tags } = await answer.json();
      for (const suffix of [".sig", ".att", ".sbom"]) {
        assertEquals(tags.includes(tagOf(image.digest, suffix)), true, suffix);
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
