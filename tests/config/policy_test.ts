import { assertEquals, assertThrows } from "@std/assert";
import { parsePolicy, requirementsFor } from "../../src/config/policy.ts";
import {
  RegistriesDirectory,
  signatureUrl,
} from "../../src/config/registries_d.ts";
import { HangarError } from "../../src/errors.ts";
import { parseReference } from "../../src/names/reference.ts";

const ACCEPT = [{ type: "insecureAcceptAnything" }];
const REJECT = [{ type: "reject" }];
const DIGEST = `sha256:${"0".repeat(64)}`;

Deno.test("policy: the narrowest scope that is named decides", () => {
  const scopes: Record<string, string> = {
    "reg.example/corp/app:v1": "image",
    "reg.example/corp/app": "repository",
    "reg.example/corp": "project",
    "reg.example": "registry",
    "*.example": "domain",
    "docker.io/library": "library",
    [`reg.example/corp/app@${DIGEST}`]: "digest",
    "reg.example:5000/a": "port",
    "": "any",
  };
  const policy = parsePolicy(
    JSON.stringify({
      default: REJECT,
      transports: {
        docker: Object.fromEntries(
          Object.entries(scopes).map(([scope, name]) => [scope, [{
            type: "sigstoreSigned",
            keyPath: name,
          }]]),
        ),
        atomic: { "": REJECT },
      },
    }),
    "p",
  );
  const scopeOf = (text: string) => {
    const [one] = requirementsFor(policy, parseReference(text));
    return one?.type === "sigstoreSigned" && one.trust.kind === "keys" &&
        "path" in one.trust.keys[0]!
      ? one.trust.keys[0].path
      : one?.type;
  };
  assertEquals(scopeOf("reg.example/corp/app:v1"), "image");
  assertEquals(scopeOf("reg.example/corp/app:v2"), "repository");
  assertEquals(scopeOf(`reg.example/corp/app@${DIGEST}`), "digest");
  assertEquals(scopeOf("reg.example/corp/deep/er:v1"), "project");
  assertEquals(scopeOf("reg.example/corporate/app"), "registry");
  assertEquals(scopeOf("other.example/x"), "domain");
  assertEquals(scopeOf("a.b.example:5000/x"), "domain");
  assertEquals(scopeOf("reg.example:5000/a/b"), "port");
  assertEquals(scopeOf("nginx"), "library");
  assertEquals(scopeOf("quay.io/x/y"), "any");
});

Deno.test("policy: without a scope the default decides", () => {
  const policy = parsePolicy(JSON.stringify({ default: REJECT }), "p");
  assertEquals(requirementsFor(policy, parseReference("nginx")), [{
    type: "reject",
  }]);
});

const keyed = (more: Record<string, unknown>) => ({
  default: [{ type: "sigstoreSigned", keyPath: "/k", ...more }],
});
const FULCIO = { caPath: "/ca", oidcIssuer: "i", subjectEmail: "e" };

