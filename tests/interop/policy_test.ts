import { assert, assertEquals } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import {
  type MadeImage,
  makeImage,
  makeMultiArch,
  sha256,
} from "../support/images.ts";
import { rekorPromise } from "../support/rekor.ts";
import {
  keyFromPem,
  makeKey,
  signaturesOf,
  type TestKey,
  type TestSignature,
} from "../support/signing.ts";
import { policyJudge } from "./support/policy_judge.ts";
import { interopIgnored, pushImage, startDockerRegistry } from "./support.ts";
import { runChecked, skopeo } from "./support/tools.ts";

type Json = Readonly<Record<string, unknown>>;

/** One case: an image with signatures, a policy, and the verdict on them. */
interface Case {
  readonly name: string;
  readonly want: "accept" | "reject" | "error";
  /** Requirements, or a whole policy. */
  readonly policy: readonly Json[] | Json;
  readonly signatures?: (reference: string) => readonly TestSignature[];
  /** Whether the image is named by its digest. */
  readonly byDigest?: boolean;
}

interface Certified extends TestKey {
  readonly certificate: string;
  readonly chain: string;
}

/** A CA, and certificates by it, as Fulcio would give them. */
class TestCa {
  private constructor(
    readonly directory: string,
    readonly certificate: string,
  ) {}

  static async make(parent: string, name: string): Promise<TestCa> {
    const directory = `${parent}/${name}`;
    await Deno.mkdir(directory);
    await runChecked("openssl", [
      ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        .split(" "),
      ...["-days", "30", "-subj", `/CN=${name}`],
      ...["-keyout", `${directory}/ca.key`, "-out", `${directory}/ca.pem`],
      ...["-addext", "keyUsage=critical,keyCertSign"],
    ]);
    return new TestCa(
      directory,
      await Deno.readTextFile(`${directory}/ca.pem`),
    );
  }

  async certify(
    name: string,
    {
      email = "ann@example.org",
      issuer = "https://idp.example",
      usage = "codeSigning",
    },
  ): Promise<Certified> {
    const at = `${this.directory}/${name}`;
    const issuerHex = [...new TextEncoder().encode(issuer)]
      .map((b) => b.toString(16).padStart(2, "0")).join(":");
    await Deno.writeTextFile(
      `${at}.ext`,
      `subjectAltName=critical,email:${email},DNS:signer.example
keyUsage=critical,digitalSignature
extendedKeyUsage=${usage}
1.3.6.1.4.1.57264.1.1=DER:${issuerHex}
`,
    );
    await runChecked("openssl", [
      ..."req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        .split(" "),
      ...["-subj", "/", "-keyout", `${at}.key`, "-out", `${at}.csr`],
    ]);
    await runChecked("openssl", [
      ...["x509", "-req", "-in", `${at}.csr`, "-days", "1"],
      ...["-CA", `${this.directory}/ca.pem`, "-CAkey"],
      ...[`${this.directory}/ca.key`, "-CAcreateserial"],
      ...["-extfile", `${at}.ext`, "-out", `${at}.pem`],
    ]);
    const certificate = await Deno.readTextFile(`${at}.pem`);
    return {
      ...keyFromPem(await Deno.readTextFile(`${at}.key`)),
      certificate,
      chain: this.certificate,
    };
  }
}

