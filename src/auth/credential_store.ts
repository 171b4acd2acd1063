/**
 * Where `login` keeps credentials and `logout` takes them from: a credential
 * helper where one is configured, else the auth file that podman would use.
 *
 * @module
 */

import { encodeBase64 } from "../base64.ts";
import { HangarError } from "../errors.ts";
import { isJsonObject } from "../json.ts";
import {
  CredentialHelper,
  type HelperCredentials,
} from "./credential_helper.ts";
import {
  authFilePaths,
  helperFor,
  type KeychainEnvironment,
  keyMeans,
  serverNameOf,
} from "./keychain.ts";

/** Keeps and forgets credentials. */
export class CredentialStore {
  readonly #environment: KeychainEnvironment;

  readonly #keyOf: (host: string) => string;

  /**
   * @param options.dockerKeys whether registries have the names in the file that
   * docker gives them; only Docker Hub's differs. @default {false}
   */
  constructor(
    environment: KeychainEnvironment,
    { dockerKeys = false }: { readonly dockerKeys?: boolean } = {},
  ) {
    this.#environment = environment;
    this.#keyOf = dockerKeys ? serverNameOf : (host) => host;
  }

  /**
   * Keeps credentials for a registry.
   *
   * @returns where they are now
   * @throws {HangarError} `file` or `credentials`
   */
  async save(host: string, credentials: HelperCredentials): Promise<string> {
    const helper = await helperFor(this.#environment, host);
    if (helper !== undefined) {
      await new CredentialHelper(helper, this.#environment.runHelper)
        .store(serverNameOf(host), credentials);
      return `credential helper ${helper}`;
    }
    const { username, secret } = credentials;
    const auth = encodeBase64(`${username}:${secret}`);
    let refusal: { readonly path: string; readonly cause: unknown } | undefined;
    for (const path of writablePaths(this.#environment)) {
      try {
        await this.#edit(path, (auths) => {
          for (const key of Object.keys(auths)) {
            if (keyMeans(key, host)) delete auths[key];
          }
          auths[this.#keyOf(host)] = { auth };
        });
        return path;
      } catch (error) {
        if (error instanceof HangarError) throw error;
        refusal ??= { path, cause: error };
      }
    }
    const { path, cause } = refusal ?? {};
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new HangarError(
      "file",
      path === undefined
        ? "cannot write the auth file: no place for it is known"
        : `cannot write the auth file ${path}: ${why}`,
      { cause, hint: "name one with REGISTRY_AUTH_FILE" },
    );
  }

  /**
   * Forgets the credentials for a registry.
   *
   * @returns where they were; empty when there were none
   */
  async forget(host: string): Promise<string[]> {
    const places: string[] = [];
    const helper = await helperFor(this.#environment, host);
    if (helper !== undefined) {
      const program = new CredentialHelper(helper, this.#environment.runHelper);
      if (await program.get(serverNameOf(host)) !== undefined) {
        await program.erase(serverNameOf(host));
        places.push(`credential helper ${helper}`);
      }
    }
    return [
      ...places,
      ...await this.#removeKeys((key) => keyMeans(key, host)),
    ];
  }

  /** Forgets the credentials for every registry in the auth files. */
  async forgetAll(): Promise<string[]> {
    return await this.#removeKeys(() => true);
  }

  async #removeKeys(matches: (key: string) => boolean): Promise<string[]> {
    const places: string[] = [];
    for (const path of authFilePaths(this.#environment)) {
      let found = false;
      await this.#edit(path, (auths) => {
        for (const key of Object.keys(auths).filter(matches)) {
          delete auths[key];
          found = true;
        }
        return found;
      });
      if (found) places.push(path);
    }
    return places;
  }

  /** Changes `auths` of a file, and nothing else in it. */
  async #edit(
    path: string,
    change: (auths: Record<string, unknown>) => boolean | void,
  ): Promise<void> {
    const text = await this.#environment.readTextFile(path);
    const document = parseObject(text ?? "", path);
    const given = document["auths"] ?? {};
    if (!isJsonObject(given)) throw malformed(path);
    const auths = { ...given };
    if (change(auths) === false) return;
    await this.#environment.writeSecretFile(
      path,
      `${JSON.stringify({ ...document, auths }, null, "\t")}\n`,
    );
  }
}

function parseObject(text: string, path: string): Record<string, unknown> {
  if (text.trim() === "") return {};
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw malformed(path);
  }
  if (!isJsonObject(document)) throw malformed(path);
  return { ...document };
}

function malformed(path: string): HangarError {
  return new HangarError(
    "file",
    `malformed auth file ${path}: it is left as it is`,
    { hint: "mend or remove it" },
  );
}

/** The last path is docker's own, which podman and skopeo do not write. */
function writablePaths(environment: KeychainEnvironment): string[] {
  const paths = authFilePaths(environment);
  return paths.length > 1 ? paths.slice(0, -1) : paths;
}
