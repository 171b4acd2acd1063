/**
 * The flags that say how images are signed, and what they come to.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import type { ImageSigner } from "../../signing/image_signer.ts";
import type { SigningKey } from "../../signatures/sigstore_key.ts";
import type { BundleVerifier } from "../../signatures/verify_bundle.ts";
import { ProxyRules, variablesFor } from "../../transport/proxies.ts";
import type { CliContext } from "../context.ts";
import type { FlagSpec, FlagValues } from "./flags.ts";

/** The forms that signatures are made in. */
export const SIGN_FORMATS = ["cosign", "bundle"] as const;

/** What verifies signatures without a key. */
export const TRUSTED_ROOT_FLAG: FlagSpec = {
  name: "trusted-root",
  type: "string",
  isFile: true,
  help: "trusted_root.json, by which signatures without a key are verified",
};

/** Flags of every command that signs. */
export const SIGN_FLAGS: readonly FlagSpec[] = [
  {
    name: "sigstore-private-key",
    type: "string",
    isFile: true,
    help: "sign images by sigstore private key when mirror images",
  },
  {
    name: "sigstore-passphrase-file",
    type: "string",
    isFile: true,
    help: "passphrase file of the sigstore private key",
  },
  {
    name: "sign-format",
    type: "string",
    choices: SIGN_FORMATS,
    default: "cosign",
    help: "cosign (a .sig tag), or bundle (a Sigstore bundle as a referrer)",
  },
  {
    name: "fulcio-url",
    type: "string",
    help: "sign without a key, with a certificate from this Fulcio (bundle)",
  },
  {
    name: "identity-token",
    type: "string",
    isFile: true,
    help: "OIDC token for --fulcio-url, or a file that holds it",
  },
  {
    name: "rekor-url",
    type: "string",
    help: "record signatures in this Rekor log (bundle)",
  },
  {
    name: "tsa-url",
    type: "string",
    help: "have signatures timestamped by this timestamp authority (bundle)",
  },
  TRUSTED_ROOT_FLAG,
];

const BUNDLE_FLAGS = [
  "fulcio-url",
  "identity-token",
  "rekor-url",
  "tsa-url",
  "trusted-root",
];

/**
 * The signer that the flags ask for; undefined when they ask for none. Keys are
 * opened here, so that a wrong passphrase is known before anything is copied.
 *
 * @throws {HangarError} `usage`, `file` or `key`
 */
export async function loadSigner(
  values: FlagValues,
  context: CliContext,
): Promise<ImageSigner | undefined> {
  const format = values.choice("sign-format", SIGN_FORMATS);
  const path = values.string("sigstore-private-key");
  const given = BUNDLE_FLAGS.filter((flag) => values.string(flag));
  if (format === "cosign" && given.length > 0) {
    throw new HangarError(
      "usage",
      `--${given[0]} is for bundles: give --sign-format bundle too`,
    );
  }
  if (!path && values.string("sigstore-passphrase-file")) {
    throw new HangarError(
      "usage",
      "--sigstore-passphrase-file is given without --sigstore-private-key",
    );
  }
  if (path && values.string("fulcio-url")) {
    throw new HangarError(
      "usage",
      "--fulcio-url signs without a key, --sigstore-private-key with one: give one of them",
    );
  }
  if (path && values.string("trusted-root")) {
    throw new HangarError(
      "usage",
      "--trusted-root is for signatures without a key: leave it out, or --sigstore-private-key",
    );
  }
  if (!path && format === "cosign") return undefined;
  const key = path ? await openKey(path, values, context) : undefined;
  if (format === "cosign") {
    const { SimpleSigner } = await import("../../signing/simple_signer.ts");
    return new SimpleSigner(key!);
  }
  const urls = ["fulcio-url", "rekor-url", "tsa-url"].flatMap((flag) => {
    const text = urlOf(flag, values);
    return text === undefined ? [] : [new URL(text)];
  });
  const { BundleMaker } = await withVariables(
    variablesFor(new ProxyRules((name) => context.env(name)), urls),
    () => import("../../signatures/bundle.ts"),
  );
  const { BundleSigner } = await import("../../signing/bundle_signer.ts");
  const url = (flag: string) => urlOf(flag, values);
  return new BundleSigner(
    new BundleMaker({
      key,
      fulcioUrl: url("fulcio-url"),
      rekorUrl: url("rekor-url"),
      tsaUrl: url("tsa-url"),
      identityToken: await tokenOf(values),
      verifier: await loadVerifier(values),
    }),
  );
}

