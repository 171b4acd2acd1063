import { assert, assertEquals, assertStringIncludes } from "@std/assert";
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
  makeMultiArch,
  sha256,
} from "../support/images.ts";
import { Pair } from "../support/pair.ts";
import { isSignedBy, makeKey, signaturesOf } from "../support/signing.ts";

const REPO = "corp/app";

function tagOf(digest: string): string {
  return `${digest.replace(":", "-")}.sig`;
}

/** The signatures that a registry holds for a digest: what they say, and by whom. */
function signed(registry: FakeRegistry, digest: string) {
  const stored = registry.manifest(REPO, tagOf(digest));
  if (!stored) return [];
  const { layers } = JSON.parse(new TextDecoder().decode(stored.bytes));
  return layers.map((
    layer: { digest: string; annotations: Record<string, string> },
  ) => {
    const payload = registry.blob(layer.digest)!;
    const { critical } = JSON.parse(new TextDecoder().decode(payload));
    return {
      reference: critical.identity["docker-reference"],
      digest: critical.image["docker-manifest-digest"],
      byCosignKey: isSignedBy(
        payload,
        layer.annotations["dev.cosignproject.cosign/signature"]!,
        COSIGN_PUB,
      ),
    };
  });
}

class SigningPair extends Pair {
  readonly key = `${this.directory}/cosign.key`;
  readonly pub = `${this.directory}/cosign.pub`;
  readonly flags = [`--sigstore-private-key=${this.key}`];
  readonly options = { env: { COSIGN_PASSWORD: COSIGN_PASSPHRASE } };

  constructor(...options: ConstructorParameters<typeof Pair>) {
    super(...options);
    Deno.writeTextFileSync(this.key, COSIGN_KEY);
    Deno.writeTextFileSync(this.pub, COSIGN_PUB);
  }

  mirrorSigned(list: string, flags: string[] = []) {
    return this.mirror(list, [...this.flags, ...flags], this.options);
  }

  sign(words: string[], list: string, flags: string[] = []) {
    return hangar([
      ...words,
      "-f-",
      `-dhttp://${this.destination.host}`,
      `-o${this.failed}`,
      ...flags,
    ], { stdin: list, ...this.options });
  }
}

Deno.test("sign: index and children are signed for the destination before the tag is there, and once", async () => {
  await using pair = new SigningPair();
  const app = makeMultiArch("app", { attestations: true });
  pair.source.install(REPO, "v1", app);
  const { code, stderr } = await pair.mirrorSigned(`${REPO}:v1`);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "5 signatures made");
  const { destination } = pair;
  for (const { digest } of app.manifests) {
    assertEquals(signed(destination, digest), [{
      reference: `${destination.host}/${REPO}:v1`,
      digest,
      byCosignKey: true,
    }]);
  }
  const puts = destination.requests.filter((r) =>
    r.method === "PUT" && r.kind === "manifest"
  );
  assertEquals(puts.at(-1)?.reference, "v1");
  destination.clear();
  const again = await pair.mirrorSigned(`${REPO}:v1`);
  assertEquals(again.code, 0, again.stderr);
  assertEquals(destination.requests.filter((r) => r.method === "PUT"), []);
  const valid = await pair.validate(`${REPO}:v1`, pair.flags, pair.options);
  assertEquals(valid.code, 0, valid.stderr);
});

Deno.test("sign: what is up to date already is signed too, and validate misses what is not", async () => {
  await using pair = new SigningPair();
  const app = makeImage({ seed: "app" });
  pair.source.install(REPO, "v1", app);
  await pair.mirror(`${REPO}:v1`);
  const invalid = await pair.validate(`${REPO}:v1`, pair.flags, pair.options);
  assertEquals(invalid.code, 1);
  assertStringIncludes(
    invalid.stderr,
    `missing: own signature of ${app.digest}`,
  );
  const { stderr } = await pair.mirrorSigned(`${REPO}:v1`);
  assertStringIncludes(stderr, "1 up to date");
  assertEquals(signed(pair.destination, app.digest).length, 1);
});

