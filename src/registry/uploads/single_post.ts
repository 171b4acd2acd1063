/**
 * A blob in a single request: POST with its digest and its content
 * (distribution-spec, "Single POST"). Not every registry takes that; the others
 * open an upload, as for any POST.
 *
 * @module
 */

import { isRefusal } from "../../errors.ts";
import type { Descriptor } from "../../oci/manifest.ts";
import type { Upload } from "./upload.ts";

/** While it is not known, only content up to this size is sent in vain. */
const TRIAL_BYTES = 64 * 1024;

/** What a single POST came to. */
export type PostResult =
  | { readonly isStored: true }
  /** The content was not looked at. */
  | { readonly isStored: false; readonly upload: Upload };

/** Learns whether a registry takes a blob in a single POST. */
export class SinglePosts {
  #state: "due" | "trying" | "taken" | "refused" = "due";

  /** Whether the next blob of a size may go so. */
  mayTake({ size }: Pick<Descriptor, "size">): boolean {
    return this.#state === "taken" ||
      this.#state === "due" && size <= TRIAL_BYTES;
  }

  /** Sends a blob so, and notes what came of it. */
  async send(post: () => Promise<PostResult>): Promise<PostResult> {
    const before = this.#state;
    if (before === "due") this.#state = "trying";
    try {
      const result = await post();
      this.#state = result.isStored ? "taken" : "refused";
      return result;
    } catch (error) {
      this.#state = isKindRefused(error) ? "refused" : before;
      throw error;
    }
  }
}

/** Whether a registry refused the request for what it is. */
function isKindRefused(error: unknown): boolean {
  return isRefusal(error) && ![401, 403, 404].includes(error.status);
}
