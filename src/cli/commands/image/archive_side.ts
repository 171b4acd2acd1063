/**
 * An archive as one side of a copy.
 *
 * @module
 */

import { HangarError } from "../../../errors.ts";
import { parseReferenceArgument } from "../../../names/address.ts";
import { isTag, type Reference } from "../../../names/reference.ts";

/** An archive, and the name of an image in it. */
export interface ArchiveSide {
  readonly path: string;
  readonly kind: "directory" | "tar";
  readonly name?: string;
}

/**
 * `oci:DIR[:REF]` or `oci-archive:FILE[:REF]`; undefined for anything else.
 *
 * @throws {HangarError} `usage`
 */
export function parseArchiveSide(text: string): ArchiveSide | undefined {
  const match = /^(oci|oci-archive):([^:]*)(?::(.*))?$/s.exec(text);
  if (!match) return undefined;
  const [, kind, path = "", name] = match;
  if (path === "") {
    throw new HangarError("usage", `${text} names no file`);
  }
  if (kind === "oci" && /\.tar$/i.test(path)) {
    throw new HangarError("usage", `${text}: oci:DIR is a directory`, {
      hint: `write oci-archive:${text.slice("oci:".length)} for a tar`,
    });
  }
  const side = {
    path,
    kind: kind === "oci" ? "directory" : "tar",
  } as const;
  return name === undefined || name === "" ? side : { ...side, name };
}

/** A tag of the source's repository, or a whole reference. */
export function savedName(name: string, source: Reference): Reference {
  if (isTag(name)) return { ...source, tag: name };
  const { registry, repository, tag } = parseReferenceArgument(name).reference;
  return { registry, repository, tag, digest: source.digest };
}