Deno.test("sign: signatures that are there stay, and those of one key for one reference are not doubled", async () => {
  await using pair = new SigningPair();
  const app = makeImage({ seed: "app" });
  pair.source.install(REPO, "v1", app);
  pair.source.install(REPO, "v2", app);
  const other = makeKey();
  pair.destination.install(
    REPO,
    tagOf(app.digest),
    signaturesOf(app.digest, [{ key: other, reference: "elsewhere/app:1" }]),
  );
  const list = `${REPO}:v1\n${REPO}:v2`;
  for (let i = 0; i < 2; i++) {
    const { code, stderr } = await pair.mirrorSigned(list, ["-j2"]);
    assertEquals(code, 0, stderr);
  }
  const { host } = pair.destination;
  assertEquals(
    signed(pair.destination, app.digest).map((s: { reference: string }) =>
      s.reference
    ).sort(),
    [`${host}/${REPO}:v1`, `${host}/${REPO}:v2`, "elsewhere/app:1"].sort(),
  );
});

Deno.test("sign: what only the destination has is not signed, nor an index that holds it", async () => {
  await using pair = new SigningPair();
  pair.source.install(REPO, "v1", makeMultiArch("app"));
  const stranger = makeMultiArch("old", { platforms: ["linux/s390x"] });
  pair.destination.install(REPO, "v1", stranger);
  const { code, stderr } = await pair.mirrorSigned(`${REPO}:v1`, ["-aamd64"]);
  assertEquals(code, 0, stderr);
  const { destination } = pair;
  const top = destination.digestOf(REPO, "v1")!;
  const kept = stranger.manifests[0]!.digest;
  const says =
    `the index ${top} is not signed: it holds entries that only the destination has, and no source of this run vouches for: ${kept}`;
  assertStringIncludes(stderr, says);
  const own = destination.entries(REPO, "v1").filter((d) => d !== kept);
  assertEquals(own.length, 1);
  const check = () => {
    assertEquals(signed(destination, own[0]!).length, 1);
    for (const digest of [top, kept]) {
      assertEquals(signed(destination, digest), [], digest);
    }
  };
  check();
  const again = await pair.mirrorSigned(`${REPO}:v1`, ["-aamd64"]);
  assertStringIncludes(again.stderr, "1 up to date");
  assertStringIncludes(again.stderr, says);
  check();
  const valid = await pair.validate(
    `${REPO}:v1`,
    [...pair.flags, "-aamd64"],
    pair.options,
  );
  assertEquals(valid.code, 0, valid.stderr);
  assertStringIncludes(valid.stderr, says);
});

Deno.test("sign: an image of which nothing is selected is skipped and unsigned, also where it is there", async () => {
  await using pair = new SigningPair();
  for (
    const [tag, app] of [["v1", makeImage({ seed: "one" })], [
      "v2",
      makeMultiArch("app", { platforms: ["linux/amd64", "linux/386"] }),
    ]] as const
  ) {
    pair.source.install(REPO, tag, app);
    pair.destination.install(REPO, tag, app);
    const flags = ["-aarm64"];
    const { code, stderr } = await pair.mirrorSigned(`${REPO}:${tag}`, flags);
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, "0 up to date, 1 skipped");
    assertEquals(signed(pair.destination, app.digest), []);
    const valid = await pair.validate(
      `${REPO}:${tag}`,
      [...pair.flags, ...flags],
      pair.options,
    );
    assertEquals(valid.code, 1);
    assertStringIncludes(valid.stderr, "0 passed, 1 skipped, 0 failed");
  }
});

