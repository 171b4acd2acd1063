/**
 * One blob to one repository: there already, mounted, or sent.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { digestAlgorithm } from "../oci/digest.ts";
import type { Descriptor } from "../oci/manifest.ts";
import type { OpenUpload } from "../oci/store.ts";
import type { CopyContext } from "./copy_context.ts";
import { ABSENT, blobFault, notKept } from "./held_content.ts";
import { AHEAD_BYTES, sendBlob } from "./send_blob.ts";
import { atDestination } from "./sides.ts";

/**
 * Brings a blob to the destination repository, at most once per run. Where the
 * context says `recheck`, what is there is read and hashed.
 *
 * @throws {HangarError} also when the registry keeps other content than it took
 */
export async function copyBlob(
  context: CopyContext,
  blob: Descriptor,
  options: { readonly signal: AbortSignal },
): Promise<void> {
  const { destination, destinationRepository, blobs, events } = context;
  const { signal } = options;
  events.onBlobStarted?.(blob.size);
  const how = await blobs.deliver(
    destination.id,
    destinationRepository,
    blob.digest,
    { mountable: true, signal },
    () => traced(context, blob, () => deliver(context, blob, signal)),
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

async function deliver(
  context: CopyContext,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<Delivered> {
  const how = context.recheck
    ? await repair(context, blob, signal)
    : await bring(context, blob, signal);
  // Some registries keep all content under sha256, whatever they were told.
  if (
    how !== "present" && digestAlgorithm(blob.digest) !== "sha256" &&
    !await lookFor(context, blob, signal)
  ) {
    await atDestination(
      context,
      `push blob ${blob.digest} to`,
      Promise.reject(notKept(ABSENT, blob.digest)),
    );
  }
  return how;
}

/** Looks at a blob's bytes, and sends it where they are not what they should be. */
async function repair(
  context: CopyContext,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<Delivered> {
  const { destination, blobs } = context;
  const found = await blobFault(context, blob, signal);
  if (!found) return "present";
  // What a repository of this registry is known to hold was read in this run.
  const from = found.kind === "missing" && blobs.mayMount(destination.id)
    ? blobs.holderOf(destination.id, blob.digest)
    : undefined;
  let upload: OpenUpload | undefined;
  if (from !== undefined) {
    const result = await tryMount(context, blob, from, signal);
    if (result?.mounted) return "mounted";
    if (result) {
      blobs.noteIgnoredMount(destination.id);
      upload = result.upload;
    }
  }
  await sendBlob(context, blob, upload, signal);
  // A registry that holds other bytes under this digest may have kept them.
  const left = await blobFault(context, blob, signal);
  if (!left) return "sent";
  return await atDestination(
    context,
    `repair blob ${blob.digest} in`,
    Promise.reject(notKept(left, blob.digest)),
  );
}

async function bring(
  context: CopyContext,
  blob: Descriptor,
  signal: AbortSignal,
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
  const mayAsk = !upload && blob.size <= AHEAD_BYTES;
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
  await sendBlob(context, blob, upload, signal);
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
