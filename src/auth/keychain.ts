/**
 * Credentials from the files where docker, podman and skopeo keep them
 * (containers-auth.json(5), docker's config.json).
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import {
  canonicalRegistry,
  DOCKER_HUB,
  DOCKER_HUB_AUTH_KEY,
} from "../names/docker_hub.ts";
import { sharedWork } from "../shared_work.ts";
import { type AuthEntry, type AuthFile, parseAuthFile } from "./auth_file.ts";
import {
  CredentialHelper,
  type RunHelper,
  TOKEN_USERNAME,
} from "./credential_helper.ts";

/** Credentials for a registry. */
export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  /** An OAuth2 refresh token (`identitytoken`). */
  readonly identityToken?: string;
  /** Where they were found, for `--debug`; it holds no secret. */
  readonly origin: string;
}

/** What a {@linkcode Keychain} needs from the machine. */
export interface KeychainEnvironment {
  /** An environment variable. */
  env(name: string): string | undefined;
  /** The numeric user id, where the system has such a thing. */
  uid(): number | undefined;
  /**
   * The text of a file; `undefined` when there is no such file. What it throws
   * says why it cannot be read.
   */
  readTextFile(path: string): Promise<string | undefined>;
  /**
   * Writes a file that its owner alone may read, whole or not at all. What it
   * throws says why it cannot be written.
   */
  writeSecretFile(path: string, text: string): Promise<void>;
  readonly runHelper: RunHelper;
}

// An empty variable counts as unset (XDG base directory specification).
function variable(
  environment: KeychainEnvironment,
  name: string,
): string | undefined {
  return environment.env(name) || undefined;
}

/** The auth files, in the order in which they are read. */
export function authFilePaths(environment: KeychainEnvironment): string[] {
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

interface NormalizedKey {
  readonly key: string;
  /** Whether the file has the key in exactly this form. */
  readonly exact: boolean;
}

/**
 * `host[:port][/path]` from a key. A key that is a URL means the whole host:
 * docker writes `https://host/v1/`, and that path belongs to the API.
 */
function normalizeKey(raw: string): NormalizedKey {
  const bare = raw.replace(/^https?:\/\//i, "");
  const [host = "", ...path] = bare.split("/");
  const wholeHost = bare !== raw || /^v[12]$/.test(path.join("")) &&
      bare.endsWith("/");
  const parts = wholeHost ? [] : path.filter((part) => part !== "");
  const key = [canonicalRegistry(host), ...parts].join("/");
  return { key, exact: key === raw };
}

/** The content of one file, by normalised key. */
interface KeyedFile {
  readonly entries: ReadonlyMap<string, AuthEntry>;
  readonly helpers: ReadonlyMap<string, string>;
  readonly store?: string;
}

/** The name by which helpers know a registry. */
export function serverNameOf(host: string): string {
  return canonicalRegistry(host) === DOCKER_HUB ? DOCKER_HUB_AUTH_KEY : host;
}

/** Whether a key of an auth file means a whole registry. */
export function keyMeans(key: string, host: string): boolean {
  return normalizeKey(key).key === canonicalRegistry(host);
}

/** The helper for a registry, from the first file that names one. */
export async function helperFor(
  environment: KeychainEnvironment,
  host: string,
): Promise<string | undefined> {
  for (const path of authFilePaths(environment)) {
    const { helpers, store } = await readAuthFile(environment, path);
    const helper = helpers.get(canonicalRegistry(host)) ?? store;
    if (helper !== undefined) return helper;
  }
  return undefined;
}

async function readAuthFile(
  environment: KeychainEnvironment,
  path: string,
): Promise<KeyedFile> {
  let text: string | undefined;
  try {
    text = await environment.readTextFile(path);
  } catch (cause) {
    throw new HangarError(
      "file",
      `cannot read auth file ${path}: ${
        cause instanceof Error ? cause.message : cause
      }`,
      { cause },
    );
  }
  return keyedFile(
    parseAuthFile(text ?? "", (fault) => malformed(path, fault)),
  );
}

function keyedFile(file: AuthFile): KeyedFile {
  const entries = new Map<string, AuthEntry>();
  const exactKeys = new Set<string>();
  for (const [raw, entry] of file.entries) {
    // Docker writes an empty entry for a host whose credentials a helper keeps.
    if (entry.kind === "empty") continue;
    const { key, exact } = normalizeKey(raw);
    if (entries.has(key) && (exactKeys.has(key) || !exact)) continue;
    if (exact) exactKeys.add(key);
    entries.set(key, entry);
  }
  const helpers = new Map<string, string>();
  for (const [raw, name] of file.helpers) {
    helpers.set(normalizeKey(raw).key, name);
  }
  return { entries, helpers, store: file.store };
}

/**
 * Finds credentials for registries. Each file is read and parsed once, when
 * it is first needed.
 */
export class Keychain {
  readonly #environment: KeychainEnvironment;
  readonly #paths: readonly string[];
  readonly #files = new Map<string, Promise<KeyedFile>>();
  // A helper is a process, so it is asked once for a registry.
  readonly #helped = new Map<string, Promise<Credentials | undefined>>();

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
    const keys = candidateKeys(canonicalRegistry(registryHost), repository);
    // One after the other: a file after the first hit is not read, so that it
    // cannot fail the run.
    for (const path of this.#paths) {
      const { entries, helpers, store } = await this.#load(path);
      const host = canonicalRegistry(registryHost);
      const own = helpers.get(host);
      const helped = own && await this.#askHelper(own, host);
      if (helped) return helped;
      for (const key of keys) {
        const entry = entries.get(key);
        if (entry === undefined || entry.kind === "empty") continue;
        if (entry.kind === "malformed") throw malformed(path, entry.fault);
        return { ...entry.secrets, origin: path };
      }
      const stored = store && await this.#askHelper(store, host);
      if (stored) return stored;
    }
    return undefined;
  }

  /** Forgets what was read, for instance after a login. */
  forget(): void {
    this.#files.clear();
    this.#helped.clear();
  }

  #askHelper(name: string, host: string): Promise<Credentials | undefined> {
    return sharedWork(
      this.#helped,
      `${name} ${host}`,
      () => askHelper(name, host, this.#environment.runHelper),
    );
  }

  #load(path: string): Promise<KeyedFile> {
    // After a failure the user may repair the file before the next image.
    return sharedWork(
      this.#files,
      path,
      () => readAuthFile(this.#environment, path),
    );
  }
}

async function askHelper(
  name: string,
  host: string,
  run: RunHelper,
): Promise<Credentials | undefined> {
  const found = await new CredentialHelper(name, run).get(serverNameOf(host));
  if (!found) return undefined;
  const origin = `credential helper ${name}`;
  return found.username === TOKEN_USERNAME
    ? { identityToken: found.secret, origin }
    : { username: found.username, password: found.secret, origin };
}

function malformed(path: string, fault: string): HangarError {
  return new HangarError("file", `malformed auth file ${path}: ${fault}`, {
    hint: "mend the file, or log in again",
  });
}
