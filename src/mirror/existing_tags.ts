/**
 * Finds which tags of a run are at their destinations already: with one listing
 * for each repository instead of a request for each image.
 *
 * @module
 */

import { Memo } from "../copy/keyed_lock.ts";
import { atDestination, type Place, placeName } from "../copy/sides.ts";
import { HangarError, isRefusal } from "../errors.ts";
import type { DestinationStore } from "../oci/store.ts";
import type { ImageAddress } from "../names/address.ts";
import type { MirrorTask } from "./plan/task.ts";

/** The most pages of a listing. With more, each tag is asked for by itself. */
const MAX_PAGES = 200;

/** Knows which tags are there. */
export class ExistingTags {
  /** The tags of the run by repository: no others are remembered. */
  readonly #wanted = new Map<string, Set<string>>();
  readonly #there = new Memo<ReadonlySet<string> | undefined>();
  readonly #store: (image: ImageAddress) => DestinationStore;

  constructor(
    tasks: readonly MirrorTask[],
    store: (image: ImageAddress) => DestinationStore,
  ) {
    this.#store = store;
    for (const { destination } of tasks) {
      if (destination.tag === undefined) continue;
      const key = keyOf(destination);
      const tags = this.#wanted.get(key) ?? new Set();
      this.#wanted.set(key, tags.add(destination.tag));
    }
  }

  /**
   * Whether a destination is there; its digest is not looked at where it has a
   * tag.
   *
   * @param warn told when the tags of a repository cannot be listed
   */
  async has(
    image: ImageAddress,
    warn: (message: string) => void,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { repository } = image;
    const store = this.#store(image);
    const place = { store, repository };
    const { tag } = image;
    const listed = tag === undefined ? undefined : await this.#there.get(
      keyOf(image),
      signal,
      () => list(place, this.#wanted.get(keyOf(image))!, warn, signal),
    );
    if (listed && tag !== undefined) return listed.has(tag);
    const reference = tag ?? image.digest!;
    const head = await atDestination(
      place,
      `look for ${reference} in`,
      store.headManifest(repository, reference, { signal }),
    );
    return head !== undefined;
  }
}

function keyOf({ registry, repository }: ImageAddress): string {
  return `${registry}/${repository}`;
}

/** Those of some tags that exist; undefined where they cannot be listed. */
async function list(
  place: Place<DestinationStore>,
  wanted: ReadonlySet<string>,
  warn: (message: string) => void,
  signal: AbortSignal,
): Promise<ReadonlySet<string> | undefined> {
  const there = new Set<string>();
  try {
    const pages = place.store.listTags(place.repository, {
      maxPages: MAX_PAGES,
      signal,
    });
    for await (const page of pages) {
      for (const tag of page) if (wanted.has(tag)) there.add(tag);
      // All wanted tags were found: later pages cannot change the answer.
      if (there.size === wanted.size) break;
    }
    return there;
  } catch (error) {
    if (error instanceof HangarError && error.status === 404) return there;
    const isTooLong = error instanceof HangarError &&
      error.code === "too-large";
    if (!isRefusal(error) && !isTooLong) {
      return await atDestination(
        place,
        "list the tags of",
        Promise.reject(error),
      );
    }
    warn(
      `the tags of destination ${
        placeName(place)
      } cannot be listed: each is looked for by itself`,
    );
    return undefined;
  }
}
