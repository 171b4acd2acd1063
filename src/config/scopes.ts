/**
 * The scopes by which files of containers/image name images, from one image up
 * to whole domains (containers-policy.json(5), "docker:").
 *
 * @module
 */

import { formatReference, type Reference } from "../names/reference.ts";

/** An image by its digest, or by its tag where it has no digest. */
export function identityOf(reference: Reference): string {
  return formatReference(
    reference.digest === undefined
      ? reference
      : { ...reference, tag: undefined },
  );
}

/**
 * The scopes that an image is in, the narrowest first: itself, its repository,
 * each parent, the registry, and `*.DOMAIN` for each domain above it.
 */
export function scopesOf(reference: Reference): string[] {
  const { registry, repository } = reference;
  const parts = repository.split("/");
  const scopes = [identityOf(reference)];
  for (let n = parts.length; n > 0; n--) {
    scopes.push(`${registry}/${parts.slice(0, n).join("/")}`);
  }
  scopes.push(registry);
  // The domains are those of the host, without its port.
  const labels = registry.replace(/:\d+$/, "").split(".");
  for (let i = 1; i < labels.length; i++) {
    scopes.push(`*.${labels.slice(i).join(".")}`);
  }
  return scopes;
}
