import { assert, assertEquals, assertRejects } from "@std/assert";
import { sign } from "node:crypto";
import { copy, HangarError, mirror, validate } from "../../main.ts";
import { generateKeyPair } from "../../src/signatures/sigstore_key.ts";
import { makeKey } from "../support/signing.ts";
import { between, type Pair, printedBy } from "./support.ts";

const REJECT = { default: [{ type: "reject" }] };
const ACCEPT = { default: [{ type: "insecureAcceptAnything" }] };

const named = ({ source, destination }: Pair) => ({
  source: `${source.host}/corp/app:v1`,
  destination: `${destination.host}/team/app`,
});

Deno.test("library policy: what it rejects is not copied, whether it comes as JSON or as a file", async () => {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await between(async (pair) => {
      const reject = async (policy: { file: string } | { json: unknown }) => {
        const error = await assertRejects(
          () => copy({ ...named(pair), policy }),
          HangarError,
        );
        assertEquals(error.code, "rejected");
        assert(!`${error.hint}`.includes("--"), error.hint);
        assertEquals(pair.destination.tags(), []);
      };
      await reject({ json: REJECT });
      await Deno.writeTextFile(file, JSON.stringify(REJECT));
      await reject({ file });
      await copy({ ...named(pair), policy: { json: ACCEPT } });
      assertEquals(pair.destination.tags(), ["team/app:v1"]);
    });
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("library policy: one that is malformed is refused before anything is read", async () => {
  await between(async (pair) => {
    const error = await assertRejects(
      () => copy({ ...named(pair), policy: { json: { defualt: [] } } }),
      HangarError,
      "the policy option",
    );
    assertEquals(error.code, "file");
    assertEquals(pair.source.requests.length, 0);
  });
});

Deno.test("library policy: insecure accepts what the user's own policy rejects", async () => {
  const home = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${home}/.config/containers`, { recursive: true });
    await Deno.writeTextFile(
      `${home}/.config/containers/policy.json`,
      JSON.stringify(REJECT),
    );
    await between(async (pair) => {
      const run = (policy?: string) =>
        printedBy(
          `import { copy } from HANGAR;
           const options = ${JSON.stringify({ ...named(pair), policy })};
           console.log(await copy(options).then((c) => c.outcome, (e) => e.code));`,
          { HOME: home },
        );
      assertEquals(await run(), "rejected");
      assertEquals(await run("insecure"), "copied");
    });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

for (const format of ["cosign", "bundle"] as const) {
  Deno.test(`library signer: a key signs in format ${format}, and a validation looks for it`, async () => {
    const { privatePem } = generateKeyPair("pass");
    const signer = { key: privatePem, password: "pass", format };
    await between(async (pair) => {
      const options = {
        images: ["corp/app:v1"],
        source: pair.source.host,
        destination: pair.destination.host,
      };
      const plain = await mirror(options);
      assertEquals(plain.totals.signaturesMade, 0);
      const unsigned = await validate({ ...options, signer });
      assertEquals(unsigned.images[0]!.outcome, "failed");
      const signed = await mirror({ ...options, signer });
      // The index, and both images of it.
      assertEquals(signed.totals.signaturesMade, 3);
      const proof = await validate({ ...options, signer });
      assertEquals(proof.images[0]!.outcome, "passed");
    });
  });
}

Deno.test("library signer: a role signs with a key that hangar does not see", async () => {
  const { privateKey, publicPem } = makeKey();
  let asked = 0;
  const signer = {
    publicKey: publicPem,
    sign: (bytes: Uint8Array) => {
      asked++;
      return Promise.resolve(new Uint8Array(sign("sha256", bytes, privateKey)));
    },
  };
  await between(async (pair) => {
    const { destination, app } = pair;
    await copy({ ...named(pair), signer });
    assertEquals(asked, 3);
    const tag = `${app.digest.replace(":", "-")}.sig`;
    assert(destination.tags().includes(`team/app:${tag}`));
    await copy({ ...named(pair), signer });
    assertEquals(asked, 3, "what is signed is not signed again");
  });
});

Deno.test("library signer: a signature by another key is refused, and nothing is tagged", async () => {
  const { publicPem } = makeKey();
  const { privateKey } = makeKey();
  await between(async (pair) => {
    const error = await assertRejects(
      () =>
        copy({
          ...named(pair),
          signer: {
            publicKey: publicPem,
            sign: (bytes) => new Uint8Array(sign("sha256", bytes, privateKey)),
          },
        }),
      HangarError,
      "does not verify",
    );
    assertEquals(error.code, "key");
    assertEquals(pair.destination.tags(), []);
  });
});

Deno.test("library signer: a wrong password is an error before anything is read", async () => {
  const { privatePem } = generateKeyPair("pass");
  await between(async (pair) => {
    const error = await assertRejects(
      () =>
        copy({
          ...named(pair),
          signer: { key: privatePem, password: "wrong" },
        }),
      HangarError,
      "signer.key",
    );
    assertEquals(error.code, "key");
    assert(!`${error.hint}`.includes("--"), error.hint);
    assertEquals(pair.source.requests.length, 0);
  });
});
