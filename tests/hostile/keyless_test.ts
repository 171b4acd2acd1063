import { assertEquals, assertStringIncludes } from "@std/assert";
import { hangar } from "../support/hangar.ts";
import { type MadeImage, makeImage } from "../support/images.ts";
import {
  ANN,
  type BundleOptions,
  ISSUER,
  makeToken,
  TestSigstore,
} from "../support/keyless.ts";
import { Pair } from "../support/pair.ts";
import { attack } from "./attack.ts";

const REPO = "corp/app";
const app = makeImage({ seed: "app" });
const ours = new TestSigstore();
const theirs = new TestSigstore();
const HOUR = 3_600_000;

/** A destination that holds an image, and perhaps a bundle that signs it. */
class KeylessPair extends Pair {
  readonly root = `${this.directory}/trusted_root.json`;

  constructor(by?: TestSigstore, options?: BundleOptions) {
    super({ referrers: true });
    Deno.writeTextFileSync(this.root, ours.trustedRoot());
    this.source.install(REPO, "v1", app);
    this.destination.install(REPO, "v1", app);
    if (by) {
      this.destination.install(REPO, undefined, by.sign(app, options));
    }
  }

  check(more: readonly string[] = []) {
    return hangar([
      "sign",
      "validate",
      "-f-",
      `-dhttp://${this.destination.host}`,
      `-o${this.failed}`,
      `--trusted-root=${this.root}`,
      `--certificate-identity=${ANN}`,
      `--certificate-oidc-issuer=${ISSUER}`,
      ...more,
    ], { stdin: `${REPO}:v1` });
  }

  /** Flags of one who signs as Ann; nobody answers at that Fulcio. */
  keyless(flags: readonly string[] = [`--trusted-root=${this.root}`]) {
    return [
      "--sign-format=bundle",
      "--fulcio-url=http://127.0.0.1:9",
      `--identity-token=${makeToken()}`,
      ...flags,
    ];
  }

  sign(flags?: readonly string[]) {
    return hangar([
      "sign",
      "-f-",
      `-dhttp://${this.destination.host}`,
      `-o${this.failed}`,
      "--timeout=500ms",
      ...this.keyless(flags),
    ], { stdin: `${REPO}:v1` });
  }
}

/** What hangar says of the image that a pair mirrors. */
function mirrored({ source, destination }: Pair) {
  const { digest } = app;
  return {
    predicateType: "https://jsr.io/@hangar/mirror/attestation/v1",
    predicate: {
      sources: [{ reference: `${source.host}/${REPO}:v1`, digest }],
      destination: { reference: `${destination.host}/${REPO}:v1`, digest },
      platforms: [{ platform: "linux/amd64", digest }],
      mirroredAt: "2026-01-02T03:04:05Z",
      mirroredBy: { name: "hangar", version: "1.0.0" },
    },
  };
}

Deno.test("keyless: an attestation that is verified counts as ours, and is shown", async () => {
  await using pair = new KeylessPair(ours);
  const attestation = ours.sign(app, { says: mirrored(pair) });
  pair.destination.install(REPO, undefined, attestation);
  const flags = [...pair.keyless(), "--attest", "--insecure-policy"];
  const valid = await pair.validate(`${REPO}:v1`, flags);
  assertEquals(valid.code, 0, valid.stderr);
  const shown = await hangar([
    "inspect",
    "--provenance",
    `--trusted-root=${pair.root}`,
    `--certificate-identity=${ANN}`,
    `--certificate-oidc-issuer=${ISSUER}`,
    `${pair.destination.host}/${REPO}:v1`,
  ]);
  assertEquals(shown.code, 0, shown.stderr);
  assertStringIncludes(shown.stdout, `verified: signed by ${ANN}`);
});

for (
  const [name, forge] of [
    [
      "by another authority",
      (pair) => theirs.sign(app, { says: mirrored(pair) }),
    ],
    ["of another image", (pair) =>
      ours.sign(app, {
        says: mirrored(pair),
        digest: makeImage({ seed: "other" }).digest,
      })],
    ["of another source", (pair) => {
      const { predicateType, predicate } = mirrored(pair);
      const { destination } = predicate;
      const sources = [{ ...destination, reference: "evil.test/app:v1" }];
      return ours.sign(app, {
        says: { predicateType, predicate: { ...predicate, sources } },
      });
    }],
    ["of another policy", (pair) => {
      const { predicateType, predicate } = mirrored(pair);
      const policy = { digest: app.digest, enforced: true, accepted: [] };
      return ours.sign(app, {
        says: { predicateType, predicate: { ...predicate, policy } },
      });
    }],
    ["with a predicate that is malformed", () =>
      ours.sign(app, {
        says: {
          predicateType: "https://jsr.io/@hangar/mirror/attestation/v1",
          predicate: { sources: [] },
        },
      })],
  ] as [string, (pair: KeylessPair) => MadeImage][]
) {
  attack(`an attestation ${name} does not pass`, async () => {
    await using pair = new KeylessPair(ours);
    pair.destination.install(REPO, undefined, forge(pair));
    const flags = [...pair.keyless(), "--attest", "--insecure-policy"];
    const { code, stderr } = await pair.validate(`${REPO}:v1`, flags);
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, "own attestation of");
  });
}

