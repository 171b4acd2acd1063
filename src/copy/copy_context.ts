/**
 * What copying needs to know: from where, to where, and by what rules.
 *
 * @module
 */

import { withContext } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import type { Manifest } from "../oci/manifest.ts";
import type {
  DestinationStore,
  SourceStore,
  TransferGate,
} from "../oci/store.ts";
import type { BlobLedger } from "./blob_ledger.ts";

/** What copying tells about a blob. */
export interface CopyEvents {
  /** Bytes of a blob were handed to the destination. */
  onBytes?(count: number): void;
  /** A blob is at the destination; told once per image and blob. */
  onBlob?(
    digest: Digest,
    size: number,
    how: "sent" | "mounted" | "present",
  ): void;
}

/** What all copies of a run share. */
export interface CopyTools {
  readonly blobs: BlobLedger;
  readonly manifests: BlobLedger;
  readonly gate: TransferGate;
  /** Runs a transfer again as long as it fails for temporary reasons. */
  readonly retry: <T>(
    operation: () => Promise<T>,
    signal?: AbortSignal,
  ) => Promise<T>;
}

/** One copy: from a repository to a repository. */
export interface CopyContext extends CopyTools {
  readonly source: SourceStore;
  readonly sourceRepository: string;
  readonly destination: DestinationStore;
  readonly destinationRepository: string;
  readonly events: CopyEvents;
  /** Configs that were read already, not to be asked for again. */
  readonly cache: Map<Digest, Uint8Array>;
  /** Manifests that were read already. */
  readonly manifestCache: Map<Digest, Manifest>;
  /**
   * Content that the destination repository is known to hold: not looked at.
   */
  readonly present: ReadonlySet<Digest>;
}

/** Runs what reads from the source, so that errors name the side. */
export async function atSource<T>(
  context: Pick<CopyContext, "source" | "sourceRepository">,
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
  context: Pick<CopyContext, "destination" | "destinationRepository">,
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