async function makeCases(directory: string): Promise<Case[]> {
  const [a, b, log, otherLog] = [makeKey(), makeKey(), makeKey(), makeKey()];
  const files = { a, b, log, otherLog };
  for (const [name, key] of Object.entries(files)) {
    await Deno.writeTextFile(`${directory}/${name}.pub`, key.publicPem);
  }
  const ca = await TestCa.make(directory, "ca");
  const otherCa = await TestCa.make(directory, "other-ca");
  await Deno.writeTextFile(`${directory}/ca.pem`, ca.certificate);
  const ann = await ca.certify("ann", {});
  const stranger = await otherCa.certify("stranger", {});
  const server = await ca.certify("server", { usage: "serverAuth" });

  const path = (name: string) => `${directory}/${name}.pub`;
  const data = (key: TestKey) => btoa(key.publicPem);
  const signed = (more: Json): Json => ({ type: "sigstoreSigned", ...more });
  const byA = signed({ keyPath: path("a") });
  const as = (identity: Json) => [{ ...byA, signedIdentity: identity }];
  const accept = [{ type: "insecureAcceptAnything" }];
  const reject = [{ type: "reject" }];
  const good = (reference: string) => [{ key: a, reference }];
  const untagged = (reference: string) => reference.replace(/:[^:/]*$/, "");
  const withPromise = (
    by: TestKey,
    of: (payload: Uint8Array, signature: Uint8Array) => string,
  ) =>
  (reference: string) => [{
    key: by,
    reference,
    annotations: (payload: Uint8Array, signature: Uint8Array) => ({
      "dev.sigstore.cosign/bundle": of(payload, signature),
      ...("certificate" in by && {
        "dev.sigstore.cosign/certificate": (by as Certified).certificate,
        "dev.sigstore.cosign/chain": (by as Certified).chain,
      }),
    }),
  }];
  const certified = (by: Certified, time?: number, through = log) =>
    withPromise(
      by,
      (payload, signature) =>
        rekorPromise(through, { by: by.certificate, payload, signature, time }),
    );
  const logged = [{ ...byA, rekorPublicKeyPath: path("log") }];
  const fulcio = (more: Json = {}) => [
    signed({
      fulcio: {
        caPath: `${directory}/ca.pem`,
        oidcIssuer: "https://idp.example",
        subjectEmail: "ann@example.org",
        ...more,
      },
      rekorPublicKeyPath: path("log"),
    }),
  ];
  const pki = (more: Json) => [
    signed({ pki: { caRootsPath: `${directory}/ca.pem`, ...more } }),
  ];
  const withCertificate = (by: Certified) => (reference: string) => [{
    key: by,
    reference,
    annotations: () => ({
      "dev.sigstore.cosign/certificate": by.certificate,
      "dev.sigstore.cosign/chain": by.chain,
    }),
  }];
  const docker = (scopes: Json, fallback: readonly Json[] = reject) => ({
    default: fallback,
    transports: { docker: scopes },
  });
  return [
    { name: "anything", want: "accept", policy: accept },
    { name: "nothing", want: "reject", policy: reject },
    { name: "no signature", want: "reject", policy: [byA] },
    { name: "its key", want: "accept", policy: [byA], signatures: good },
    {
      name: "another key",
      want: "reject",
      policy: [signed({ keyPath: path("b") })],
      signatures: good,
    },
    {
      name: "key data",
      want: "accept",
      policy: [signed({ keyData: data(a) })],
      signatures: good,
    },
    {
      name: "one of some keys",
      want: "accept",
      policy: [signed({ keyPaths: [path("b"), path("a")] })],
      signatures: good,
    },
    {
      name: "none of some keys",
      want: "reject",
      policy: [signed({ keyDatas: [data(b), data(log)] })],
      signatures: good,
    },
    {
      name: "a tampered payload",
      want: "reject",
      policy: [byA],
      signatures: (reference) => [{
        key: a,
        reference,
        tamper: (bytes) => bytes.map((x, i) => i === 60 ? x ^ 1 : x),
      }],
    },
    {
      name: "another digest",
      want: "reject",
      policy: [byA],
      signatures: (reference) => [{
        key: a,
        reference,
        digest: sha256(new Uint8Array([1])),
      }],
    },
    {
      name: "another type",
      want: "reject",
      policy: [byA],
      signatures: (reference) => [{
        key: a,
        reference,
        payload: (json) => ({
          ...json,
          critical: {
            ...json["critical"] as Json,
            type: "atomic container signature",
          },
        }),
      }],
    },
    {
      name: "a critical field that is not known",
      want: "reject",
      policy: [byA],
      signatures: (reference) => [{
        key: a,
        reference,
        payload: (json) => ({
          ...json,
          critical: { ...json["critical"] as Json, expires: 1 },
        }),
      }],
    },
    {
      name: "no optional part",
      want: "reject",
      policy: [byA],
      signatures: (reference) => [{
        key: a,
        reference,
        payload: ({ critical }) => ({ critical }),
      }],
    },
    {
      name: "a layer of another type",
      want: "reject",
      policy: [byA],
      signatures: (reference) => [{
        key: a,
        reference,
        mediaType: "application/octet-stream",
      }],
    },
    {
      name: "another tag",
      want: "reject",
      policy: [byA],
      signatures: (reference) => [{ key: a, reference: `${reference}x` }],
    },
    {
      name: "another tag, by digest",
      want: "accept",
      policy: [byA],
      byDigest: true,
      signatures: (reference) => [{ key: a, reference: `${reference}x` }],
    },
    {
      name: "another tag, matchExact by digest",
      want: "reject",
      policy: as({ type: "matchExact" }),
      byDigest: true,
      signatures: good,
    },
    {
      name: "matchExact",
      want: "accept",
      policy: as({ type: "matchExact" }),
      signatures: good,
    },
    {
      name: "another tag, matchRepository",
      want: "accept",
      policy: as({ type: "matchRepository" }),
      signatures: (reference) => [{ key: a, reference: `${reference}x` }],
    },
    {
      name: "no tag",
      want: "reject",
      policy: [byA],
      signatures: (reference) => [{ key: a, reference: untagged(reference) }],
    },
    {
      name: "no tag, matchRepository",
      want: "accept",
      policy: as({ type: "matchRepository" }),
      signatures: (reference) => [{ key: a, reference: untagged(reference) }],
    },
    {
      name: "a name that is none",
      want: "reject",
      policy: as({ type: "matchRepository" }),
      signatures: () => [{ key: a, reference: "UPPER CASE" }],
    },
    {
      name: "exactReference",
      want: "accept",
      policy: as({
        type: "exactReference",
        dockerReference: "vendor.example/app:v1",
      }),
      signatures: () => [{ key: a, reference: "vendor.example/app:v1" }],
    },
    {
      name: "another exactReference",
      want: "reject",
      policy: as({
        type: "exactReference",
        dockerReference: "vendor.example/app:v2",
      }),
      signatures: () => [{ key: a, reference: "vendor.example/app:v1" }],
    },
    {
      name: "exactRepository",
      want: "accept",
      policy: as({
        type: "exactRepository",
        dockerRepository: "vendor.example/app",
      }),
      signatures: () => [{ key: a, reference: "vendor.example/app:v9" }],
    },
    {
      name: "remapIdentity",
      want: "accept",
      policy: as({
        type: "remapIdentity",
        prefix: "HOST/policy",
        signedPrefix: "vendor.example/x",
      }),
      signatures: (reference) => [{
        key: a,
        reference: reference.replace(/^[^/]*\/policy/, "vendor.example/x"),
      }],
    },
    {
      name: "remapIdentity of another prefix",
      want: "reject",
      policy: as({
        type: "remapIdentity",
        prefix: "HOST/poli",
        signedPrefix: "vendor.example/x",
      }),
      signatures: (reference) => [{
        key: a,
        reference: reference.replace(/^[^/]*\/poli/, "vendor.example/x"),
      }],
    },
    {
      name: "a bad signature and a good one",
      want: "accept",
      policy: [byA],
      signatures: (reference) => [
        { key: b, reference },
        { key: a, reference },
      ],
    },
    {
      name: "two requirements, one met",
      want: "reject",
      policy: [byA, signed({ keyPath: path("b") })],
      signatures: good,
    },
    {
      name: "two requirements, both met",
      want: "accept",
      policy: [byA, signed({ keyPath: path("b") })],
      signatures: (reference) => [
        { key: b, reference },
        { key: a, reference },
      ],
    },
    {
      name: "the project's scope",
      want: "accept",
      policy: docker({ "HOST/policy": accept, HOST: reject }),
    },
    {
      name: "the registry's scope",
      want: "reject",
      policy: docker({ HOST: reject, "": accept }, accept),
    },
    {
      name: "the scope of all domains",
      want: "reject",
      policy: docker({ "*.0.0.1": reject, "": accept }, accept),
    },
    {
      name: "a key in a log",
      want: "accept",
      policy: logged,
      signatures: withPromise(
        a,
        (payload, signature) =>
          rekorPromise(log, { by: a.publicPem, payload, signature }),
      ),
    },
    {
      name: "a key in no log",
      want: "reject",
      policy: logged,
      signatures: good,
    },
    {
      name: "a key in another log",
      want: "reject",
      policy: logged,
      signatures: withPromise(
        a,
        (payload, signature) =>
          rekorPromise(otherLog, { by: a.publicPem, payload, signature }),
      ),
    },
    {
      name: "a promise about another payload",
      want: "reject",
      policy: logged,
      signatures: withPromise(
        a,
        (_, signature) =>
          rekorPromise(log, {
            by: a.publicPem,
            payload: new Uint8Array(3),
            signature,
          }),
      ),
    },
    {
      name: "a promise about another key",
      want: "reject",
      policy: logged,
      signatures: withPromise(
        a,
        (payload, signature) =>
          rekorPromise(log, { by: b.publicPem, payload, signature }),
      ),
    },
    {
      name: "Fulcio",
      want: "accept",
      policy: fulcio(),
      signatures: certified(ann),
    },
    {
      name: "Fulcio, another address",
      want: "reject",
      policy: fulcio({ subjectEmail: "bob@example.org" }),
      signatures: certified(ann),
    },
    {
      name: "Fulcio, another issuer",
      want: "reject",
      policy: fulcio({ oidcIssuer: "https://other.example" }),
      signatures: certified(ann),
    },
    {
      name: "Fulcio, another CA",
      want: "reject",
      policy: fulcio(),
      signatures: certified(stranger),
    },
    {
      name: "Fulcio, no code signing",
      want: "reject",
      policy: fulcio(),
      signatures: certified(server),
    },
    {
      name: "Fulcio, long after the certificate's end",
      want: "reject",
      policy: fulcio(),
      signatures: certified(ann, Math.floor(Date.now() / 1000) + 10 * 86_400),
    },
    {
      name: "Fulcio, another log",
      want: "reject",
      policy: fulcio(),
      signatures: certified(ann, undefined, otherLog),
    },
    {
      name: "pki by address",
      want: "accept",
      policy: pki({ subjectEmail: "ann@example.org" }),
      signatures: withCertificate(ann),
    },
    {
      name: "pki by host",
      want: "accept",
      policy: pki({ subjectHostname: "signer.example" }),
      signatures: withCertificate(ann),
    },
    {
      name: "pki, another address",
      want: "reject",
      policy: pki({ subjectEmail: "bob@example.org" }),
      signatures: withCertificate(ann),
    },
    {
      name: "pki, another CA",
      want: "reject",
      policy: pki({ subjectEmail: "ann@example.org" }),
      signatures: withCertificate(stranger),
    },
    {
      name: "pki without a certificate",
      want: "reject",
      policy: pki({ subjectEmail: "ann@example.org" }),
      signatures: good,
    },
    {
      name: "a requirement that is not known",
      want: "error",
      policy: [{ type: "signedByMagic" }],
    },
    { name: "no requirements", want: "error", policy: { default: [] } },
    {
      name: "a field too many",
      want: "error",
      policy: [{ ...byA, keyPolicy: "x" }],
    },
    {
      name: "a key that is not there",
      want: "reject",
      policy: [signed({ keyPath: path("nobody") })],
      signatures: good,
    },
  ];
}