Deno.test("sign: a wrong passphrase is one line before any request", async () => {
  await using pair = new SigningPair();
  pair.source.install(REPO, "v1", makeImage({ seed: "app" }));
  const { code, stderr } = await pair.mirror(`${REPO}:v1`, pair.flags, {
    env: { COSIGN_PASSWORD: "wrong" },
  });
  assertEquals(code, 2);
  assertStringIncludes(stderr, "the passphrase for");
  assertEquals(stderr.trimEnd().split("\n").length, 1);
  assertEquals(pair.source.requests.length, 0);
  assertEquals(pair.destination.requests.length, 0);
});

Deno.test("sign: the passphrase comes from a file's first line, or from the terminal", async () => {
  await using pair = new SigningPair();
  pair.source.install(REPO, "v1", makeImage({ seed: "app" }));
  const file = `${pair.directory}/pass`;
  await Deno.writeTextFile(file, `${COSIGN_PASSPHRASE}\nmore\n`);
  const byFile = await pair.mirror(`${REPO}:v1`, [
    ...pair.flags,
    `--sigstore-passphrase-file=${file}`,
  ]);
  assertEquals(byFile.code, 0, byFile.stderr);
  const asked: string[] = [];
  const byPrompt = await pair.mirror(`${REPO}:v1`, pair.flags, {
    answers: (question) => {
      asked.push(question);
      return COSIGN_PASSPHRASE;
    },
  });
  assertEquals(byPrompt.code, 0, byPrompt.stderr);
  assertEquals(asked, [`Passphrase for ${pair.key}: `]);
  const byNobody = await pair.mirror(`${REPO}:v1`, pair.flags);
  assertEquals(byNobody.code, 2);
  assertStringIncludes(byNobody.stderr, "--sigstore-passphrase-file");
});

for (const format of ["cosign", "bundle"]) {
  for (const referrers of [true, false]) {
    Deno.test(
      `sign: images in place are signed in format ${format} and checked, ${
        referrers ? "with" : "without"
      } the referrers API`,
      async () => {
        await using pair = new SigningPair({ referrers });
        const app = makeMultiArch("app");
        pair.destination.install(REPO, "v1", app);
        const check = () =>
          pair.sign(["sign", "validate"], `${REPO}:v1`, [
            `--sigstore-pubkey=${pair.pub}`,
          ]);
        const before = await check();
        assertEquals(before.code, 1);
        assertStringIncludes(before.stderr, `signature of ${app.digest}`);
        assertEquals(await pair.failedLines(), [`${REPO}:v1`]);
        const sign = () =>
          pair.sign(["sign"], `${REPO}:v1`, [
            ...pair.flags,
            `--sign-format=${format}`,
          ]);
        const first = await sign();
        assertEquals(first.code, 0, first.stderr);
        assertStringIncludes(first.stderr, "3 signatures made");
        const again = await sign();
        assertStringIncludes(again.stderr, "1 signed already");
        assertStringIncludes(again.stderr, "0 signatures made");
        const after = await check();
        assertEquals(after.code, 0, after.stderr);
        const other = makeKey();
        await Deno.writeTextFile(pair.pub, other.publicPem);
        assertEquals((await check()).code, 1);
      },
    );
  }
}

