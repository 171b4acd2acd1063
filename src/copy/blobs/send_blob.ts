/**
 * Sends one blob from where it is to the destination repository.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import type { Descriptor } from "../../oci/manifest.ts";
import type { OpenUpload } from "../../oci/store.ts";
import { type BlobOrigin, originOfBytes } from "./blob_origin.ts";
import { BlobSource } from "./blob_source.ts";
import type { DigestCheck } from "./digest_checks.ts";
import { AHEAD_BYTES, type BlobAhead, readHeld } from "./read_ahead.ts";
import type { DestinationSide } from "../destination_side.ts";
import { atDestination, placeName } from "../sides.ts";

interface SendOptions {
  /** An upload that is open already. */
  readonly upload?: OpenUpload;
  /** The blob, where it is being read already. */
  readonly ahead?: BlobAhead;
  readonly signal: AbortSignal;
}

/**
 * Sends a blob. Where the destination checks the digest, it is not checked here.
 * When the destination then refuses it, it is sent once more and checked here, so
 * that the error names the side at fault.
 */
export async function sendBlob(
  origin: BlobOrigin,
  destination: DestinationSide,
  blob: Descriptor,
  options: SendOptions,
): Promise<void> {
  const { store, repository, recheck, events } = destination;
  const { digestChecks, gate } = destination.services;
  const { signal } = options;
  const check = recheck
    ? undefined
    : digestChecks.forTransfer({ store, repository, gate }, blob, signal);
  try {
    await sendOnce(origin, destination, blob, { ...options, check });
  } catch (error) {
    if (!check?.isElsewhere() || !isDigestRefusal(error)) throw error;
    await sendOnce(origin, destination, blob, { signal });
    events.warn(
      `destination ${
        placeName(destination)
      } refused blob ${blob.digest}, and took it when it was sent again: content is damaged on its way at times`,
    );
  } finally {
    await check?.settled();
  }
}

async function sendOnce(
  origin: BlobOrigin,
  destination: DestinationSide,
  blob: Descriptor,
  { upload, ahead, signal, check }: SendOptions & {
    readonly check?: DigestCheck;
  },
): Promise<void> {
  const { store, repository, services, events } = destination;
  events.onWait?.(true);
  const { whole, release } = await enter(origin, destination, blob, {
    upload,
    ahead,
    signal,
  }).finally(() => events.onWait?.(false));
  const from = new BlobSource({
    blob,
    signal,
    attempts: services.attempts(),
    isCheckedElsewhere: check?.isElsewhere,
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
    if (from.fault?.error === error) {
      return await origin.blame(`blob ${blob.digest}`, Promise.reject(error));
    }
    await atDestination(
      destination,
      `push blob ${blob.digest} to`,
      Promise.reject(
        isDigestRefusal(error) && from.isHashed ? alteredThere(error) : error,
      ),
    );
  } finally {
    release();
  }
}

function isDigestRefusal(error: unknown): error is HangarError {
  return error instanceof HangarError && !error.temporary &&
    error.registryCodes.includes("DIGEST_INVALID");
}

/** The refusal of content that was right when it went out. */
function alteredThere(error: HangarError): HangarError {
  return new HangarError(error.code, error.message, {
    ...error,
    cause: error,
    hint:
      "the content was right when hangar sent it: something on the way to the registry, or the registry, changes it",
  });
}

/** Waits for the slots of a transfer; an upload that is open ends with a failure. */
async function enter(
  origin: BlobOrigin,
  { store, services: { gate } }: DestinationSide,
  blob: Descriptor,
  { upload, ahead, signal }: Pick<SendOptions, "upload" | "ahead" | "signal">,
): Promise<{ readonly whole?: BlobOrigin; readonly release: () => void }> {
  let release = () => {};
  const isReadAhead = ahead !== undefined ||
    upload !== undefined && blob.size <= AHEAD_BYTES;
  try {
    if (origin.transfers && !isReadAhead) {
      const { repository, transfers } = origin;
      const step = { signal };
      return {
        release: await transfers.enter(repository!, blob, store.id, step),
      };
    }
    if (!isReadAhead) {
      const ends = origin.storeId === undefined
        ? [store.id]
        : [origin.storeId, store.id];
      return { release: await gate.enter(ends, { signal, bytes: blob.size }) };
    }
    // All that is left for the destination is one request, so its slot is not
    // held while the source is read.
    const { bytes, leave } = await (ahead?.take() ??
      readHeld(origin, blob, { gate, signal }));
    release = leave;
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
