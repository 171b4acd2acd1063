/**
 * Addresses: references and registries, with how they are reached.
 *
 * @module
 */

import { HangarError, hideLogin, invalidFlag } from "../errors.ts";
import {
  canonicalHost,
  formatReference,
  parseReference,
  type Reference,
  repositoryAt,
} from "./reference.ts";

/** How a registry is reached, where its name does not say it. */
export interface Reach {
  /** The scheme, where one was written. */
  readonly scheme?: "http" | "https";
  /** Whether certificates go unchecked and plain HTTP is allowed. */
  readonly insecure?: boolean;
}

/** A registry as the user gives it. */
export interface RegistryAddress extends Reach {
  /** Canonical `host[:port]`. */
  readonly host: string;
}

/** An image by name, and how the store that holds it is reached. */
export interface ImageAddress extends Reference {
  /** @default {as the flags have it for all registries} */
  readonly reach?: Reach;
  /**
   * Where it is read, in the order in which to try, where that is not just its
   * own place.
   */
  readonly endpoints?: readonly ImageAddress[];
}

/** The registry of an image. */
export function registryOf({ registry, reach }: ImageAddress): RegistryAddress {
  return { ...reach, host: registry };
}

/** An image of a registry; on Docker Hub a bare name is one of `library`. */
export function imageAt(
  registry: RegistryAddress,
  { repository, tag, digest }: Pick<Reference, "repository" | "tag" | "digest">,
): ImageAddress {
  const { host, scheme, insecure } = registry;
  const named = {
    registry: host,
    repository: repositoryAt(host, repository),
    tag,
    digest,
  };
  return scheme === undefined && insecure === undefined
    ? named
    // One object serves all images of a list.
    : { ...named, reach: registry };
}

/**
 * What an image is known by where it is written: its tag, if it has one, since
 * a pinned digest with a tag competes for the tag with all others.
 */
export function formatWritten(image: Reference): string {
  return formatReference(
    image.tag === undefined ? image : { ...image, digest: undefined },
  );
}

/**
 * Parses the registry that `--source` or `--destination` names.
 *
 * @throws {HangarError} `usage`, naming the flag and the value
 */
export function parseRegistryAddress(
  text: string,
  flag: string,
): RegistryAddress {
  const match = /^(?:(https?):\/\/)?(.*?)\/?$/i.exec(text)!;
  const host = canonicalHost(match[2]!);
  if (host === undefined) {
    throw invalidFlag(
      flag,
      hideLogin(text),
      `want a registry, as HOST or HOST:PORT${
        match[2]!.includes("@")
          ? " without a user name"
          : match[2]!.includes("/")
          ? " without a path"
          : ""
      }`,
      { hint: registryHint(match[2]!, flag) },
    );
  }
  const scheme = match[1]?.toLowerCase();
  return scheme === "http" || scheme === "https" ? { host, scheme } : { host };
}

/** What to write in place of `docker://HOST` and `HOST/PROJECT`. */
function registryHint(text: string, flag: string): string | undefined {
  const [, path = ""] = /^(?:(?:docker|oci):\/\/)?(.*)$/i.exec(text)!;
  const [name = "", ...rest] = path.split("/");
  const host = canonicalHost(name);
  if (host === undefined) return undefined;
  const project = rest.join("/");
  const option = PROJECT_FLAGS[flag];
  const split = project !== "" && option !== undefined;
  if (project !== "" && !split) return `write ${host}`;
  const written = flag.startsWith("--") ? `${flag} ${name}` : name;
  return `write ${written}${split ? ` ${option} ${project}` : ""}`;
}

/** The flag that names a project, by the flag that names its registry. */
const PROJECT_FLAGS: Readonly<Record<string, string>> = {
  "--source": "--source-project",
  "--destination": "--destination-project",
  "--registry": "--project",
};

/**
 * Parses what a user writes on the command line: a reference, which may begin
 * with `docker://` as in skopeo, or with the scheme of its registry.
 *
 * @throws {HangarError} `usage`
 */
export function parseReferenceArgument(
  text: string,
): { readonly address: RegistryAddress; readonly reference: Reference } {
  const match = /^(?:docker:\/\/)?(?:(https?):\/\/)?(.*)$/.exec(text)!;
  const scheme = match[1];
  try {
    const reference = parseReference(match[2]!);
    const host = reference.registry;
    return {
      reference,
      address: scheme === "http" || scheme === "https"
        ? { host, scheme }
        : { host },
    };
  } catch (cause) {
    throw cause instanceof HangarError
      ? new HangarError("usage", cause.message, { cause })
      : cause;
  }
}
