/**
 * The policy in force, and the files around it (containers-policy.json(5),
 * containers-registries.d(5)).
 *
 * @module
 */

import type {
  RegistriesDirectory,
  RegistriesFile,
} from "../config/registries_d.ts";
import type { Reference } from "../names/reference.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import type { PolicyJudge } from "../signatures/evaluate_policy.ts";
import type { Transport } from "../transport/transport.ts";
import type { Env } from "./certs_d.ts";
import { fileError, isAbsent, whyNoFile } from "./file_error.ts";
import { readUserFile, type UserFile } from "./user_file.ts";

const SYSTEM = "/etc/containers";

/** Makes a judge that reaches signatures by a transport. */
export type MakeJudge = (transport: Transport) => PolicyJudge;

/** A policy.json. */
export interface PolicyText {
  readonly text: string;
  /** Its name in messages, such as its path. */
  readonly name: string;
}

/** Where the user, and then the system, keep the files. */
function placesOf(env: Env): string[] {
  const home = env("HOME");
  return [...(home ? [`${home}/.config/containers`] : []), SYSTEM];
}

/**
 * The user's policy.json, or else the system's; undefined when there is none.
 *
 * @param given the policy instead of both
 * @throws {HangarError} `usage` or `file` when it cannot be read
 */
export async function findPolicy(
  env: Env,
  given?: UserFile,
): Promise<PolicyText | undefined> {
  if (given) return { name: given.path, text: await readUserFile(given) };
  for (const place of placesOf(env)) {
    const name = `${place}/policy.json`;
    try {
      return { name, text: await Deno.readTextFile(name) };
    } catch (cause) {
      if (isAbsent(cause)) continue;
      throw fileError("read", name, cause);
    }
  }
  return undefined;
}

/**
 * The function that makes the judge of a policy.
 *
 * @throws {HangarError} `file` when the policy, or a file of registries.d, cannot
 * be read or understood
 */
export async function judgeBy(
  policy: PolicyText,
  env: Env,
): Promise<MakeJudge> {
  const [{ parsePolicy, readsSignatures }, { PolicyJudge }] = await Promise.all(
    [
      import("../config/policy.ts"),
      import("../signatures/evaluate_policy.ts"),
    ],
  );
  const parsed = parsePolicy(policy.text, policy.name);
  // Most policies accept everything: the YAML of registries.d is not for them.
  const lookaside = readsSignatures(parsed)
    ? await openLookaside(env)
    : undefined;
  return (transport) =>
    new PolicyJudge(parsed, digestOf(new TextEncoder().encode(policy.text)), {
      readFile: (path) =>
        Deno.readFile(path).catch((cause) => {
          throw new Error(whyNoFile(cause), { cause });
        }),
      lookaside: async (image, digest, signal) =>
        await lookaside?.(image, digest, transport, signal) ?? [],
    });
}

/** Reads GPG signatures of an image. */
type ReadLookaside = (
  image: Reference,
  digest: Digest,
  transport: Transport,
  signal: AbortSignal,
) => Promise<Uint8Array[]>;

/** What reads GPG signatures from where registries.d has them. */
async function openLookaside(env: Env): Promise<ReadLookaside> {
  const { readLookaside } = await import("./lookaside.ts");
  const directory = await loadRegistriesD(placesOf(env));
  const home = env("HOME");
  const fallback = Deno.uid() === 0 || !home
    ? "file:///var/lib/containers/sigstore"
    : `file://${home}/.local/share/containers/sigstore`;
  return (image, digest, transport, signal) =>
    readLookaside(
      directory.lookasideFor(image) ?? new URL(fallback),
      { repository: image.repository, digest },
      transport,
      signal,
    );
}

/** Only the first directory that exists counts. */
async function loadRegistriesD(
  places: readonly string[],
): Promise<RegistriesDirectory> {
  const { RegistriesDirectory } = await import("../config/registries_d.ts");
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
      throw fileError("read", directory, cause);
    }
    files.sort((a, b) => a.name < b.name ? -1 : 1);
    return new RegistriesDirectory(files);
  }
  return new RegistriesDirectory([]);
}
