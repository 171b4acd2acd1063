/**
 * The flags that say how images are signed, and their signers and checkers.
 *
 * @module
 */

import { HangarError, invalidFlag } from "../../errors.ts";
import { openKeyFile } from "../../machine/signing_key.ts";
import { readUserFile } from "../../machine/user_file.ts";
import {
  makeSigners,
  type Signers,
  type SignFormat,
} from "../../run/make_signer.ts";
import type { SigningKey } from "../../signatures/sigstore_key.ts";
import type { BundleVerifier } from "../../signatures/verify_bundle.ts";
import { ProxyRules } from "../../transport/proxy/proxies.ts";
import type { CliContext } from "../context.ts";
import type { FlagSpec, FlagValues } from "./flags.ts";

/** The formats of signatures. */
export const SIGN_FORMATS = ["cosign", "bundle"] as const;

/** Sigstore's public log. */
const PUBLIC_LOG = "https://rekor.sigstore.dev";

/** The flags of what verifies signatures without a key. */
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
    refusesEmpty: true,
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
    help:
      "sign without a key, with a certificate from this Fulcio (with --sign-format bundle)",
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
    help: "record signatures in this Rekor log (with --sign-format bundle)",
  },
  {
    name: "tsa-url",
    type: "string",
    help:
      "have signatures timestamped by this timestamp authority (with --sign-format bundle)",
  },
  TRUSTED_ROOT_FLAG,
];

/** The flag of commands that mirror; see {@linkcode SIGN_FLAGS} for who signs. */
export const ATTEST_FLAG: FlagSpec = {
  name: "attest",
  type: "bool",
  default: false,
  help:
    "attest where images came from and which policy accepted them, signed by the key or identity that signs them",
};

/**
 * Who signs and attests, as options of a run: with `--attest` both do.
 *
 * @throws {HangarError} `usage` where `--attest` is given and nobody signs
 */
export function signersOf(
  values: FlagValues,
  signers: Signers | undefined,
): Partial<Signers> {
  if (!values.bool("attest")) return { signer: signers?.signer };
  if (signers) return signers;
  throw new HangarError(
    "usage",
    "--attest wants a signer: give --sigstore-private-key, or --sign-format bundle with --fulcio-url and --identity-token",
  );
}

const BUNDLE_FLAGS = [
  "fulcio-url",
  "identity-token",
  "rekor-url",
  "tsa-url",
  "trusted-root",
];

/** What the flags of signing need from the process. */
type SignContext = Pick<CliContext, "env" | "prompt">;

/**
 * The signers that the flags ask for; undefined when they ask for none. Keys are
 * opened here, so that a wrong passphrase is known before anything is copied.
 *
 * @throws {HangarError} `usage`, `file` or `key`
 */
export async function loadSigner(
  values: FlagValues,
  context: SignContext,
): Promise<Signers | undefined> {
  const format = values.choice("sign-format", SIGN_FORMATS) ?? "cosign";
  refuseContradictions(values, format);
  const key = await openKey(values, context);
  if (!key && format === "cosign") return undefined;
  const url = (flag: string) => urlOf(flag, values);
  return await makeSigners({
    format,
    key,
    fulcioUrl: url("fulcio-url"),
    rekorUrl: url("rekor-url") ?? publicLogOf(values),
    tsaUrl: url("tsa-url"),
    identityToken: await tokenOf(values),
    verifier: await loadVerifier(values),
    proxies: new ProxyRules((name) => context.env(name)),
  });
}

/** Whether `--tlog-upload` is given, and how. */
function wantsLog(values: FlagValues): boolean | undefined {
  return values.takes("tlog-upload")
    ? values.optionalBool("tlog-upload")
    : undefined;
}

function publicLogOf(values: FlagValues): string | undefined {
  return wantsLog(values) ? PUBLIC_LOG : undefined;
}

/** @throws {HangarError} `usage`, naming two flags that do not go together */
function refuseContradictions(values: FlagValues, format: SignFormat): void {
  const refuse = (why: string): never => {
    throw new HangarError("usage", why);
  };
  const bundleFlag = wantsLog(values)
    ? "tlog-upload"
    : BUNDLE_FLAGS.find((flag) => values.string(flag));
  if (values.string("rekor-url") && wantsLog(values) === false) {
    refuse("--rekor-url names a log, and --tlog-upload=false wants none");
  }
  if (format === "cosign" && bundleFlag) {
    refuse(`--${bundleFlag} is for bundles: give --sign-format bundle too`);
  }
  if (!values.string("sigstore-private-key")) {
    if (!values.string("sigstore-passphrase-file")) return;
    refuse(
      "--sigstore-passphrase-file is given without --sigstore-private-key",
    );
  }
  if (values.string("fulcio-url")) {
    refuse(
      "--fulcio-url signs without a key, --sigstore-private-key with one: give one of them",
    );
  }
  if (values.string("trusted-root")) {
    refuse(
      "--trusted-root is for signatures without a key: leave it out, or --sigstore-private-key",
    );
  }
}

/**
 * The checker of own signatures that the flags ask for; undefined when they ask
 * for none.
 *
 * @throws {HangarError} as {@linkcode loadSigner}; `usage` too where signatures
 * without a key cannot be verified
 */
export async function loadOwnChecker(
  values: FlagValues,
  context: SignContext,
): Promise<Signers | undefined> {
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
 * The verifier of signatures without a key; undefined without `--trusted-root`.
 *
 * @throws {HangarError} `usage`
 */
export async function loadVerifier(
  values: FlagValues,
): Promise<BundleVerifier | undefined> {
  const path = values.string("trusted-root");
  if (!path) return undefined;
  const json = await readUserFile({ path, option: "--trusted-root" });
  const { BundleVerifier } = await import("../../signatures/verify_bundle.ts");
  return new BundleVerifier(json, path);
}

function urlOf(flag: string, values: FlagValues): string | undefined {
  const text = values.string(flag);
  if (!text) return undefined;
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw invalidFlag(`--${flag}`, text, "want an http(s) URL");
}

/** A token has three parts and no slash; anything else is the path of one. */
async function tokenOf(values: FlagValues): Promise<string | undefined> {
  const given = values.string("identity-token");
  if (!given) return undefined;
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(given)) return given;
  const file = { path: given, option: "--identity-token" };
  return (await readUserFile(file)).trim();
}

async function openKey(
  values: FlagValues,
  context: SignContext,
): Promise<SigningKey | undefined> {
  const path = values.string("sigstore-private-key");
  if (!path) return undefined;
  const passphrase = values.string("sigstore-passphrase-file");
  return await openKeyFile({
    key: { path, option: "--sigstore-private-key" },
    passphrase: passphrase
      ? { path: passphrase, option: "--sigstore-passphrase-file" }
      : undefined,
  }, {
    env: (name) => context.env(name),
    prompt: (question, options) => context.prompt(question, options),
  });
}
