/**
 * Credential helpers: programs that keep credentials for docker and podman
 * (the docker-credential protocol).
 *
 * @module
 */

import { HangarError, printable } from "../errors.ts";
import { isJsonObject } from "../json.ts";

/** What a helper program answered. */
export interface HelperAnswer {
  readonly code: number;
  readonly stdout: string;
}

/**
 * Runs a program with one argument and some input. Rejects when it cannot be
 * run, or takes too long.
 */
export type RunHelper = (
  program: string,
  action: string,
  input: string,
) => Promise<HelperAnswer>;

/** A user name and a secret. */
export interface HelperCredentials {
  readonly username: string;
  readonly secret: string;
}

/** The name under which a helper gives an identity token. */
export const TOKEN_USERNAME = "<token>";

// What helpers print on standard output when they have no credentials
// (docker-credential-helpers, credentials/error.go).
const NOT_FOUND = "credentials not found in native keychain";

/** One helper, by the name that follows `docker-credential-`. */
export class CredentialHelper {
  readonly #program: string;
  readonly #run: RunHelper;

  /** @throws {HangarError} `credentials` for a name that is a path */
  constructor(name: string, run: RunHelper) {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
      throw new HangarError(
        "credentials",
        `${JSON.stringify(name)} is not the name of a credential helper`,
      );
    }
    this.#program = `docker-credential-${name}`;
    this.#run = run;
  }

  /** The credentials for a server; undefined when the helper has none. */
  async get(server: string): Promise<HelperCredentials | undefined> {
    const { code, stdout } = await this.#ask("get", server);
    if (code !== 0) {
      if (stdout.trim() === NOT_FOUND) return undefined;
      throw this.#failure("get", stdout);
    }
    let answer: unknown;
    try {
      answer = JSON.parse(stdout);
    } catch {
      // No cause: the message of a SyntaxError quotes the text.
      throw this.#failure("get", "its answer is not JSON");
    }
    const { Username: username, Secret: secret } = isJsonObject(answer)
      ? answer
      : {};
    if (typeof username === "string" && typeof secret === "string") {
      return { username, secret };
    }
    throw this.#failure("get", "its answer lacks Username or Secret");
  }

  /** Keeps credentials. */
  async store(server: string, credentials: HelperCredentials): Promise<void> {
    const input = JSON.stringify({
      ServerURL: server,
      Username: credentials.username,
      Secret: credentials.secret,
    });
    const { code, stdout } = await this.#ask("store", input);
    if (code !== 0) throw this.#failure("store", stdout);
  }

  /** Forgets the credentials for a server. */
  async erase(server: string): Promise<void> {
    const { code, stdout } = await this.#ask("erase", server);
    if (code !== 0 && stdout.trim() !== NOT_FOUND) {
      throw this.#failure("erase", stdout);
    }
  }

  async #ask(action: string, input: string): Promise<HelperAnswer> {
    try {
      return await this.#run(this.#program, action, input);
    } catch (cause) {
      throw new HangarError(
        "credentials",
        `credential helper ${this.#program} ${action}: ${
          cause instanceof Error ? cause.message : String(cause)
        }`,
        { cause },
      );
    }
  }

  #failure(action: string, said: string): HangarError {
    return new HangarError(
      "credentials",
      `credential helper ${this.#program} ${action}: ${
        printable(said, 200) || "failed without a word"
      }`,
    );
  }
}
