/**
 * An empty destination: a dry run uses it in place of one that a real run would
 * make first.
 *
 * @module
 */

import type { DestinationStore, PutManifestResult } from "../oci/store.ts";

/** Holds nothing, and accepts nothing. */
export class AbsentDestination implements DestinationStore {
  readonly id: string;

  /** @param id of the registry */
  constructor(id: string) {
    this.id = id;
  }

  getManifest(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  headManifest(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  hasBlob(): Promise<boolean> {
    return Promise.resolve(false);
  }

  listReferrers(): Promise<readonly never[]> {
    return Promise.resolve([]);
  }

  async *listTags(): AsyncIterable<readonly string[]> {}

  readBlob(): Promise<never> {
    return this.#refuse();
  }

  openBlob(): Promise<never> {
    return this.#refuse();
  }

  putManifest(): Promise<PutManifestResult> {
    return this.#refuse();
  }

  writeBlob(): Promise<never> {
    return this.#refuse();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #refuse(): Promise<never> {
    throw new Error("a dry run writes nothing");
  }
}
