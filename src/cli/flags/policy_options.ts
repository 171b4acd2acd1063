/**
 * The policy of a run, and the files around it.
 *
 * @module
 */

import type {
  RegistriesDirectory,
  RegistriesFile,
} from "../../config/registries_d.ts";
import { HangarError } from "../../errors.ts";
import type { Reference } from "../../names/reference.ts";
import type { Digest } from "../../oci/digest.ts";
import type { PolicyJudge } from "../../signatures/evaluate_policy.ts";
import { readBounded } from "../../transport/read_body.ts";
import { redactUrl } from "../../transport/redact_url.ts";
import { discard, type Transport } from "../../transport/transport.ts";
import type { CliContext } from "../context.ts";
import type { FlagSpec, FlagValues } from "./flags.ts";
import { readUserFile } from "./sign_options.ts";

/** Flags of every command that a policy matters to. */
export const POLICY_FLAGS: readonly FlagSpec[] = [
  {
    name: "policy",
    type: "string",
    isFile: true,
    help: "policy file, in place of the user's or the system's policy.json",
  },
];

const SYSTEM = "/etc/containers";
/** The most GPG signatures of one image that are looked at. */
const MAX_SIGNATURES = 100;
const MAX_SIGNATURE_BYTES = 1024 * 1024;

/** Makes a judge that reaches signatures by a transport. */
export type MakeJudge = (transport: Transport) => PolicyJudge;

/**
 * The policy that is in force; undefined when there is none.
 *
 * @throws {HangarError} `usage` or `file` when it cannot be read or understood
 */
export async function loadPolicy(
  values: FlagValues,
  context: CliContext,
): Promise<MakeJudge | undefined> {
  if (values.bool("insecure-policy")) return undefined;
  const given = values.string("policy");
  const home = context.env("HOME");
  const places = [
    ...(home ? [`${home}/.config/containers`] : []),
    SYSTEM,
  ];
  const found = given
    ? { path: given, text: await readUserFile(given, "--policy") }
    : await firstFile(places.map((place) => `${place}/policy.json`));
  if (!found) return undefined;
  const [{ parsePolicy }, { PolicyJudge }] = await Promise.all([
    import("../../config/policy.ts"),
    import("../../signatures/evaluate_policy.ts"),
  ]);
  const policy = parsePolicy(found.text, found.path);
  const directory = await loadRegistriesD(places);
  const fallback = Deno.uid() === 0 || !home
    ? "file:///var/lib/containers/sigstore"
    : `file://${home}/.local/share/containers/sigstore`;
  return (transport) =>
    new PolicyJudge(policy, {
      readFile: (path) => Deno.readFile(path),
      lookaside: (image, digest, signal) =>
        readLookaside(
          directory.lookasideFor(image) ?? new URL(fallback),
          { image, digest },
          transport,
          signal,
        ),
    });
}

async function firstFile(
  paths: readonly string[],
): Promise<{ readonly path: string; readonly text: string } | undefined> {
  for (const path of paths) {
    try {
      return { path, text: await Deno.readTextFile(path) };
    } catch (cause) {
      if (isAbsent(cause)) continue;
      throw new HangarError("file", `cannot read ${path}`, { cause });
    }
  }
  return undefined;
}

function isAbsent(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.NotADirectory;
}

/** The first directory that there is counts, alone. */
async function loadRegistriesD(
  places: readonly string[],
): Promise<RegistriesDirectory> {
  const { RegistriesDirectory } = await import("../../config/registries_d.ts");
  for (const place of places) {
    const directory = `${place}/registries.d`;
    const files: RegistriesFile[] = [];
    try {
      for await (const { name, isDirectory } of Deno.readDir(directory)) {
        if (isDirectory || !name.endsWith(".yaml")) continue;
        const path = `${directory}/${name}`;
        files.push({ name: path, text: await Deno.readTextFile(path) });
      }
    } catch (cause) {
      if (isAbsent(cause)) continue;
      throw new HangarError("file", `cannot read ${directory}`, { cause });
    }
    files.sort((a, b) => a.name < b.name ? -1 : 1);
    return new RegistriesDirectory(files);
  }
  return new RegistriesDirectory([]);
}

/** The signatures of an image: numbered from 1, up to the first that is not there. */
async function readLookaside(
  base: URL,
  wanted: { readonly image: Reference; readonly digest: Digest },
  transport: Transport,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const { image, digest } = wanted;
  const { signatureUrl } = await import("../../config/registries_d.ts");
  const signatures: Uint8Array[] = [];
  while (signatures.length < MAX_SIGNATURES) {
    const n = signatures.length + 1;
    const url = signatureUrl(base, image.repository, digest, n);
    const bytes = url.protocol === "file:"
      ? await readSignatureFile(url)
      : await fetchSignature(url, transport, signal);
    if (!bytes) break;
    signatures.push(bytes);
  }
  return signatures;
}

async function readSignatureFile(url: URL): Promise<Uint8Array | undefined> {
  try {
    const { size } = await Deno.stat(url);
    if (size > MAX_SIGNATURE_BYTES) {
      throw new HangarError(
        "too-large",
        `${url.pathname} has ${size} bytes, which no signature has`,
      );
    }
    return await Deno.readFile(url);
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    if (cause instanceof HangarError) throw cause;
    throw new HangarError("file", `cannot read ${url.pathname}`, { cause });
  }
}

async function fetchSignature(
  url: URL,
  transport: Transport,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const response = await transport({ method: "GET", url, signal });
  if (response.status === 200) {
    return await readBounded(response, MAX_SIGNATURE_BYTES, {
      method: "GET",
      url,
      signal,
    });
  }
  await discard(response);
  if (response.status === 404) return undefined;
  throw new HangarError(
    "registry",
    `GET ${redactUrl(url)}: ${response.status}, and no signature`,
    { status: response.status },
  );
}
