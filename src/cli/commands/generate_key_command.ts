/**
 * `hangar generate-sigstore-key`
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import { fileError } from "../../machine/file_error.ts";
import { replaceFile } from "../../machine/replace_file.ts";
import { readPassphrase } from "../../machine/user_file.ts";
import type { CliContext } from "../context.ts";
import type { FlagValues } from "../flags/flags.ts";
import { ExitCode } from "../../run/exit_code.ts";

/** The command. */
export const generateKeyCommand: CommandSpec<CliContext> = {
  name: "generate-sigstore-key",
  alsoCalled: ["generate-key-pair", "keygen"],
  summary: "Make an encrypted key pair to sign images with",
  usage: ["hangar generate-sigstore-key [flags]"],
  examples: "hangar generate-sigstore-key --prefix sigstore",
  flags: [
    {
      name: "prefix",
      short: "p",
      type: "string",
      default: "sigstore",
      help: "the files are PREFIX.key and PREFIX.pub",
    },
    {
      name: "passphrase-file",
      type: "string",
      isFile: true,
      help: "file whose first line is the passphrase",
    },
    {
      name: "auto-yes",
      short: "y",
      type: "bool",
      default: false,
      help: "overwrite files without asking",
    },
  ],
  run: async (values, context) => {
    const prefix = values.string("prefix")!;
    if (prefix === "" || prefix.endsWith("/")) {
      throw new HangarError(
        "usage",
        `invalid value ${
          JSON.stringify(prefix)
        } for --prefix: want a file name`,
      );
    }
    const [keyFile, pubFile] = [`${prefix}.key`, `${prefix}.pub`];
    for (const file of [keyFile, pubFile]) {
      if (!await mayWrite(file, values, context)) return ExitCode.someFailed;
    }
    const passphrase = await newPassphrase(values, context);
    const { generateKeyPair } = await import(
      "../../signatures/sigstore_key.ts"
    );
    const { privatePem, publicPem } = generateKeyPair(passphrase);
    await writeKey(keyFile, privatePem, 0o600);
    await writeKey(pubFile, publicPem, 0o644);
    context.stdout(`Private key: ${keyFile}\nPublic key:  ${pubFile}\n`);
    return ExitCode.done;
  },
};

async function mayWrite(
  file: string,
  values: FlagValues,
  context: CliContext,
): Promise<boolean> {
  try {
    await Deno.lstat(file);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return true;
    throw fileError("look at", file, cause);
  }
  if (values.bool("auto-yes")) return true;
  const answer = await context.prompt(`Overwrite ${file}? [y/N] `);
  if (answer === undefined) {
    throw new HangarError("usage", `${file} is there already`, {
      hint: "overwrite it with --auto-yes, or choose another --prefix",
    });
  }
  return /^y(es)?$/i.test(answer.trim());
}

async function newPassphrase(
  values: FlagValues,
  context: CliContext,
): Promise<string> {
  const file = values.string("passphrase-file");
  if (file) {
    return await readPassphrase({ path: file, option: "--passphrase-file" });
  }
  const fromEnv = context.env("COSIGN_PASSWORD");
  if (fromEnv !== undefined) return fromEnv;
  const ask = (question: string) => context.prompt(question, { secret: true });
  const passphrase = await ask("Passphrase for the private key: ");
  if (passphrase === undefined) {
    throw new HangarError("usage", "the passphrase is missing", {
      hint: "give --passphrase-file, or set COSIGN_PASSWORD",
    });
  }
  if (await ask("The same once more: ") !== passphrase) {
    throw new HangarError("usage", "the two passphrases differ");
  }
  return passphrase;
}

/** Writes a file, with its mode from the start. */
async function writeKey(
  path: string,
  text: string,
  mode: number,
): Promise<void> {
  try {
    await replaceFile(path, [text], { mode });
  } catch (cause) {
    throw fileError("write", path, cause);
  }
}
