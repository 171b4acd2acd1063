/**
 * Where GPG signatures are kept, apart from their images: registries.d
 * (containers-registries.d(5)).
 *
 * @module
 */

import { parse as parseYaml } from "yaml";
import { describeError, HangarError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import type { Reference } from "../names/reference.ts";
import { scopesOf } from "./scopes.ts";

/** One file of the directory. */
export interface RegistriesFile {
  readonly name: string;
  readonly text: string;
}

/** The scopes of all files. */
export class RegistriesDirectory {
  readonly #default?: URL;
  readonly #scopes = new Map<string, URL | undefined>();

  /** @throws {HangarError} `file` when one is malformed, or two disagree */
  constructor(files: readonly RegistriesFile[]) {
    let defaultFrom: string | undefined;
    const from = new Map<string, string>();
    for (const { name, text } of files) {
      const json = parse(text, name);
      const fallback = json["default-docker"];
      if (fallback !== undefined && fallback !== null) {
        if (defaultFrom !== undefined) {
          throw new HangarError(
            "file",
            `default-docker is in both ${defaultFrom} and ${name}`,
          );
        }
        defaultFrom = name;
        this.#default = lookasideOf(fallback, `${name}: default-docker`);
      }
      for (const [scope, entry] of Object.entries(objectOf(json["docker"]))) {
        const other = from.get(scope);
        if (other !== undefined) {
          throw new HangarError(
            "file",
            `${scope} is in both ${other} and ${name}`,
          );
        }
        from.set(scope, name);
        this.#scopes.set(scope, lookasideOf(entry, `${name}: ${scope}`));
      }
    }
  }

  /** The base URL of an image's signatures; undefined when none is configured. */
  lookasideFor(reference: Reference): URL | undefined {
    for (const scope of scopesOf(reference)) {
      const found = this.#scopes.get(scope);
      if (found) return found;
    }
    return this.#default;
  }
}

function parse(text: string, name: string): JsonObject {
  try {
    return objectOf(parseYaml(text, { maxAliasCount: 100 }));
  } catch (cause) {
    throw new HangarError(
      "file",
      `${name} is not YAML: ${describeError(cause)}`,
      {
        cause,
      },
    );
  }
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** `lookaside`, or its older name. */
function lookasideOf(entry: unknown, where: string): URL | undefined {
  const { lookaside, sigstore } = objectOf(entry);
  const text = lookaside ?? sigstore;
  if (text === undefined || text === null || text === "") return undefined;
  if (
    typeof text === "string" && URL.canParse(text) &&
    /^(?:file|https?):/.test(text)
  ) {
    return new URL(text);
  }
  throw new HangarError(
    "file",
    `${where}: the lookaside ${
      JSON.stringify(text)
    } is no file, http or https URL`,
  );
}

/** The URL of the n-th signature (from 1) of a digest, below a base URL. */
export function signatureUrl(
  base: URL,
  repository: string,
  digest: string,
  n: number,
): URL {
  const url = new URL(base);
  const path = base.pathname.replace(/\/$/, "");
  url.pathname = `${path}/${repository}@${
    digest.replace(":", "=")
  }/signature-${n}`;
  return url;
}
