/**
 * Which attachments of an image are brought along.
 *
 * @module
 */

import type { Descriptor } from "../../oci/manifest.ts";

/** What is brought along. */
export interface AttachmentChoice {
  /**
   * Whether cosign's tags are; `all` for every tag that begins with a digest.
   *
   * @default {true}
   */
  readonly tags?: boolean | "all";
  /** Whether referrers are. @default {true} */
  readonly referrers?: boolean;
  /** Chooses among referrers, as they are listed. @default {all} */
  readonly accepts?: (referrer: Descriptor) => boolean;
}
