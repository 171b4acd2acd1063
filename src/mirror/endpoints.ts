/**
 * Finds which of an image's possible places holds it.
 *
 * @module
 */

import { describeError, HangarError } from "../errors.ts";
import type { ManifestReader } from "../oci/store.ts";
import type { ImageAddress } from "../names/address.ts";
import { formatReference } from "../names/reference.ts";

/** What a choice needs. */
export interface ChooseOptions {
  readonly reader: (image: ImageAddress) => ManifestReader;
  readonly warn: (message: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Chooses between an image's mirrors and its own registry. The own registry
 * comes last and is taken without a check. A mirror that does not answer is
 * left out for the rest of the run.
 */
export class EndpointChooser {
  readonly #dead = new Set<string>();
  /** Mirrors that the user was warned about. */
  readonly #told = new Set<string>();

  /** The first place that holds the image, or else the last. */
  async choose(
    image: ImageAddress,
    options: ChooseOptions,
  ): Promise<ImageAddress> {
    const places = image.endpoints ?? [image];
    for (const place of places.slice(0, -1)) {
      if (this.#dead.has(place.registry)) continue;
      // One after the other: the first place that has the image is taken.
      if (await this.#holds(place, image, options)) return place;
    }
    return places.at(-1)!;
  }

  async #holds(
    place: ImageAddress,
    image: ImageAddress,
    { reader, warn, signal }: ChooseOptions,
  ): Promise<boolean> {
    const { registry: host } = place;
    const reference = place.digest ?? place.tag ?? "latest";
    try {
      const head = await reader(place).headManifest(
        place.repository,
        reference,
        { signal },
      );
      return head !== undefined;
    } catch (error) {
      if (signal?.aborted || !(error instanceof HangarError)) throw error;
      const dead = error.temporary || error.status === undefined;
      if (dead) this.#dead.add(host);
      if (!this.#told.has(host)) {
        this.#told.add(host);
        warn(
          `mirror ${formatReference(place)} of ${formatReference(image)}: ${
            describeError(error)
          }${dead ? `; ${host} is not asked again in this run` : ""}`,
        );
      }
      return false;
    }
  }
}
