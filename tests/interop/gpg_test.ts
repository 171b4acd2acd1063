import { assertEquals } from "@std/assert";
import * as openpgp from "openpgp";
import { Keyring } from "../../src/signatures/gpg.ts";
import { makeImage } from "../support/images.ts";
import { interopIgnored } from "./support.ts";
import { runChecked, skopeo } from "./support/tools.ts";

const REFERENCE = "reg.example/corp/app:v1";
const FINGERPRINT = /^fpr:+([0-9A-F]{40}):/m;
const { keySuperseded, keyRetired } = openpgp.enums.reasonForRevocation;

/** How many days ago. */
function daysAgo(days: number): Date {
  return new Date(Date.now() - days * 86_400_000);
}

type Change = (key: openpgp.PrivateKey) => Promise<openpgp.PublicKey>;

function revokeFor(flag: openpgp.enums.reasonForRevocation): Change {
  return async (key) => {
    const { publicKey } = await openpgp.revokeKey({
      key,
      reasonForRevocation: { flag },
      format: "object",
    });
    return publicKey;
  };
}

const asItIs: Change = (key) => Promise.resolve(key.toPublic());

Deno.test({
  name: "interop: keys that expired or were revoked are judged as by skopeo",
  ignore: interopIgnored,
  fn: async () => {
    const image = makeImage({ seed: "app" });
    const payload = JSON.stringify({
      critical: {
        identity: { "docker-reference": REFERENCE },
        image: { "docker-manifest-digest": image.digest },
        type: "atomic container signature",
      },
      optional: {},
    });
    for (
      const [name, keyDays, subkeyDays, change, sigDays, passes] of [
        ["a good key", undefined, undefined, asItIs, undefined, true],
        ["an expired key", 10, undefined, asItIs, undefined, false],
        ["an expired subkey", undefined, 10, asItIs, undefined, false],
        [
          "a superseded key",
          undefined,
          undefined,
          revokeFor(keySuperseded),
          undefined,
          false,
        ],
        [
          "a retired key",
          undefined,
          undefined,
          revokeFor(keyRetired),
          undefined,
          false,
        ],
        ["a signature that lasts", undefined, undefined, asItIs, 90, true],
        ["an expired signature", undefined, undefined, asItIs, 5, false],
      ] as const
    ) {
      const directory = await Deno.makeTempDir({ prefix: "gpg-" });
      try {
        const env = { GNUPGHOME: directory, HOME: directory };
        const gpg = (args: string[]) =>
          runChecked("gpg", ["--batch", ...args], { env });
        const { privateKey } = await openpgp.generateKey({
          type: "rsa",
          rsaBits: 2048,
          userIDs: [{ name: "Ann", email: "ann@example.org" }],
          date: daysAgo(30),
          keyExpirationTime: (keyDays ?? 0) * 86_400,
          subkeys: subkeyDays === undefined
            ? []
            : [{ sign: true, keyExpirationTime: subkeyDays * 86_400 }],
          format: "object",
        });
        const path = (file: string) => `${directory}/${file}`;
        await Deno.writeTextFile(path("secret"), privateKey.armor());
        const publicKey = await change(privateKey);
        await Deno.writeTextFile(path("public"), publicKey.armor());
        await Deno.writeTextFile(path("payload"), payload);
        await Deno.writeFile(path("manifest"), image.bytes);
        await gpg(["--import", path("secret")]);
        const signedAt = daysAgo(25).toISOString().replace(/[-:]|\..*/g, "");
        await gpg([
          `--faked-system-time=${signedAt}!`,
          ...(sigDays === undefined
            ? []
            : [`--default-sig-expire=${sigDays}d`]),
          `--output=${path("signature")}`,
          "--sign",
          path("payload"),
        ]);
        await gpg(["--import", path("public")]);
        const listed = await gpg(["--list-keys", "--with-colons"]);
        const theirs = await skopeo([
          "standalone-verify",
          path("manifest"),
          REFERENCE,
          FINGERPRINT.exec(listed)![1]!,
          path("signature"),
        ], { env });
        const keyring = await Keyring.read(
          [await Deno.readFile(path("public"))],
          "the key",
        );
        const ours = await keyring.open(await Deno.readFile(path("signature")))
          .then(() => true, () => false);
        assertEquals(theirs.code === 0, passes, `skopeo, ${name}`);
        assertEquals(ours, passes, `hangar, ${name}`);
      } finally {
        await new Deno.Command("gpgconf", {
          args: ["--homedir", directory, "--kill", "all"],
          stderr: "null",
          stdout: "null",
        }).output();
        await Deno.remove(directory, { recursive: true });
      }
    }
  },
});
