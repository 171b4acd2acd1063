/**
 * The two sides of a copy, and errors that name them.
 *
 * @module
 */

import { withContext } from "../errors.ts";
import type {
  DestinationStore,
  SourceStore,
  StoreIdentity,
} from "../oci/store.ts";

/** Where content is read. */
export interface SourceSide {
  readonly source: SourceStore;
  readonly sourceRepository: string;
}

/** Where content is written. */
export interface DestinationSide {
  readonly destination: DestinationStore;
  readonly destinationRepository: string;
}

/** Runs what reads from the source, so that errors name the side. */
export async function atSource<T>(
  context: {
    readonly source: StoreIdentity;
    readonly sourceRepository: string;
  },
  what: string,
  operation: Promise<T>,
): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    throw withContext(
      `cannot read ${what} from source ${context.source.id}/${context.sourceRepository}`,
      error,
    );
  }
}

/** Runs what asks or changes the destination, so that errors name the side. */
export async function atDestination<T>(
  context: {
    readonly destination: StoreIdentity;
    readonly destinationRepository: string;
  },
  action: string,
  operation: Promise<T>,
): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    throw withContext(
      `cannot ${action} destination ${context.destination.id}/${context.destinationRepository}`,
      error,
    );
  }
}
