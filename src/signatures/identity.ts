/**
 * Whether a policy accepts the name in a signature for an image
 * (containers-policy.json(5), "signedIdentity").
 *
 * @module
 */

import type { SignedIdentity } from "../config/policy.ts";
import { identityOf } from "../config/scopes.ts";
import {
  formatReference,
  parseReference,
  type Reference,
} from "../names/reference.ts";

/** A name in a signature. It gets no tag that it does not have. */
function parseName(text: string): Reference | undefined {
  try {
    const reference = parseReference(text);
    const isBare = !text.includes("@") &&
      text.indexOf(":", text.lastIndexOf("/") + 1) < 0;
    return isBare ? { ...reference, tag: undefined } : reference;
  } catch {
    return undefined;
  }
}

function isNameOnly({ tag, digest }: Reference): boolean {
  return tag === undefined && digest === undefined;
}

function repositoryOf({ registry, repository }: Reference): string {
  return `${registry}/${repository}`;
}

/** Whether the name `signed` in a signature is accepted for an image. */
export function matchesIdentity(
  identity: SignedIdentity,
  image: Reference,
  signed: string,
): boolean {
  const name = parseName(signed);
  if (!name) return false;
  switch (identity.type) {
    case "matchExact":
      return !isNameOnly(name) && formatReference(name) === identityOf(image);
    case "matchRepoDigestOrExact":
      return matchesRepoDigestOrExact(image, name);
    case "matchRepository":
      return repositoryOf(name) === repositoryOf(image);
    case "exactReference": {
      const want = parseName(identity.reference);
      return want !== undefined && !isNameOnly(want) && !isNameOnly(name) &&
        formatReference(want) === formatReference(name);
    }
    case "exactRepository": {
      const want = parseName(identity.repository);
      return want !== undefined && repositoryOf(want) === repositoryOf(name);
    }
    case "remapIdentity": {
      const remapped = remap(image, identity.prefix, identity.signedPrefix);
      return remapped !== undefined && matchesRepoDigestOrExact(remapped, name);
    }
  }
}

function matchesRepoDigestOrExact(image: Reference, name: Reference): boolean {
  if (isNameOnly(name)) return false;
  // By digest, only the repository counts: the digest is checked elsewhere.
  return image.digest === undefined
    ? formatReference(name) === formatReference(image)
    : repositoryOf(name) === repositoryOf(image);
}

function remap(
  image: Reference,
  prefix: string,
  signedPrefix: string,
): Reference | undefined {
  const name = repositoryOf(image);
  if (name !== prefix && !name.startsWith(`${prefix}/`)) return image;
  return parseName(
    identityOf(image).replace(prefix, () => signedPrefix),
  );
}
