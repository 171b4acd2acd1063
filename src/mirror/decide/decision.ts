/**
 * What a decision on a destination reference depends on, and what it says.
 *
 * @module
 */

import type { OnePlatform } from "../../lists/entry_settings.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Manifest } from "../../oci/manifest.ts";
import type { ImageMerge, NothingSelected, SparseIndex } from "../events.ts";
import type { HeldEntries } from "./held_entries.ts";
import type { ImageOrigin } from "./image_origin.ts";
import type { Selection } from "./select.ts";

/** What a decision depends on. */
export interface DecideOptions extends Selection {
  /**
   * Ignore what the destination tag holds, and recheck all content there.
   *
   * @default {false}
   */
  readonly overwrite?: boolean;
  /**
   * What becomes of a source's index of which only a part is selected.
   *
   * @default {"rebuild"}
   */
  readonly index?: IndexMode;
  /**
   * Whether nothing that the destination's tag holds is kept beside what the
   * source has, as in an archive of what sources hold.
   *
   * @default {false}
   */
  readonly alone?: boolean;
  /**
   * Ignore what the destination tag holds, but take it for granted.
   *
   * @default {false}
   */
  readonly replace?: boolean;
  /** Of an index, only the manifest of this platform is wanted. */
  readonly platform?: OnePlatform;
  /** The types of manifests that are copied. @default {all that hangar knows} */
  readonly mediaTypes?: readonly string[];
}

/** The choices of {@linkcode IndexMode}. */
export const INDEX_MODES = ["rebuild", "whole", "sparse"] as const;

/**
 * - `rebuild`: the tag gets an index of what was selected
 * - `whole`: nothing is left out, whatever the filter says
 * - `sparse`: the tag gets the source's own index, and what was selected of it is
 *   copied
 */
export type IndexMode = typeof INDEX_MODES[number];

/** Nothing of the image was selected, or its type is not among those wanted. */
export interface SkippedImage {
  readonly kind: "skipped";
  readonly nothing?: NothingSelected;
  /** The type that is not wanted. */
  readonly mediaType?: string;
}

/** What the destination reference must hold. */
export interface DecidedImage {
  /** Whether it holds that already. */
  readonly kind: "up-to-date" | "write";
  readonly manifest: Manifest;
  readonly origin: ImageOrigin;
  /** What the sources' references point at, in their order. */
  readonly sourceDigests: readonly Digest[];
  /** Set when the manifest is an index that no source has. */
  readonly merge?: ImageMerge;
  /**
   * Set when the manifest is a source's index of which not all is copied, or
   * that replaces what nobody else has.
   */
  readonly sparse?: SparseIndex;
  /** What the reference holds now; not read with `overwrite`. */
  readonly existing?: Manifest;
  /** Which of the manifest's entries are known to be there. */
  readonly held: HeldEntries;
}

/** The decision on a destination reference. */
export type Decision = SkippedImage | DecidedImage;
