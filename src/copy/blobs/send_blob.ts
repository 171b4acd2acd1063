/**
 * Sends one blob from where it is to the destination repository.
 *
 * @module
 */

import type { Descriptor } from "../../oci/manifest.ts";
import type { OpenUpload } from "../../oci/store.ts";
import { type BlobOrigin, originOfBytes } from "./blob_origin.ts";
import { BlobSource } from "./blob_source.ts";
import type { DestinationSide } from "../destination_side.ts";
import { atDestination } from "../sides.ts";

/** Blobs up to this size are read before the destination's turn comes. */
export const AHEAD_BYTES = 512 * 1024;

/**
 * Sends a blob.
 *
 * @param upload one that is open already
 */
export async function sendBlob(
  origin: BlobOrigin,
  destination: DestinationSide,
  blob: Descriptor,
  { upload, signal }: {
    readonly upload?: OpenUpload;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { store, repository, services, events } = destination;
  events.onWait?.(true);
  const { whole, release } = await enter(origin, destination, blob, {
    upload,
    signal,
  }).finally(() => events.onWait?.(false));
  const from = new BlobSource({
    blob,
    signal,
    attempts: services.attempts(),
    onBytes: (count) => events.onBytes?.(count),
    onResent: (count) => events.onResent?.(count),
    open: (offset, signal) => (whole ?? origin).open(blob, offset, signal),
  });
  try {
    await store.writeBlob(repository, blob, from, {
      signal,
      upload,
      attempts: services.attempts,
    });
  } catch (error) {
    const failed = Promise.reject(error);
    if (from.fault?.error === error) {
      return await origin.blame(`blob ${blob.digest}`, failed);
    }
    await atDestination(destination, `push blob ${blob.digest} to`, failed);
  } finally {
    release();
  }
}

/** Waits for the slots of a transfer; an upload that is open ends with a failure. */
async function enter(
  origin: BlobOrigin,
  { store, services: { gate } }: DestinationSide,
  blob: Descriptor,
  { upload, signal }: {
    readonly upload?: OpenUpload;
    readonly signal: AbortSignal;
  },
): Promise<{ readonly whole?: BlobOrigin; readonly release: () => void }> {
  let release = () => {};
  try {
    if (origin.transfers && (!upload || blob.size > AHEAD_BYTES)) {
      const { repository, transfers } = origin;
      const step = { signal };
      return {
        release: await transfers.enter(repository!, blob, store.id, step),
      };
    }
    if (!upload || blob.size > AHEAD_BYTES) {
      const ends = origin.storeId === undefined
        ? [store.id]
        : [origin.storeId, store.id];
      return { release: await gate.enter(ends, { signal, bytes: blob.size }) };
    }
    // All that is left for the destination is one request, so its slot is not
    // held while the source is read.
    const leave = await gate.enter([], { signal, bytes: blob.size });
    release = leave;
    const bytes = await origin.readWhole(blob, AHEAD_BYTES, signal);
    const free = await gate.enterWithin(store.id, { signal });
    return {
      whole: originOfBytes(bytes),
      release: () => {
        free();
        leave();
      },
    };
  } catch (error) {
    release();
    await upload?.cancel();
    throw error;
  }
}