for (
  const [name, signs, passing] of [
    ["the index alone, as cosign sign does", [true, false], ["index"]],
    ["the children alone, as Go hangar did", [false, true], ["children"]],
    ["all", [true, true], ["index", "children", "all"]],
    ["nothing", [false, false], []],
  ] satisfies [string, [boolean, boolean], string[]][]
) {
  Deno.test(`sign validate: what --require says must be signed, where ${name} is`, async () => {
    await using pair = new SigningPair();
    const key = makeKey();
    await Deno.writeTextFile(pair.pub, key.publicPem);
    const app = makeMultiArch("app");
    pair.destination.install(REPO, "v1", app);
    const [ofIndex, ofChildren] = signs;
    for (const { digest } of app.manifests) {
      if (digest === app.digest ? !ofIndex : !ofChildren) continue;
      pair.destination.install(
        REPO,
        tagOf(digest),
        signaturesOf(digest, [{ key, reference: "any/name:v1" }]),
      );
    }
    const check = (flags: string[]) =>
      pair.sign(["sign", "validate"], `${REPO}:v1`, [
        `--sigstore-pubkey=${pair.pub}`,
        ...flags,
      ]);
    for (const required of ["index", "children", "all"] as const) {
      const passes = passing.some((one: string) => one === required);
      const { code, stderr } = await check([`--require=${required}`]);
      assertEquals(code, passes ? 0 : 1, `${required}: ${stderr}`);
      assertStringIncludes(
        stderr,
        passes
          ? `is signed: ${required === "all" ? "" : "the "}${
            required === "all" ? "index and children" : required
          }`
          : `required: ${required} (--require); found: the index is ${
            ofIndex ? "signed" : "not signed"
          }, ${ofChildren ? 2 : 0} of its 2 children are`,
      );
      assertEquals(
        stderr.includes(`missing: a signature of ${app.digest}`),
        required !== "children" && !ofIndex,
      );
    }
    const usual = await check([]);
    assertEquals(usual.code, ofIndex && ofChildren ? 0 : 1, usual.stderr);
  });
}

Deno.test("sign: entries of a sparse index that are not there are neither signed nor missed", async () => {
  await using pair = new SigningPair({ quirks: { sparse: "taken" } });
  pair.damaged = true;
  const app = makeMultiArch("app");
  const [amd64, arm64] = app.manifests;
  pair.source.install(REPO, "v1", app);
  const flags = ["--index=sparse", "--arch=amd64"];
  await pair.mirror(`${REPO}:v1`, flags);
  const made = await pair.sign(["sign"], `${REPO}:v1`, pair.flags);
  assertEquals(made.code, 0, made.stderr);
  assertEquals(
    [app, amd64!, arm64!].map(({ digest }) =>
      signed(pair.destination, digest).length
    ),
    [1, 1, 0],
  );
  const proof = await pair.sign(["sign", "validate"], `${REPO}:v1`, [
    `--sigstore-pubkey=${pair.pub}`,
    "--require=all",
  ]);
  assertEquals(proof.code, 0, proof.stderr);
});

Deno.test("sign validate: a single image is its own index and child; another --require is wrong usage", async () => {
  await using pair = new SigningPair();
  const key = makeKey();
  await Deno.writeTextFile(pair.pub, key.publicPem);
  const app = makeImage({ seed: "app" });
  pair.destination.install(REPO, "v1", app);
  const check = (required: string) =>
    pair.sign(["sign", "validate"], `${REPO}:v1`, [
      `--sigstore-pubkey=${pair.pub}`,
      `--require=${required}`,
    ]);
  for (const required of ["index", "children", "all"]) {
    assertEquals((await check(required)).code, 1, required);
  }
  pair.destination.install(
    REPO,
    tagOf(app.digest),
    signaturesOf(app.digest, [{ key, reference: "any/name:v1" }]),
  );
  for (const required of ["index", "children", "all"]) {
    const { code, stderr } = await check(required);
    assertEquals(code, 0, stderr);
  }
  const wrong = await check("both");
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.stderr, "want index, children, all");
});

Deno.test("sign: a tampered payload, another digest, and a huge payload are no signatures", async () => {
  await using pair = new SigningPair();
  const key = makeKey();
  await Deno.writeTextFile(pair.pub, key.publicPem);
  const image = makeImage({ seed: "app" });
  pair.destination.install(REPO, "v1", image);
  const reference = "any/name:v1";
  const check = async (signatures: MadeImage) => {
    pair.destination.install(REPO, tagOf(image.digest), signatures);
    return await pair.sign(["sign", "validate"], `${REPO}:v1`, [
      `--sigstore-pubkey=${pair.pub}`,
    ]);
  };
  const { digest } = image;
  const bad = [
    signaturesOf(digest, [{
      key,
      reference,
      tamper: (bytes) => bytes.map((b, i) => i === 40 ? b ^ 1 : b),
    }]),
    signaturesOf(digest, [{
      key,
      reference,
      digest: sha256(image.bytes.slice(1)),
    }]),
    signaturesOf(digest, [{ key, reference, payload: () => ({}) }]),
    signaturesOf(digest, [{
      key,
      reference,
      payload: (json) => ({ ...json, optional: { x: "x".repeat(1 << 20) } }),
    }]),
  ];
  for (const signatures of bad) {
    const { code, stderr } = await check(signatures);
    assertEquals(code, 1, stderr);
  }
  const good = await check(signaturesOf(digest, [{ key, reference }]));
  assertEquals(good.code, 0, good.stderr);
});

