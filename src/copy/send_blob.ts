/**
 * Sends one blob, from its source to the destination repository.
 *
 * @module
 */

import { bytesReader } from "../bytes.ts";
import type { Descriptor } from "../oci/manifest.ts";
import type { OpenUpload } from "../oci/store.ts";
import { BlobSource } from "./blob_source.ts";
import type { CopyContext } from "./copy_context.ts";
import { atDestination, atSource } from "./sides.ts";

/** Blobs up to this size are read before the destination's turn comes. */
export const AHEAD_BYTES = 512 * 1024;

/**
 * Sends a blob.
 *
 * @param upload one that is open already
 */
export async function sendBlob(
  context: CopyContext,
  blob: Descriptor,
  upload: OpenUpload | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { source, sourceRepository, destination, destinationRepository } =
    context;
  let whole = context.cache.get(blob.digest);
  let release = () => {};
  try {
    if (upload && blob.size <= AHEAD_BYTES) {
      // All that is left for the destination is one request, so its slot is
      // not held while the source is read.
      const leave = await context.gate.enter([], signal);
      release = leave;
      whole ??= await atSource(
        context,
        `blob ${blob.digest}`,
        source.readBlob(sourceRepository, blob, AHEAD_BYTES, { signal }),
      );
      const free = await context.gate.enterWithin(destination.id, signal);
      release = () => {
        free();
        leave();
      };
    } else {
      release = await context.gate.enter([source.id, destination.id], signal);
    }
  } catch (error) {
    release();
    await upload?.cancel();
    throw error;
  }
  const from = new BlobSource({
    blob,
    signal,
    attempts: context.attempts(),
    onBytes: (count) => context.events.onBytes?.(count),
    onResent: (count) => context.events.onResent?.(count),
    open: async (offset, signal) => {
      return whole
        ? bytesReader(whole.subarray(offset))
        : await source.openBlob(sourceRepository, blob, { offset, signal });
    },
  });
  try {
    await destination.writeBlob(destinationRepository, blob, from, {
      signal,
      upload,
      attempts: context.attempts,
    });
  } catch (error) {
    const failed = Promise.reject(error);
    if (from.fault?.error === error) {
      return await atSource(context, `blob ${blob.digest}`, failed);
    }
    await atDestination(context, `push blob ${blob.digest} to`, failed);
  } finally {
    release();
  }
}
