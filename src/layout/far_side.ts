/**
 * What the far side of an air gap is known to hold, so that it need not be
 * carried there again.
 *
 * @module
 */

import type { Digest } from "../oci/digest.ts";
import type { Base, LeftOut } from "./archive_record.ts";
import type { Content } from "./content.ts";

/** Where some content is. */
interface Holding {
  readonly base: number;
  readonly repositories: Set<string>;
}

/** The content of archives and registries on the far side. */
export class FarSide {
  readonly #bases: Base[] = [];
  readonly #holdings = new Map<Digest, Holding>();

  /** Adds an archive or a receipt; gives its number. */
  addBase(base: Base): number {
    return this.#bases.push(base) - 1;
  }

  /** Notes that a base holds some content, in a repository. */
  addContent(base: number, digest: Digest, repository: string): void {
    const holding = this.#holdings.get(digest);
    if (!holding) {
      this.#holdings.set(digest, {
        base,
        repositories: new Set([repository]),
      });
    } else if (holding.base === base) holding.repositories.add(repository);
  }

  /** All bases. */
  get bases(): readonly Base[] {
    return this.#bases;
  }

  /** Whether some content is there. */
  has(digest: Digest): boolean {
    return this.#holdings.has(digest);
  }

  /** The note of some content that is left out since it is there. */
  leftOut({ digest, size }: Content): LeftOut {
    const { base, repositories } = this.#holdings.get(digest)!;
    return { digest, size, base, repositories: [...repositories].sort() };
  }
}

/** What an archive has left out already: the far side of what is added to it. */
export function farSideOf(
  { bases, leftOut }: {
    readonly bases: readonly Base[];
    readonly leftOut: readonly LeftOut[];
  },
): FarSide {
  const side = new FarSide();
  for (const base of bases) side.addBase(base);
  for (const { base, digest, repositories } of leftOut) {
    for (const name of repositories) side.addContent(base, digest, name);
  }
  return side;
}
