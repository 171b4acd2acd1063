/**
 * The YAML files of `skopeo sync`.
 *
 * @module
 */

import { DOCKER_HUB } from "../../names/docker_hub.ts";
import {
  canonicalHost,
  parseReference,
  parseRepository,
  type RepositoryName,
} from "../../names/reference.ts";
import { HangarError } from "../../errors.ts";
import { isDigest } from "../../oci/digest.ts";
import type {
  ImageList,
  ListChoice,
  ListDestination,
  ListEntry,
} from "../image_list.ts";
import type { RegistrySettings } from "../registry_settings.ts";
import { compileExpression } from "../tags/re2.ts";
import { parseConstraint } from "../tags/semver_constraint.ts";
import type { TagSelector } from "../tags/tag_rules.ts";
import { at, only } from "./sync_settings.ts";
import type { YamlValue } from "./yaml_values.ts";

/** Where the images of a file go, which the file does not say. */
export interface SkopeoDestination {
  /** `--destination` */
  readonly host?: string;
  /** `--destination-project` */
  readonly project?: string;
  /** The source's registry and path become part of the destination's. */
  readonly scoped?: boolean;
}

const IMAGES = ["images", "images-by-tag-regex", "images-by-semver"] as const;
const KEYS = new Set<string>([
  ...IMAGES,
  "credentials",
  "tls-verify",
  "cert-dir",
]);

/** Whether a document is skopeo's: registries, and what they are to have. */
export function isSkopeoSync(document: YamlValue): boolean {
  if (!document.isMap) return false;
  const registries = [...document.map()];
  return registries.length > 0 &&
    registries.every(([, registry]) => registry.isMap || registry.isEmpty) &&
    (registries.every(([name]) => isHostName(name)) ||
      registries.some(([, registry]) =>
        registry.isMap &&
        [...registry.map().keys()].some((key) => KEYS.has(key))
      ));
}

/** Whether a name can only be that of a host. */
function isHostName(name: string): boolean {
  return (/[.:]/.test(name) || name === "localhost") &&
    canonicalHost(name) !== undefined;
}

/**
 * Reads the file.
 *
 * @throws {HangarError} `usage`, naming key and line
 */
export function readSkopeoSync(
  document: YamlValue,
  destination: SkopeoDestination,
): ImageList {
  if (destination.host === undefined) {
    throw new HangarError(
      "usage",
      `${document.file} does not say where its images go`,
      { hint: "give --destination" },
    );
  }
  const reader = new SkopeoReader(destination.host, destination);
  const registries: RegistrySettings[] = [];
  const warnings: string[] = [];
  for (const [name, registry] of document.map()) {
    const values = registry.map();
    only(registry, values, KEYS);
    if (IMAGES.every((key) => (values.get(key)?.map().size ?? 0) === 0)) {
      warnings.push(
        `${registry.file}:${registry.line}: ${name} names no images`,
      );
    }
    const host = canonicalHost(name) ??
      registry.refuse("want a registry, as HOST or HOST:PORT");
    registries.push(settingsOf(host, values));
    reader.read(name, values);
  }
  const { entries, choices } = reader;
  return {
    name: document.file,
    entries,
    choices,
    invalid: [],
    settings: { registries },
    warnings,
  };
}

/** Collects entries and choices. */
class SkopeoReader {
  readonly entries: ListEntry[] = [];
  readonly choices: ListChoice[] = [];
  readonly #host: string;
  readonly #project?: string;
  readonly #scoped: boolean;

  constructor(host: string, { project, scoped = false }: SkopeoDestination) {
    this.#host = host;
    this.#project = project;
    this.#scoped = scoped;
  }