Deno.test("keyless: a bundle that is verified counts as ours, is not made twice, and passes", async () => {
  await using pair = new KeylessPair(ours);
  const checked = await pair.check();
  assertEquals(checked.code, 0, checked.stderr);
  const signed = await pair.sign();
  assertEquals(signed.code, 0, signed.stderr);
  assertStringIncludes(signed.stderr, "1 signed already");
  const valid = await pair.validate(`${REPO}:v1`, pair.keyless());
  assertEquals(valid.code, 0, valid.stderr);
});

const forgeries: readonly [string, TestSigstore, BundleOptions][] = [
  ["by a CA of its own", theirs, {}],
  ["with a signature that is none", ours, {
    signature: Uint8Array.of(0, 0, 0),
  }],
  ["for another e-mail address", ours, {
    certificate: { email: "eve@example.org" },
  }],
  ["for an address that contains ours", ours, {
    certificate: { email: `x${ANN}` },
  }],
  ["vouched for by another", ours, {
    certificate: { oidcIssuer: "https://evil.example" },
  }],
  ["with a certificate for servers", ours, {
    certificate: { usage: "1.3.6.1.5.5.7.3.1" },
  }],
  ["over another digest", ours, { digest: `sha256:${"0".repeat(64)}` }],
  ["that no log has", ours, { logged: false }],
  ["logged after its certificate had expired", ours, {
    certificate: {
      from: new Date(Date.now() - 3 * HOUR),
      until: new Date(Date.now() - 2 * HOUR),
    },
  }],
];

for (const [name, by, options] of forgeries) {
  attack(`a keyless bundle ${name} is no signature of ours`, async () => {
    await using pair = new KeylessPair(by, options);
    const checked = await pair.check();
    assertEquals(checked.code, 1, checked.stderr);
    assertStringIncludes(
      checked.stderr,
      `missing: a signature of ${app.digest} by ${ANN}`,
    );
    const valid = await pair.validate(`${REPO}:v1`, pair.keyless());
    assertEquals(valid.code, 1, valid.stderr);
    assertStringIncludes(valid.stderr, `missing: own signature`);
  });
}

attack(
  "a forged keyless bundle does not keep hangar from signing",
  async () => {
    const { certificate } = { certificate: { issuer: undefined } };
    await using pair = new KeylessPair(ours, {
      certificate,
      signature: Uint8Array.of(0, 0, 0),
      logged: false,
    });
    for (const flags of [undefined, []]) {
      const { code, stderr } = await pair.sign(flags);
      assertEquals(code, 1, stderr);
      assertStringIncludes(stderr, "0 signed already");
    }
  },
);

for (
  const [name, words, flags, says] of [
    [
      "mirror validate without a key or roots",
      ["mirror", "validate"],
      [
        "--sign-format=bundle",
        "--fulcio-url=http://127.0.0.1:9",
        `--identity-token=${makeToken()}`,
      ],
      "--trusted-root is missing",
    ],
    [
      "sign validate of an identity without roots",
      ["sign", "validate"],
      [
        `--certificate-identity=${ANN}`,
        `--certificate-oidc-issuer=${ISSUER}`,
      ],
      "--trusted-root is missing",
    ],
    [
      "sign validate with roots, but of nobody",
      ["sign", "validate"],
      ["--trusted-root=x"],
      "--certificate-identity is missing",
    ],
    [
      "sign validate of a key and an identity",
      ["sign", "validate"],
      ["--sigstore-pubkey=x", "--trusted-root=x"],
      "give one of them",
    ],
    [
      "sign validate of nothing",
      ["sign", "validate"],
      [],
      "--sigstore-pubkey is missing",
    ],
    [
      "a trusted root that is not there",
      ["sign", "validate"],
      [
        "--trusted-root=/nonexistent",
        `--certificate-identity=${ANN}`,
        `--certificate-oidc-issuer=${ISSUER}`,
      ],
      "/nonexistent",
    ],
  ] as const
) {
  Deno.test(`keyless: ${name} is wrong usage`, async () => {
    const { code, stderr } = await hangar(
      [...words, "-f-", "-dreg.example", ...flags],
      { stdin: "a/b" },
    );
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, says);
    assertEquals(stderr.trimEnd().split("\n").length, 1);
  });
}

for (
  const [name, text, says] of [
    ["text", "hello", "is not a trusted root"],
    ["no authority", "{}", "names no certificate authority"],
    [
      "a broken certificate",
      JSON.stringify({
        certificateAuthorities: [{
          certChain: { certificates: [{ rawBytes: "AAAA" }] },
        }],
      }),
      "is not a trusted root",
    ],
  ] as const
) {
  Deno.test(`keyless: a trusted root that holds ${name} is wrong usage`, async () => {
    await using pair = new KeylessPair();
    await Deno.writeTextFile(pair.root, text);
    const { code, stderr } = await pair.check();
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, says);
  });
}
