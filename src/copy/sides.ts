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

/** A repository that content is read from, and what was read there already. */
export interface SourceSide extends Place<SourceStore> {
  /** Small blobs that were read already, so that they are not read twice. */
  readonly blobs: Map<Digest, Uint8Array>;
  /** Manifests that were read already. */
  readonly manifests: Map<Digest, Manifest>;
  /**
   * How much may still be read there: an index may name any number of
   * manifests.
   */
  readonly allowance: { manifests: number };
  /**
   * Whether layers that a manifest says are elsewhere are read here.
   *
   * @default {false}
   */
  readonly withForeignLayers?: boolean;
}

/** The name of a repository in messages and keys. */
export function placeName({ store, repository }: Place): string {
  return `${store.id}/${repository}`;
}

/** Runs work that reads from the source, so that errors name the side. */
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

/**
 * Runs work that reads or changes the destination, so that errors name the
 * side.
 */
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