/**
 * The checker of own signatures that the flags ask for; undefined when they ask
 * for none.
 *
 * @throws {HangarError} as {@linkcode loadSigner}; `usage` too where signatures
 * without a key are to be believed unseen
 */
export async function loadOwnChecker(
  values: FlagValues,
  context: CliContext,
): Promise<ImageSigner | undefined> {
  const signer = await loadSigner(values, context);
  if (
    signer && !values.string("sigstore-private-key") &&
    !values.string("trusted-root")
  ) {
    throw new HangarError(
      "usage",
      "--trusted-root is missing: signatures without a key cannot be checked without it",
    );
  }
  return signer;
}

/**
 * What verifies signatures without a key; undefined without `--trusted-root`.
 *
 * @throws {HangarError} `usage`
 */
export async function loadVerifier(
  values: FlagValues,
): Promise<BundleVerifier | undefined> {
  const path = values.string("trusted-root");
  if (!path) return undefined;
  const json = await readUserFile(path, "--trusted-root");
  const { BundleVerifier } = await import("../../signatures/verify_bundle.ts");
  return new BundleVerifier(json, path);
}

/**
 * Loads a module that reads the environment when it is loaded, as the HTTP
 * client of @sigstore/sign does for proxies.
 */
async function withVariables<T>(
  variables: Readonly<Record<string, string>>,
  load: () => Promise<T>,
): Promise<T> {
  for (const [name, value] of Object.entries(variables)) {
    Deno.env.set(name, value);
  }
  try {
    return await load();
  } finally {
    for (const name of Object.keys(variables)) Deno.env.delete(name);
  }
}

function urlOf(flag: string, values: FlagValues): string | undefined {
  const text = values.string(flag);
  if (!text) return undefined;
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new HangarError(
    "usage",
    `invalid value ${JSON.stringify(text)} for --${flag}: want an http(s) URL`,
  );
}

/** A token has three parts and no slash; anything else is the path of one. */
async function tokenOf(values: FlagValues): Promise<string | undefined> {
  const given = values.string("identity-token");
  if (!given) return undefined;
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(given)
    ? given
    : (await readUserFile(given, "--identity-token")).trim();
}

async function openKey(
  path: string,
  values: FlagValues,
  context: CliContext,
): Promise<SigningKey> {
  const pem = await readUserFile(path, "--sigstore-private-key");
  const passphrase = await passphraseFor(path, values, context);
  const { openPrivateKey } = await import("../../signatures/sigstore_key.ts");
  return openPrivateKey(pem, passphrase, path);
}

/** The first line of the file, `COSIGN_PASSWORD`, or what the user types. */
async function passphraseFor(
  path: string,
  values: FlagValues,
  context: CliContext,
): Promise<string> {
  const file = values.string("sigstore-passphrase-file");
  if (file) return await readPassphrase(file);
  const answer = context.env("COSIGN_PASSWORD") ??
    await context.prompt(`Passphrase for ${path}: `, { secret: true });
  if (answer !== undefined) return answer;
  throw new HangarError("usage", `the passphrase for ${path} is missing`, {
    hint: "give --sigstore-passphrase-file, or set COSIGN_PASSWORD",
  });
}

/**
 * A passphrase as a file holds it: its first line.
 *
 * @throws {HangarError} `usage`
 */
export async function readPassphrase(
  file: string,
  flag = "--sigstore-passphrase-file",
): Promise<string> {
  const text = await readUserFile(file, flag);
  return text.split(/\r?\n/, 1)[0]!;
}

/**
 * A file that a flag names, as text.
 *
 * @throws {HangarError} `usage`, naming flag and file
 */
export async function readUserFile(
  path: string,
  flag: string,
): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw new HangarError(
      "usage",
      `invalid value ${JSON.stringify(path)} for ${flag}: ${
        cause instanceof Error ? cause.message : cause
      }`,
      { cause },
    );
  }
}
