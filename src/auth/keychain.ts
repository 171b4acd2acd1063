/**
 * Credentials from the files where docker, podman and skopeo keep them
 * (containers-auth.json(5), docker's config.json).
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { type AuthEntry, type AuthFile, parseAuthFile } from "./auth_file.ts";

/** What a registry is answered with when it asks who is there. */
export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  /** An OAuth2 refresh token (`identitytoken`). */
  readonly identityToken?: string;
  /** Where they were found, for `--debug`; nothing secret. */
  readonly origin: string;
}

/** What a {@linkcode Keychain} asks of the machine it runs on. */
export interface KeychainEnvironment {
  /** An environment variable. */
  env(name: string): string | undefined;
  /** The numeric user id, where the system has such a thing. */
  uid(): number | undefined;
  /** The text of a file; `undefined` when there is no such file. */
  readTextFile(path: string): Promise<string | undefined>;
}

// An empty variable counts as unset (XDG base directory specification).
function variable(
  environment: KeychainEnvironment,
  name: string,
): string | undefined {
  return environment.env(name) || undefined;
}

/** The auth files in the order in which they are asked. */
function authFilePaths(environment: KeychainEnvironment): string[] {
  const override = variable(environment, "REGISTRY_AUTH_FILE");
  if (override !== undefined) return [override];

  const home = variable(environment, "HOME") ??
    variable(environment, "USERPROFILE");
  const paths: string[] = [];

  const runtime = variable(environment, "XDG_RUNTIME_DIR");
  const uid = environment.uid();
  if (runtime !== undefined) {
    paths.push(`${runtime}/containers/auth.json`);
  } else if (uid !== undefined) {
    paths.push(`/run/containers/${uid}/auth.json`);
  }

  const config = variable(environment, "XDG_CONFIG_HOME") ??
    (home && `${home}/.config`);
  if (config) paths.push(`${config}/containers/auth.json`);

  const docker = variable(environment, "DOCKER_CONFIG") ??
    (home && `${home}/.docker`);
  if (docker) paths.push(`${docker}/config.json`);
  return paths;
}

/** The keys that may hold credentials for a repository, most specific first. */
function candidateKeys(host: string, repository: string | undefined): string[] {
  const parts = repository?.split("/").filter((part) => part !== "") ?? [];
  const keys = [host];
  for (const part of parts) keys.push(`${keys.at(-1)}/${part}`);
  return keys.reverse();
}

// The names under which clients and auth files know Docker Hub.
const DOCKER_HUB_NAMES: readonly string[] = [
  "index.docker.io",
  "registry-1.docker.io",
];

function canonicalHost(host: string): string {
  const lower = host.toLowerCase();
  return DOCKER_HUB_NAMES.includes(lower) ? "docker.io" : lower;
}

interface NormalizedKey {
  readonly key: string;
  /** Whether the file spells it in just this way. */
  readonly exact: boolean;
}

/**
 * `host[:port][/path]` from a key. A key that is a URL means the whole host:
 * docker writes `https://host/v1/`, where the path is that of the API.
 */
function normalizeKey(raw: string): NormalizedKey {
  const bare = raw.replace(/^https?:\/\//i, "");
  const [host = "", ...path] = bare.split("/");
  const wholeHost = bare !== raw || /^v[12]$/.test(path.join("")) &&
      bare.endsWith("/");
  const parts = wholeHost ? [] : path.filter((part) => part !== "");
  const key = [canonicalHost(host), ...parts].join("/");
  return { key, exact: key === raw };
}

/** The entries of one file by normalised key. */
type KeyedEntries = ReadonlyMap<string, AuthEntry>;

function keyedEntries(file: AuthFile): KeyedEntries {
  const entries = new Map<string, AuthEntry>();
  const exactKeys = new Set<string>();
  for (const [raw, entry] of file.entries) {
    // Docker leaves empty entries for hosts whose credentials a helper holds.
    if (entry.kind === "empty") continue;
    const { key, exact } = normalizeKey(raw);
    if (entries.has(key) && (exactKeys.has(key) || !exact)) continue;
    if (exact) exactKeys.add(key);
    entries.set(key, entry);
  }
  return entries;
}

/**
 * Finds credentials for registries. Each file is read and parsed once, when
 * it is first needed.
 */
export class Keychain {
  readonly #environment: KeychainEnvironment;
  readonly #paths: readonly string[];
  readonly #files = new Map<string, Promise<KeyedEntries>>();

  constructor(environment: KeychainEnvironment) {
    this.#environment = environment;
    this.#paths = authFilePaths(environment);
  }

  /**
   * The credentials for a registry, those of the longest matching path in the
   * first file that has any; `undefined` when there are none.
   *
   * @param registryHost `host[:port]`; any of Docker Hub's names means the Hub
   * @param repository path within the registry, where it is known
   * @throws {HangarError} `file` when a file that is asked cannot be read or
   * understood; the message names the file and repeats nothing out of it
   */
  async credentialsFor(
    registryHost: string,
    repository?: string,
  ): Promise<Credentials | undefined> {
    const keys = candidateKeys(canonicalHost(registryHost), repository);
    // One after the other: a file behind the first hit must not be touched,
    // let alone fail the run.
    for (const path of this.#paths) {
      const entries = await this.#load(path);
      for (const key of keys) {
        const entry = entries.get(key);
        if (entry === undefined || entry.kind === "empty") continue;
        if (entry.kind === "malformed") throw malformed(path, entry.fault);
        return { ...entry.secrets, origin: path };
      }
    }
    return undefined;
  }

  #load(path: string): Promise<KeyedEntries> {
    const known = this.#files.get(path);
    if (known) return known;
    const loading = this.#read(path).catch((error: unknown) => {
      // The user may have mended the file by the time of the next image.
      this.#files.delete(path);
      throw error;
    });
    this.#files.set(path, loading);
    return loading;
  }

  async #read(path: string): Promise<KeyedEntries> {
    let text: string | undefined;
    try {
      text = await this.#environment.readTextFile(path);
    } catch (cause) {
      throw new HangarError("file", `cannot read auth file ${path}`, { cause });
    }
    if (text === undefined) return new Map();
    return keyedEntries(parseAuthFile(text, (fault) => malformed(path, fault)));
  }
}

function malformed(path: string, fault: string): HangarError {
  return new HangarError("file", `malformed auth file ${path}: ${fault}`, {
    hint: "mend the file, or log in again",
  });
}

/** The machine as Deno shows it. */
export function denoKeychainEnvironment(): KeychainEnvironment {
  return {
    env: (name) => Deno.env.get(name),
    uid: () => Deno.uid() ?? undefined,
    async readTextFile(path) {
      try {
        return await Deno.readTextFile(path);
      } catch (error) {
        if (
          error instanceof Deno.errors.NotFound ||
          error instanceof Deno.errors.NotADirectory
        ) return undefined;
        throw error;
      }
    },
  };
}
