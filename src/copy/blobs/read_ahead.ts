/**
 * Reading a small blob at its source while its destination is asked for it.
 *
 * @module
 */

import type { Descriptor } from "../../oci/manifest.ts";
import type { TransferGate } from "../../oci/store.ts";
import type { BlobOrigin } from "./blob_origin.ts";

/** Blobs up to this size are read before the destination's turn comes. */
export const AHEAD_BYTES = 512 * 1024;

/** A small blob in memory; it holds a place among the transfers. */
export interface HeldBlob {
  readonly bytes: Uint8Array;
  /** Gives the place back. */
  readonly leave: () => void;
}

/** A small blob that is being read. */
export interface BlobAhead {
  /** The blob; whoever takes it leaves its place. */
  readonly take: () => Promise<HeldBlob>;
  /** Ends it where nobody has taken it. */
  readonly drop: () => Promise<void>;
}

/** Reads a small blob whole, as soon as there is a place among the transfers. */
export async function readHeld(
  origin: BlobOrigin,
  blob: Descriptor,
  { gate, signal }: {
    readonly gate: TransferGate;
    readonly signal: AbortSignal;
  },
): Promise<HeldBlob> {
  const leave = await gate.enter([], { signal, bytes: blob.size });
  try {
    return { bytes: await origin.readWhole(blob, AHEAD_BYTES, signal), leave };
  } catch (error) {
    leave();
    throw error;
  }
}

/** Begins to read a small blob. */
export function readAhead(
  origin: BlobOrigin,
  blob: Descriptor,
  { gate, signal }: {
    readonly gate: TransferGate;
    readonly signal: AbortSignal;
  },
): BlobAhead {
  const dropped = new AbortController();
  const reading = readHeld(origin, blob, {
    gate,
    signal: AbortSignal.any([signal, dropped.signal]),
  });
  let isTaken = false;
  const drop = async () => {
    if (isTaken) return;
    isTaken = true;
    dropped.abort();
    const held = await reading.catch(() => undefined);
    held?.leave();
  };
  reading.catch(() => {});
  return {
    take: () => {
      isTaken = true;
      return reading;
    },
    drop,
  };
}