for (const format of ["cosign", "bundle"]) {
  Deno.test(`sign: a signature in format ${format} whose content is gone is missed, and made whole`, async () => {
    await using pair = new SigningPair();
    const app = makeImage({ seed: "app" });
    pair.destination.install(REPO, "v1", app);
    const sign = () =>
      pair.sign(["sign"], `${REPO}:v1`, [
        ...pair.flags,
        `--sign-format=${format}`,
      ]);
    const first = await sign();
    assertEquals(first.code, 0, first.stderr);
    const { destination } = pair;
    const attached = format === "cosign"
      ? tagOf(app.digest)
      : destination.referrersOf(REPO, app.digest)[0]!.digest;
    const { bytes } = destination.manifest(REPO, attached)!;
    const { layers: [layer] } = JSON.parse(new TextDecoder().decode(bytes));
    destination.remove(REPO, layer.digest);
    const check = () =>
      pair.sign(["sign", "validate"], `${REPO}:v1`, [
        `--sigstore-pubkey=${pair.pub}`,
      ]);
    assertEquals((await check()).code, 1);
    const again = await sign();
    assertEquals(again.code, 0, again.stderr);
    assertStringIncludes(again.stderr, "1 signature made");
    const whole = await check();
    assertEquals(whole.code, 0, whole.stderr);
    assertStringIncludes((await sign()).stderr, "1 signed already");
    if (format === "cosign") {
      assertEquals(signed(destination, app.digest).length, 1);
    } else pair.damaged = true; // The bundle that was there is still broken.
  });
}

Deno.test("sign: a signature whose payload is altered for good is no signature, and said to be damaged", async () => {
  await using pair = new SigningPair();
  pair.damaged = true;
  const app = makeImage({ seed: "app" });
  pair.destination.install(REPO, "v1", app);
  const sign = () => pair.sign(["sign"], `${REPO}:v1`, pair.flags);
  assertEquals((await sign()).code, 0);
  const { bytes } = pair.destination.manifest(REPO, tagOf(app.digest))!;
  const { layers: [layer] } = JSON.parse(new TextDecoder().decode(bytes));
  pair.destination.flip(layer.digest);
  const again = await sign();
  assertEquals(again.code, 1, again.stderr);
  assertStringIncludes(again.stderr, "is damaged");
});

Deno.test("sign: an image that is not there fails alone", async () => {
  await using pair = new SigningPair();
  pair.destination.install(REPO, "v1", makeImage({ seed: "app" }));
  const { code, stderr } = await pair.sign(
    ["sign"],
    `${REPO}:v1\n${REPO}:v9`,
    pair.flags,
  );
  assertEquals(code, 1);
  assertStringIncludes(stderr, "there is no such image");
  assertStringIncludes(stderr, "1 signed");
  assertEquals(await pair.failedLines(), [`${REPO}:v9`]);
});