for (
  const [name, policy] of [
    ["no JSON", "{"],
    ["no default", { transports: {} }],
    ["an empty list", { default: [] }],
    ["no list", { default: {} }],
    ["an unknown field", { default: ACCEPT, extra: 1 }],
    ["a key twice", '{"default":[{"type":"reject","type":"reject"}]}'],
    ["an unknown requirement", { default: [{ type: "signedByMagic" }] }],
    ["a field of a requirement that is unknown", {
      default: [{ type: "reject", why: "x" }],
    }],
    ["an empty list of a scope", {
      default: ACCEPT,
      transports: { docker: { "reg.example": [] } },
    }],
    ["a sigstoreSigned without trust", {
      default: [{ type: "sigstoreSigned" }],
    }],
    ["two kinds of key", keyed({ keyData: "AAAA" })],
    ["a key and Fulcio", keyed({ fulcio: FULCIO })],
    ["no base64", {
      default: [{ type: "sigstoreSigned", keyData: "%%%" }],
    }],
    ["an empty list of keys", {
      default: [{ type: "sigstoreSigned", keyPaths: [] }],
    }],
    ["Fulcio without a log", {
      default: [{ type: "sigstoreSigned", fulcio: FULCIO }],
    }],
    ["Fulcio without an e-mail address", {
      default: [{
        type: "sigstoreSigned",
        fulcio: { caPath: "/ca", oidcIssuer: "i" },
        rekorPublicKeyPath: "/r",
      }],
    }],
    ["pki with a log", {
      default: [{
        type: "sigstoreSigned",
        pki: { caRootsPath: "/ca", subjectEmail: "e" },
        rekorPublicKeyPath: "/r",
      }],
    }],
    ["pki without a subject", {
      default: [{ type: "sigstoreSigned", pki: { caRootsPath: "/ca" } }],
    }],
    ["an unknown identity", keyed({ signedIdentity: { type: "matchAll" } })],
    [
      "an identity with a field too many",
      keyed({
        signedIdentity: { type: "matchExact", prefix: "x" },
      }),
    ],
    [
      "exactReference without one",
      keyed({
        signedIdentity: { type: "exactReference" },
      }),
    ],
    [
      "a prefix that is no name",
      keyed({
        signedIdentity: {
          type: "remapIdentity",
          prefix: "A B",
          signedPrefix: "x",
        },
      }),
    ],
    ["signedBy without a keyType", {
      default: [{ type: "signedBy", keyPath: "/k" }],
    }],
    ["signedBy without a key", {
      default: [{ type: "signedBy", keyType: "GPGKeys" }],
    }],
  ] as const
) {
  Deno.test(`policy: ${name} is an error that names the file, never a pass`, () => {
    const text = typeof policy === "string" ? policy : JSON.stringify(policy);
    const error = assertThrows(
      () => parsePolicy(text, "policy.json"),
      HangarError,
      "policy.json",
    );
    assertEquals(error.code, "file");
  });
}

Deno.test("policy: text that is no policy is told in plain words", () => {
  for (
    const [text, says] of [
      ["{", "policy.json is not JSON: "],
      [
        '{"default":[{"type":"reject","type":"x"}]}',
        'policy.json is ambiguous: the key "type" is there twice',
      ],
    ] as const
  ) {
    const error = assertThrows(() => parsePolicy(text, "policy.json"));
    assertEquals((error as Error).message.startsWith(says), true, text);
  }
});

Deno.test("policy: what the format knows and nobody supports rejects", () => {
  for (
    const requirement of [
      { type: "signedBy", keyType: "X509Certificates", keyPath: "/k" },
      {
        type: "signedBaseLayer",
        baseLayerIdentity: { type: "matchRepository" },
      },
    ]
  ) {
    const { default: [one] } = parsePolicy(
      JSON.stringify({ default: [requirement] }),
      "p",
    );
    assertEquals(one?.type, "never");
  }
});

Deno.test("registries.d: the narrowest scope with a lookaside decides", () => {
  const directory = new RegistriesDirectory([
    {
      name: "a.yaml",
      text: `default-docker: {sigstore: "https://sigs.example/default"}
docker:
  reg.example: {lookaside: "https://sigs.example/reg/"}
  reg.example/corp: {use-sigstore-attachments: true}
`,
    },
    {
      name: "b.yaml",
      text: "docker: {quay.io/x: {lookaside: 'file:///var/sigs'}}",
    },
  ]);
  const lookaside = (text: string) =>
    String(directory.lookasideFor(parseReference(text)));
  assertEquals(
    lookaside("reg.example/corp/app:v1"),
    "https://sigs.example/reg/",
  );
  assertEquals(lookaside("quay.io/x/y"), "file:///var/sigs");
  assertEquals(lookaside("nginx"), "https://sigs.example/default");
  assertEquals(
    signatureUrl(
      directory.lookasideFor(parseReference("reg.example/corp/app"))!,
      "corp/app",
      DIGEST,
      2,
    ).href,
    `https://sigs.example/reg/corp/app@sha256=${"0".repeat(64)}/signature-2`,
  );
});

for (
  const [name, texts] of [
    ["no YAML", ["a: [", ""]],
    ["another scheme", ["default-docker: {lookaside: 'ftp://x'}", ""]],
    ["one scope twice", ["docker: {a: {}}", "docker: {a: {}}"]],
    ["two defaults", ["default-docker: {}", "default-docker: {}"]],
  ] as const
) {
  Deno.test(`registries.d: ${name} is an error`, () => {
    const error = assertThrows(
      () =>
        new RegistriesDirectory(
          texts.map((text, i) => ({ name: `${i}.yaml`, text })),
        ),
      HangarError,
    );
    assertEquals(error.code, "file");
  });
}
