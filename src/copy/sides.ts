/**
 * The two sides of a copy, and errors that name them.
 *
 * @module
 */

import { withContext } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { SourceStore, StoreIdentity } from "../oci/store.ts";

/** A repository of a store. */
export interface Place<Store extends StoreIdentity = StoreIdentity> {
  readonly store: Store;
  readonly repository: string;
}

/** A repository that content is read from, and what is known of it. */
export interface SourceSide extends Place<SourceStore> {
  /** Small blobs that were read already, not to be asked for again. */
  readonly blobs: Map<Digest, Uint8Array>;
  /** Manifests that were read already. */
  readonly manifests: Map<Digest, Manifest>;
  /** What may still be read there: an index may lead to any number. */
  readonly allowance: { manifests: number };
}

/** What messages and keys call a repository. */
export function placeName({ store, repository }: Place): string {
  return `${store.id}/${repository}`;
}

/** Runs what reads from the source, so that errors name the side. */
export async function atSource<T>(
  place: Place,
  what: string,
  operation: Promise<T>,
): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    throw withContext(
      `cannot read ${what} from source ${placeName(place)}`,
      error,
    );
  }
}

/** Runs what asks or changes the destination, so that errors name the side. */
export async function atDestination<T>(
  place: Place,
  action: string,
  operation: Promise<T>,
): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    throw withContext(
      `cannot ${action} destination ${placeName(place)}`,
      error,
    );
  }
}