for (
  const [name, flags, says] of [
    ["no key", [], "--sigstore-private-key is missing"],
    ["an unknown format", ["--sign-format=x"], 'invalid value "x"'],
    [
      "Fulcio for cosign's format",
      ["--fulcio-url=https://f"],
      "--sign-format bundle",
    ],
    [
      "no identity",
      ["--sign-format=bundle", "--fulcio-url=https://f"],
      "--identity-token",
    ],
    [
      "a URL that is none",
      ["--sign-format=bundle", "--rekor-url=x"],
      "want an http(s) URL",
    ],
    [
      "a key that is not there",
      ["--sigstore-private-key=/nonexistent"],
      "/nonexistent",
    ],
    [
      "a passphrase for no key",
      ["--sigstore-passphrase-file=x"],
      "without --sigstore-private-key",
    ],
  ] as const
) {
  Deno.test(`sign: ${name} is wrong usage`, async () => {
    const { code, stderr } = await hangar(["sign", "-f-", ...flags], {
      stdin: "a/b",
    });
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, says);
  });
}

Deno.test("generate-sigstore-key: the key is for its owner alone, and files are not overwritten unasked", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const prefix = `${directory}/k`;
    const pass = `${directory}/pass`;
    await Deno.writeTextFile(pass, "secret\n");
    const generate = (flags: string[], answers?: (q: string) => string) =>
      hangar(["generate-sigstore-key", `-p${prefix}`, ...flags], { answers });
    const first = await generate([`--passphrase-file=${pass}`]);
    assertEquals(first.code, 0, first.stderr);
    assertEquals((await Deno.stat(`${prefix}.key`)).mode! & 0o777, 0o600);
    const before = await Deno.readTextFile(`${prefix}.key`);
    const unasked = await generate([`--passphrase-file=${pass}`]);
    assertEquals(unasked.code, 2);
    assertStringIncludes(unasked.stderr, "--auto-yes");
    assertEquals((await generate([], () => "n")).code, 1);
    assertEquals(await Deno.readTextFile(`${prefix}.key`), before);
    assertEquals(
      (await generate(["-y"], (q) => q.startsWith("The same") ? "a" : "b"))
        .stderr,
      "hangar: the two passphrases differ\n",
    );
    const again = await generate([`--passphrase-file=${pass}`, "-y"]);
    assertEquals(again.code, 0, again.stderr);
    assert(await Deno.readTextFile(`${prefix}.key`) !== before);
    assertEquals(
      [...Deno.readDirSync(directory)].map((e) => e.name).sort(),
      ["k.key", "k.pub", "pass"],
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("sign, sign validate: on a terminal each result is one line", async () => {
  await using pair = new SigningPair();
  const list = `${REPO}:v1\ncorp/other:v1\n`;
  for (const name of [REPO, "corp/other"]) {
    pair.destination.install(name, "v1", makeImage({ seed: name }));
  }
  const common = [
    "-f-",
    `-d${pair.destination.host}`,
    `--failed=${pair.failed}`,
  ];
  const terminal = { columns: 80, rows: 24 };
  const run = async (words: string[], list: string) => {
    const { stderr } = await hangar([...words, ...common], {
      ...pair.options,
      stdin: list,
      terminal,
    });
    return stderr.split("\n").map((line) => line.slice(line.indexOf("] [") + 2))
      .filter((line) => line.includes("[IMG:"));
  };
  const sign = ["sign", `--key=${pair.key}`];
  const first = await run(sign, `${REPO}:v1\n`);
  assertEquals(first.length, 1);
  assertStringIncludes(first[0]!, "[INFO] [IMG:1] signed      app:v1");
  const again = await run(sign, `${REPO}:v1\n`);
  assertStringIncludes(again[0]!, "[INFO] [IMG:1] up to date  app:v1");
  const [pass, fail, recap, ...more] = await run(
    ["sign", "validate", `--key=${pair.pub}`],
    list,
  );
  assertStringIncludes(pass!, "[INFO] [IMG:1] PASS        app:v1");
  assertStringIncludes(fail!, "[ERRO] [IMG:2] failed      other:v1: ");
  assertStringIncludes(recap!, "[ERRO] [IMG:2] corp/other:v1: ");
  assertEquals(more, []);
});