Deno.test({
  name:
    "interop: hangar and containers/image give the same verdict on every policy",
  ignore: interopIgnored,
  fn: async () => {
    await using registry = await startDockerRegistry();
    await using destination = FakeRegistry.start();
    const directory = await Deno.makeTempDir();
    try {
      const registriesD = `${directory}/.config/containers/registries.d`;
      await Deno.mkdir(registriesD, { recursive: true });
      await Deno.writeTextFile(
        `${registriesD}/all.yaml`,
        "default-docker: {use-sigstore-attachments: true}\n",
      );
      const cases = await makeCases(directory);
      assert(cases.length >= 25);
      const judged = [];
      for (const [i, one] of cases.entries()) {
        const repo = `policy/case-${i}`;
        const image = makeImage({ seed: one.name, layers: [10] });
        await pushImage(registry, { repo, tag: "v1", ...image });
        const reference = `${registry.host}/${repo}:v1`;
        if (one.signatures) {
          await pushImage(registry, {
            repo,
            tag: `${image.digest.replace(":", "-")}.sig`,
            ...signaturesOf(image.digest, one.signatures(reference)),
          });
        }
        const policy = Array.isArray(one.policy)
          ? { default: one.policy }
          : one.policy;
        const file = `${directory}/policy-${i}.json`;
        await Deno.writeTextFile(
          file,
          JSON.stringify(policy).replaceAll("HOST", registry.host),
        );
        judged.push({
          policy: file,
          registriesD,
          reference: one.byDigest
            ? `${registry.host}/${repo}@${image.digest}`
            : reference,
        });
      }
      const ours = [];
      for (const { policy, reference } of judged) {
        const { code, stderr } = await hangar([
          "mirror",
          "-f-",
          `-dhttp://${destination.host}`,
          `--policy=${policy}`,
          `--failed=${directory}/failed.txt`,
          "--remove-signatures",
        ], { stdin: reference, env: { HOME: directory } });
        ours.push(
          code === 0 ? "accept" : stderr.includes(" does not accept ") ||
              stderr.includes("cannot evaluate the policy")
            ? "reject"
            : stderr.startsWith(`hangar: ${policy}`)
            ? "error"
            : stderr,
        );
      }
      const named = (verdicts: readonly string[]) =>
        cases.map(({ name }, i) => `${name}: ${verdicts[i]}`);
      assertEquals(named(ours), named(cases.map(({ want }) => want)));
      const theirs = await policyJudge(judged);
      if (theirs) {
        assertEquals(named(ours), named(theirs.map(({ verdict }) => verdict)));
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test({
  name:
    "interop: every child of an index must be accepted, and what is rejected is not copied",
  ignore: interopIgnored,
  fn: async () => {
    await using registry = await startDockerRegistry();
    await using destination = FakeRegistry.start();
    const directory = await Deno.makeTempDir();
    try {
      const key = makeKey();
      const app = makeMultiArch("app");
      await pushImage(registry, { repo: "corp/app", tag: "v1", ...app });
      const reference = `${registry.host}/corp/app:v1`;
      const policy = `${directory}/policy.json`;
      await Deno.writeTextFile(`${directory}/k.pub`, key.publicPem);
      await Deno.writeTextFile(
        policy,
        JSON.stringify({
          default: [{
            type: "sigstoreSigned",
            keyPath: `${directory}/k.pub`,
          }],
        }),
      );
      const mirror = (...flags: string[]) =>
        hangar([
          "mirror",
          "-f-",
          `-dhttp://${destination.host}`,
          `--failed=${directory}/failed.txt`,
          `--policy=${policy}`,
          ...flags,
        ], { stdin: reference, env: { HOME: directory } });
      const [amd64, arm64] = app.manifests as [MadeImage, MadeImage];
      for (const [child, passes] of [[amd64, false], [arm64, true]] as const) {
        await pushImage(registry, {
          repo: "corp/app",
          tag: `${child.digest.replace(":", "-")}.sig`,
          ...signaturesOf(child.digest, [{ key, reference }]),
        });
        const { code, stderr } = await mirror();
        assertEquals(code, passes ? 0 : 1, stderr);
        if (!passes) {
          assertEquals(destination.tags(), []);
          assertEquals(destination.blobBytesReceived, 0);
          assertEquals((await mirror("-aamd64")).code, 0);
        }
      }
      await Deno.writeTextFile(policy, '{"default":[{"type":"reject"}]}');
      const rejected = await mirror();
      assertEquals(rejected.code, 1);
      assertEquals((await mirror("--insecure-policy")).code, 0);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test({
  name:
    "interop: skopeo's GPG signatures are found by way of registries.d, and judged as by skopeo",
  ignore: interopIgnored,
  fn: async () => {
    await using registry = await startDockerRegistry();
    await using destination = FakeRegistry.start();
    const directory = await Deno.makeTempDir({ prefix: "gpg-" });
    try {
      const gnupg = { GNUPGHOME: directory, HOME: directory };
      const keys: string[] = [];
      for (const name of ["ann", "bob"]) {
        await runChecked("gpg", [
          ..."--batch --passphrase".split(" "),
          "",
          ..."--quick-generate-key".split(" "),
          `${name} <${name}@example.org>`,
          "rsa2048",
          "sign",
          "never",
        ], { env: gnupg });
        const file = `${directory}/${name}.gpg`;
        await runChecked("gpg", [
          "--output",
          file,
          ...(name === "ann" ? ["--armor"] : []),
          "--export",
          `${name}@example.org`,
        ], { env: gnupg });
        keys.push(file);
      }
      const registriesD = `${directory}/.config/containers/registries.d`;
      await Deno.mkdir(registriesD, { recursive: true });
      await Deno.writeTextFile(
        `${registriesD}/all.yaml`,
        `docker: {"${registry.host}/corp": {lookaside: "file://${directory}/sigs"}}\n`,
      );
      await pushImage(registry, {
        repo: "corp/app",
        tag: "v0",
        ...makeImage({ seed: "app" }),
      });
      const reference = `${registry.host}/corp/app:v1`;
      const signed = await skopeo([
        `--registries.d=${registriesD}`,
        "copy",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        "--sign-by=ann@example.org",
        `docker://${registry.host}/corp/app:v0`,
        `docker://${reference}`,
      ], { env: gnupg });
      assertEquals(signed.code, 0, signed.stderr);
      for (
        const [name, key, image, passes] of [
          ["its key", keys[0], reference, true],
          ["another key", keys[1], reference, false],
          ["no signature", keys[0], `${registry.host}/corp/app:v2`, false],
        ] as const
      ) {
        if (!passes && image !== reference) {
          await pushImage(registry, {
            repo: "corp/app",
            tag: "v2",
            ...makeImage({ seed: "unsigned" }),
          });
        }
        const policy = `${directory}/policy.json`;
        await Deno.writeTextFile(
          policy,
          JSON.stringify({
            default: [{ type: "signedBy", keyType: "GPGKeys", keyPath: key }],
          }),
        );
        const theirs = await runSkopeo([
          `--policy=${policy}`,
          `--registries.d=${registriesD}`,
          "copy",
          "--src-tls-verify=false",
          `docker://${image}`,
          `dir:${directory}/out`,
        ]);
        assertEquals(theirs === 0, passes, `skopeo, ${name}`);
        const { code, stderr } = await hangar([
          "mirror",
          "-f-",
          `-dhttp://${destination.host}`,
          `--failed=${directory}/failed.txt`,
          `--policy=${policy}`,
        ], { stdin: image, env: { HOME: directory } });
        assertEquals(code === 0, passes, `hangar, ${name}: ${stderr}`);
      }
    } finally {
      await new Deno.Command("gpgconf", {
        args: ["--homedir", directory, "--kill", "all"],
        stderr: "null",
        stdout: "null",
      }).output();
      await Deno.remove(directory, { recursive: true });
    }
  },
});

async function runSkopeo(args: string[]): Promise<number> {
  const { code } = await new Deno.Command("skopeo", {
    args,
    stderr: "null",
    stdout: "null",
  }).output();
  return code;
}
