/**
 * One blob to one repository: there already, mounted, or sent.
 *
 * @module
 */

import { bytesReader } from "../bytes.ts";
import { HangarError } from "../errors.ts";
import type { Descriptor } from "../oci/manifest.ts";
import type { OpenUpload } from "../oci/store.ts";
import { BlobSource } from "./blob_source.ts";
import type { CopyContext } from "./copy_context.ts";
import { atDestination, atSource } from "./sides.ts";

/** Blobs up to this size are read before the destination's turn comes. */
const AHEAD_BYTES = 512 * 1024;

/**
 * Brings a blob to the destination repository, at most once per run. With
 * `recheck`, what is there is also looked at: its size tells a damaged blob.
 */
export async function copyBlob(
  context: CopyContext,
  blob: Descriptor,
  options: { readonly signal: AbortSignal; readonly recheck?: boolean },
): Promise<void> {
  const { destination, destinationRepository, blobs, events } = context;
  const { signal, recheck = false } = options;
  events.onBlobStarted?.(blob.size);
  const how = await blobs.deliver(
    destination.id,
    destinationRepository,
    blob.digest,
    { mountable: true, signal },
    () => traced(context, blob, () => bring(context, blob, signal, recheck)),
  );
  events.onBlob?.(blob.digest, blob.size, how ?? "present");
}

async function traced(
  { trace, destination, destinationRepository }: CopyContext,
  { digest, size }: Descriptor,
  work: () => Promise<Delivered>,
): Promise<Delivered> {
  if (!trace) return await work();
  const attributes = {
    "oci.digest": digest,
    "oci.size": size,
    "oci.registry": destination.id,
    "oci.repository": destinationRepository,
  };
  return await trace("copy blob", attributes, async (annotate) => {
    const how = await work();
    annotate({ "hangar.outcome": how });
    return how;
  });
}

/** How a blob came to the destination repository. */
type Delivered = "sent" | "mounted" | "present";

/**
 * How a blob would come to the destination repository. What is worked out is
 * taken for done by the copies that are planned after it.
 */
export async function planBlob(
  context: CopyContext,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<Delivered> {
  const { destination, destinationRepository, blobs } = context;
  const how = await blobs.deliver(
    destination.id,
    destinationRepository,
    blob.digest,
    { mountable: true, signal },
    async () => {
      const present = await lookFor(context, blob, signal);
      if (present) return "present";
      return mountSource(context, blob) === undefined ? "sent" : "mounted";
    },
  );
  return how ?? "present";
}

async function lookFor(
  context: CopyContext,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<boolean> {
  const { destination, destinationRepository } = context;
  return await atDestination(
    context,
    `look for blob ${blob.digest} in`,
    destination.hasBlob(destinationRepository, blob, { signal }),
  );
}

async function bring(
  context: CopyContext,
  blob: Descriptor,
  signal: AbortSignal,
  recheck: boolean,
): Promise<Delivered> {
  const { destination, destinationRepository, blobs, ownMounts } = context;
  const from = mountSource(context, blob);
  let upload: OpenUpload | undefined;
  if (from !== undefined) {
    const result = await tryMount(context, blob, from, signal);
    if (result?.mounted) return "mounted";
    if (result) {
      blobs.noteIgnoredMount(destination.id);
      upload = result.upload;
    }
  }
  // A large blob may wait long for its turn, with its upload open; beside its
  // transfer a request is nothing.
  const mayAsk = !upload && !recheck && blob.size <= AHEAD_BYTES;
  if (mayAsk && ownMounts.honouredBy(destination.id)) {
    const result = await tryMount(
      context,
      blob,
      destinationRepository,
      signal,
    );
    if (result && !result.mounted) upload = result.upload;
  }
  if (!upload) {
    if (await lookFor(context, blob, signal)) return "present";
    ownMounts.noteAbsent(destination.id);
  }
  await send(context, blob, upload, signal);
  await ownMounts.tryOnce(destination.id, async () => {
    const result = await tryMount(
      context,
      blob,
      destinationRepository,
      signal,
    );
    if (result && !result.mounted) await result.upload?.cancel();
    return result?.mounted ?? false;
  });
  return "sent";
}

/** A repository of the destination registry that holds the blob. */
function mountSource(
  context: CopyContext,
  blob: Descriptor,
): string | undefined {
  const { source, sourceRepository, destination, blobs } = context;
  if (!blobs.mayMount(destination.id)) return undefined;
  return blobs.holderOf(destination.id, blob.digest) ??
    (source.id === destination.id &&
        sourceRepository !== context.destinationRepository
      ? sourceRepository
      : undefined);
}

async function tryMount(
  context: CopyContext,
  blob: Descriptor,
  from: string,
  signal: AbortSignal,
) {
  const { destination, destinationRepository } = context;
  try {
    return await destination.mountBlob(destinationRepository, blob, from, {
      signal,
    });
  } catch (error) {
    // An account that may not read the other repository can still push here.
    if (
      error instanceof HangarError && error.status !== undefined &&
      error.status >= 400 && error.status < 500 && !error.temporary
    ) {
      return undefined;
    }
    return await atDestination(
      context,
      `mount blob ${blob.digest} in`,
      Promise.reject(error),
    );
  }
}

async function send(
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
