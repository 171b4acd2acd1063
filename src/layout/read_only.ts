/**
 * An archive that is only read, where a destination is asked for: to prove what
 * it holds.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { CallOptions, DestinationStore } from "../oci/store.ts";
import { LayoutSource } from "./layout_source.ts";

/** An archive that refuses to be written. */
export class ReadOnlyStore extends LayoutSource implements DestinationStore {
  async hasBlob(
    _repository: string,
    blob: Descriptor,
    { signal }: CallOptions = {},
  ): Promise<boolean> {
    signal?.throwIfAborted();
    return await this.hasContent(blob);
  }

  /** What was saved is listed under its subject's tag. */
  override listReferrers(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  putManifest(): Promise<never> {
    return this.#refuse();
  }

  writeBlob(): Promise<never> {
    return this.#refuse();
  }

  #refuse(): Promise<never> {
    return Promise.reject(
      new HangarError("usage", `${this.id} is only read here`),
    );
  }
}