  read(registry: string, values: ReadonlyMap<string, YamlValue>): void {
    for (const [name, tags] of values.get("images")?.map() ?? []) {
      const source = this.#sourceOf(tags, `${registry}/${name}`);
      const named = tags.list();
      if (named.length === 0) this.#choose(tags, source, { tags: [] });
      for (const tag of named) this.#add(tag, source);
    }
    for (
      const [name, regex] of values.get("images-by-tag-regex")?.map() ?? []
    ) {
      const pattern = at(regex, () => compileExpression(regex.text()));
      const source = this.#sourceOf(regex, `${registry}/${name}`);
      this.#choose(regex, source, {
        tags: [{ allow: [pattern] }],
        extension: { regex: regex.text() },
      });
    }
    for (const [name, range] of values.get("images-by-semver")?.map() ?? []) {
      const constraint = at(range, () => parseConstraint(range.text()));
      const source = this.#sourceOf(range, `${registry}/${name}`);
      this.#choose(range, source, {
        tags: [{ ranges: [constraint] }],
        extension: { semver: range.text() },
      });
    }
  }

  #sourceOf(value: YamlValue, name: string): RepositoryName {
    return at(value, () => parseRepository(name));
  }

  #add(value: YamlValue, source: RepositoryName): void {
    const text = value.text();
    const name = nameOf(source);
    const reference = at(
      value,
      () =>
        parseReference(isDigest(text) ? `${name}@${text}` : `${name}:${text}`),
    );
    const destination = this.#destinationOf(value, source);
    const to = nameOf(destination);
    this.entries.push({
      line: value.line,
      ordinal: this.#next,
      text: reference.digest === undefined
        ? `${name} ${to} ${text}`
        : `${name}@${text}`,
      source: reference,
      destination,
    });
  }

  #choose(
    value: YamlValue,
    source: RepositoryName,
    { tags, extension }: {
      readonly tags: TagSelector;
      /** What a line cannot say. */
      readonly extension?: Readonly<Record<string, string>>;
    },
  ): void {
    const destination = this.#destinationOf(value, source);
    const textOf = (tag: string) =>
      `${nameOf(source)} ${nameOf(destination)} ${tag}`;
    this.choices.push({
      line: value.line,
      ordinal: this.#next,
      text: textOf("*") +
        (extension ? ` # tags ${JSON.stringify(extension)}` : ""),
      source,
      destination,
      tags,
      textOf,
    });
  }

  get #next(): number {
    return this.entries.length + this.choices.length + 1;
  }

  /** The last part of its path, or with `--scoped` all of its name. */
  #destinationOf(
    value: YamlValue,
    { registry, repository }: RepositoryName,
  ): ListDestination {
    const path = this.#scoped
      ? `${registry}/${repository}`
      : repository.split("/").at(-1)!;
    // --destination-project replaces the first part of what a list names.
    const [project] = this.#project?.split("/") ?? [];
    const name = project === undefined ? path : `${project}/${path}`;
    const isHub = this.#host === DOCKER_HUB;
    return {
      ...at(
        value,
        () => parseRepository(isHub ? name : `${this.#host}/${name}`),
      ),
      explicitRegistry: true,
    };
  }
}

function nameOf({ registry, repository }: RepositoryName): string {
  return `${registry}/${repository}`;
}

function settingsOf(
  registry: string,
  values: ReadonlyMap<string, YamlValue>,
): RegistrySettings {
  const credentials = values.get("credentials");
  const login = credentials?.map() ?? new Map<string, YamlValue>();
  if (credentials) {
    only(
      credentials,
      login,
      new Set(["username", "password", "identitytoken", "identityToken"]),
    );
  }
  const word = (key: string) => login.get(key)?.text() || undefined;
  const identityToken = word("identitytoken") ?? word("identityToken");
  const [username, password] = [word("username"), word("password")];
  if (credentials && identityToken === undefined) {
    if (username === undefined) credentials.refuse("username is missing");
    if (password === undefined) credentials.refuse("password is missing");
  }
  const verify = values.get("tls-verify");
  return {
    registry,
    login: identityToken !== undefined
      ? { identityToken }
      : username !== undefined && password !== undefined
      ? { username, password }
      : undefined,
    tls: verify && !verify.isEmpty
      ? (verify.bool() ? "enabled" : "insecure")
      : undefined,
    certificatesIn: values.get("cert-dir")?.text() || undefined,
  };
}
