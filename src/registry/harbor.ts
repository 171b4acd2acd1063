/**
 * Harbor's projects. A push to Harbor may need one, and the registry protocol
 * cannot make it (Harbor API v2.0, /projects).
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { discard, type Transport } from "../transport/transport.ts";
import { registryError } from "./registry_error.ts";

function isJson(response: Response): boolean {
  return /^application\/json\b/i.test(
    response.headers.get("content-type") ?? "",
  );
}

/** The projects of one Harbor. */
export class HarborProjects {
  readonly #send: Transport;
  readonly #base: URL;

  /**
   * @param send reaches the API with the account's credentials
   * @param base where the registry answers
   */
  constructor(send: Transport, base: URL) {
    this.#send = send;
    this.#base = base;
  }

  /** Whether there is a project of this name, as far as the account can see. */
  async has(name: string, signal?: AbortSignal): Promise<boolean> {
    const request = {
      method: "HEAD",
      url: this.#url({ project_name: name }),
      signal,
    } as const;
    const response = await this.#send(request);
    if (!response.ok && response.status !== 404) {
      throw await registryError(request, response);
    }
    await discard(response);
    return response.ok;
  }

  /**
   * The same, asked of a server that may not be Harbor: other registries answer
   * 404 to everything.
   *
   * @throws {HangarError} `usage` when the server is not Harbor
   */
  async hasForSure(name: string, signal?: AbortSignal): Promise<boolean> {
    if (await this.has(name, signal)) return true;
    // Harbor lists the projects that the account sees, even when there are none.
    const request = {
      method: "GET",
      url: this.#url({ page_size: "1" }),
      signal,
    } as const;
    const response = await this.#send(request);
    if (response.ok && isJson(response)) {
      await discard(response);
      return false;
    }
    const error = await registryError(request, response);
    if (response.status === 401 || response.status === 403) throw error;
    throw this.#noHarbor(error);
  }

  #noHarbor(error: HangarError): HangarError {
    return new HangarError(
      "usage",
      `${this.#base.host} does not answer as Harbor (${error.message}), and only there can --create-project make projects`,
      { cause: error, status: error.status },
    );
  }

  /**
   * Makes a private project, unless there is one of this name.
   *
   * @returns whether it was made
   * @throws {HangarError} `usage` when the server is not Harbor, or the account
   * may not make projects
   */
  async ensure(name: string, signal?: AbortSignal): Promise<boolean> {
    const { host } = this.#base;
    if (await this.has(name, signal)) return false;
    const request = {
      method: "POST",
      url: this.#url(),
      headers: { "content-type": "application/json" },
      body: new TextEncoder().encode(
        JSON.stringify({ project_name: name, metadata: { public: "false" } }),
      ),
      signal,
    } as const;
    const response = await this.#send(request);
    if (response.status === 201 || response.status === 409) {
      await discard(response);
      return response.status === 201;
    }
    const error = await registryError(request, response);
    if (response.status === 404 || response.status === 405) {
      throw this.#noHarbor(error);
    }
    if (response.status === 401 || response.status === 403) {
      throw new HangarError(
        "usage",
        `the account for ${host} may not make project ${name}: ${error.message}`,
        {
          cause: error,
          status: response.status,
          hint:
            "make the project in Harbor, or log in with an account that may; a robot account needs the system permission to create projects",
        },
      );
    }
    throw error;
  }

  #url(query: Readonly<Record<string, string>> = {}): URL {
    const url = new URL("/api/v2.0/projects", this.#base);
    for (const [key, value] of Object.entries(query)) {
      url.searchParams.set(key, value);
    }
    return url;
  }
}
