/**
 * References in docker's grammar (distribution/reference).
 *
 * @module
 */

import { HangarError, hideLogin, invalidFlag } from "../errors.ts";
import { type Digest, parseDigest } from "../oci/digest.ts";
import { canonicalRegistry, DOCKER_HUB } from "./docker_hub.ts";

/** An image, or several, by name. */
export interface Reference {
  /** Canonical `host[:port]`; `docker.io` where none was written. */
  readonly registry: string;
  /** Its path; a name without a slash on docker.io gets `library/` before it. */
  readonly repository: string;
  /** `latest` where neither tag nor digest was written. */
  readonly tag?: string;
  readonly digest?: Digest;
}

/** A repository of a registry, as it was written. */
export interface RepositoryName
  extends Pick<Reference, "registry" | "repository"> {
  /** Whether a registry was written. */
  readonly explicitRegistry: boolean;
}

/** A reference, as it was written. */
export type WrittenReference = Reference & RepositoryName;

const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?";
const HOST = new RegExp(
  `^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]{1,5})?$`,
);
const MAX_NAME = 255;

function refuse(text: string, why: string): never {
  throw new HangarError(
    "invalid-reference",
    `invalid reference ${
      JSON.stringify(hideLogin(text).slice(0, 300))
    }: ${why}`,
  );
}

/** `host[:port]` in canonical form; undefined when it is not one. */
export function canonicalHost(text: string): string | undefined {
  if (!HOST.test(text)) return undefined;
  const port = /:(\d+)$/.exec(text.replace(/^\[.*\]/, "v6"))?.[1];
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65535)) {
    return undefined;
  }
  return canonicalRegistry(text);
}

function isRegistry(component: string): boolean {
  return /[.:]/.test(component) || component === "localhost" ||
    // A path has no upper case, so this can only be a host.
    component !== component.toLowerCase();
}

/**
 * Parses the name of a repository, without tag and digest.
 *
 * @throws {HangarError} `invalid-reference`
 */
export function parseRepository(text: string): RepositoryName {
  const slash = text.indexOf("/");
  const first = slash < 0 ? "" : text.slice(0, slash);
  const explicitRegistry = slash > 0 && isRegistry(first);
  const path = explicitRegistry ? text.slice(slash + 1) : text;
  const registry = explicitRegistry ? canonicalHost(first) : DOCKER_HUB;
  if (registry === undefined) {
    return refuse(
      text,
      `${JSON.stringify(hideLogin(first).slice(0, 100))} is not a registry`,
    );
  }
  const repository = repositoryAt(registry, path);
  checkPath(repository, text);
  if (registry.length + 1 + repository.length > MAX_NAME) {
    return refuse(text, `a name has at most ${MAX_NAME} characters`);
  }
  return { registry, repository, explicitRegistry };
}

/** The path of a repository: a bare name of Docker Hub is in `library`. */
export function repositoryAt(registry: string, path: string): string {
  return registry === DOCKER_HUB && !path.includes("/")
    ? `library/${path}`
    : path;
}

function checkPath(path: string, text: string): void {
  for (const component of path.split("/")) {
    if (COMPONENT.test(component)) continue;
    if (component === "") refuse(text, "a part of the name is empty");
    if (COMPONENT.test(component.toLowerCase())) {
      refuse(text, `${component} must be lower case`);
    }
    refuse(
      text,
      `${
        JSON.stringify(hideLogin(component).slice(0, 100))
      } is not a part of a repository name`,
    );
  }
}

/**
 * Checks a path of one or more components, such as a project.
 *
 * @throws {HangarError} `usage`, naming the flag
 */
export function parseProject(text: string, flag: string): string {
  if (text.split("/").every((component) => COMPONENT.test(component))) {
    return text;
  }
  throw invalidFlag(flag, text, "want a project, in lower case");
}

/** Whether a text can be a tag. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/**
 * Checks a tag.
 *
 * @throws {HangarError} `invalid-reference`
 */
export function checkTag(text: string): string {
  if (isTag(text)) return text;
  throw new HangarError(
    "invalid-reference",
    `invalid tag ${JSON.stringify(hideLogin(text).slice(0, 160))}`,
  );
}

/**
 * Parses `[REGISTRY/][PROJECT/]NAME[:TAG][@DIGEST]`.
 *
 * @throws {HangarError} `invalid-reference`
 */
export function parseReference(text: string): WrittenReference {
  const at = text.indexOf("@");
  if (at !== text.lastIndexOf("@") || /^[a-z]+:\/\//i.test(text)) {
    return refuse(text, "want [REGISTRY/]NAME[:TAG][@DIGEST]");
  }
  const digest = at < 0 ? undefined : parseDigest(text.slice(at + 1));
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  const name = colon < 0 ? named : named.slice(0, colon);
  if (name === "") return refuse(text, "it names nothing");
  const tag = colon < 0
    ? (digest === undefined ? "latest" : undefined)
    : checkTag(named.slice(colon + 1));
  return { ...parseRepository(name), tag, digest };
}

/** A reference in full, which parses to itself. */
export function formatReference(reference: Reference): string {
  const { registry, repository, tag, digest } = reference;
  return `${registry}/${repository}${tag === undefined ? "" : `:${tag}`}${
    digest === undefined ? "" : `@${digest}`
  }`;
}
