/**
 * One blob to one repository: there already, mounted, or sent.
 *
 * @module
 */

import { isRefusal } from "../../errors.ts";
import { type Digest, digestAlgorithm } from "../../oci/digest.ts";
import type { Descriptor } from "../../oci/manifest.ts";
import type { MountResult, OpenUpload } from "../../oci/store.ts";
import { type BlobOrigin, originAt, originOfBytes } from "./blob_origin.ts";
import type { DestinationSide } from "../destination_side.ts";
import { ABSENT, blobFault, notKept } from "../held_content.ts";
import { AHEAD_BYTES, type BlobAhead, readAhead } from "./read_ahead.ts";
import { sendBlob } from "./send_blob.ts";
import { atDestination, type SourceSide } from "../sides.ts";

/** How a blob came to the destination repository. */
type Delivered = "sent" | "mounted" | "present";

/** What every step of a copy can be ended by. */
interface Step {
  readonly signal: AbortSignal;
}

/**
 * Brings a blob to the destination repository, at most once per run. Where the
 * destination says `recheck`, what is there is read and hashed.
 *
 * @throws {HangarError} also when the registry keeps other content than it took
 */
export async function copyBlob(
  source: SourceSide,
  destination: DestinationSide,
  blob: Descriptor,
  step: Step,
): Promise<void> {
  await bringBlob(originAt(source), destination, blob, step);
}

/**
 * Brings content that was made here to the destination repository, as
 * {@linkcode copyBlob} does.
 *
 * @param blob describes the bytes
 */
export async function pushBytes(
  destination: DestinationSide,
  blob: Descriptor,
  bytes: Uint8Array,
  step: Step,
): Promise<void> {
  await bringBlob(originOfBytes(bytes), destination, blob, step);
}

/**
 * How a blob would come to the destination repository. What is worked out is
 * taken for done by the copies that are planned after it.
 */
export async function planBlob(
  source: SourceSide,
  destination: DestinationSide,
  blob: Descriptor,
  { signal }: Step,
): Promise<Delivered> {
  return await once(destination, blob, signal, async () => {
    if (await lookFor(destination, blob, signal)) return "present";
    const from = mountSource(originAt(source), destination, blob);
    return from === undefined ? "sent" : "mounted";
  });
}

async function bringBlob(
  origin: BlobOrigin,
  destination: DestinationSide,
  blob: Descriptor,
  { signal }: Step,
): Promise<void> {
  const { events } = destination;
  events.onBlobStarted?.(blob.size);
  events.onWait?.(true);
  let waits = true;
  const begin = () => {
    if (waits) events.onWait?.(false);
    waits = false;
  };
  const how = await once(
    destination,
    blob,
    signal,
    () => {
      begin();
      return traced(
        destination,
        blob,
        () => deliver(origin, destination, blob, signal),
      );
    },
  ).finally(begin);
  events.onBlob?.(blob.digest, blob.size, how);
}

/** Works unless the blob is known to be there, one at a time for each blob. */
async function once(
  { store, repository, services }: DestinationSide,
  { digest }: Descriptor,
  signal: AbortSignal,
  work: () => Promise<Delivered>,
): Promise<Delivered> {
  const mayMount = () =>
    isMountable(digest) && mounterOf(store, services.mounts) !== undefined;
  const how = await services.blobs.deliver(
    store.id,
    repository,
    digest,
    { mayMount, signal },
    work,
  );
  return how ?? "present";
}

async function traced(
  { services: { trace }, store, repository }: DestinationSide,
  { digest, size }: Descriptor,
  work: () => Promise<Delivered>,
): Promise<Delivered> {
  if (!trace) return await work();
  const attributes = {
    "oci.digest": digest,
    "oci.size": size,
    "oci.registry": store.id,
    "oci.repository": repository,
  };
  return await trace("copy blob", attributes, async (annotate) => {
    const how = await work();
    annotate({ "hangar.outcome": how });
    return how;
  });
}

async function lookFor(
  destination: DestinationSide,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<boolean> {
  const { store, repository } = destination;
  return await atDestination(
    destination,
    `look for blob ${blob.digest} in`,
    store.hasBlob(repository, blob, { signal }),
  );
}

async function deliver(
  origin: BlobOrigin,
  destination: DestinationSide,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<Delivered> {
  const how = destination.recheck
    ? await repair(origin, destination, blob, signal)
    : await bring(origin, destination, blob, signal);
  // Some registries keep all content under sha256, whatever they were told.
  if (
    how !== "present" && digestAlgorithm(blob.digest) !== "sha256" &&
    !await lookFor(destination, blob, signal)
  ) {
    await atDestination(
      destination,
      `push blob ${blob.digest} to`,
      Promise.reject(notKept(ABSENT, blob.digest)),
    );
  }
  return how;
}

/** Looks at a blob's bytes, and sends it where they are not what they should be. */
async function repair(
  origin: BlobOrigin,
  destination: DestinationSide,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<Delivered> {
  const { store, services: { blobs } } = destination;
  const found = await blobFault(destination, blob, signal);
  if (!found) return "present";
  // What a repository of this store is known to hold was read in this run.
  const holder = found.kind === "missing" && isMountable(blob.digest)
    ? blobs.holderOf(store.id, blob.digest)
    : undefined;
  const mount = await tryMount(destination, blob, holder, signal);
  if (mount?.mounted) return "mounted";
  if (mount) destination.services.mounts.noteIgnored(store.id);
  await sendBlob(origin, destination, blob, { upload: mount?.upload, signal });
  // A registry that holds other bytes under this digest may have kept them.
  const left = await blobFault(destination, blob, signal);
  if (!left) return "sent";
  return await atDestination(
    destination,
    `repair blob ${blob.digest} in`,
    Promise.reject(notKept(left, blob.digest)),
  );
}

async function bring(
  origin: BlobOrigin,
  destination: DestinationSide,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<Delivered> {
  const { store, services: { blobs, mounts } } = destination;
  const isHeld = blobs.holderOf(store.id, blob.digest) !== undefined;
  const from = mountSource(origin, destination, blob);
  const mount = await tryMount(destination, blob, from, signal);
  if (mount?.mounted) return "mounted";
  if (mount && isHeld) mounts.noteIgnored(store.id);
  if (mount) {
    await sendBlob(origin, destination, blob, {
      upload: mount.upload,
      signal,
    });
    // Now the source's repository is known to have held it.
    mounts.noteIgnored(store.id);
  } else {
    const ahead = beginAhead(origin, destination, blob, signal);
    try {
      const upload = await openOwn(destination, blob, signal);
      if (!upload && await lookFor(destination, blob, signal)) {
        destination.services.expected.blob.note(store.id, false);
        return "present";
      }
      destination.services.expected.blob.note(store.id, true);
      if (!upload) mounts.noteAbsent(store.id);
      await sendBlob(origin, destination, blob, { upload, ahead, signal });
    } finally {
      await ahead?.drop();
    }
  }
  await tryOwnMount(destination, blob, signal);
  return "sent";
}

/** Begins to read a small blob that the destination is likely to lack. */
function beginAhead(
  origin: BlobOrigin,
  { store, services }: DestinationSide,
  blob: Descriptor,
  signal: AbortSignal,
): BlobAhead | undefined {
  const isWorthIt = blob.size <= AHEAD_BYTES &&
    origin.storeId !== undefined && origin.transfers === undefined &&
    services.expected.blob.isLikely(store.id);
  return isWorthIt
    ? readAhead(origin, blob, { gate: services.gate, signal })
    : undefined;
}

/**
 * Opens an upload by a mount of the blob from the repository itself, which tells
 * at the same time that it is not there. Undefined where that is no use.
 */
async function openOwn(
  destination: DestinationSide,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<OpenUpload | undefined> {
  const { store, repository, services: { mounts } } = destination;
  // A large blob may wait long for its turn, with its upload open; one more
  // request costs little next to its transfer.
  if (
    blob.size > AHEAD_BYTES || !mounts.ownHonouredBy(store.id) ||
    !isMountable(blob.digest)
  ) {
    return undefined;
  }
  const own = await tryMount(destination, blob, repository, signal);
  return own && !own.mounted ? own.upload : undefined;
}

/** Finds out, once in a run, what {@linkcode openOwn} needs to know. */
async function tryOwnMount(
  destination: DestinationSide,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<void> {
  const { store, repository, services: { mounts } } = destination;
  if (!store.mounter || !isMountable(blob.digest)) return;
  await mounts.tryOwnOnce(store.id, async () => {
    const own = await tryMount(destination, blob, repository, signal);
    if (own && !own.mounted) await own.upload?.cancel();
    return own?.mounted ?? false;
  });
}

/** A repository of the destination's store that the blob can be mounted from. */
function mountSource(
  origin: BlobOrigin,
  { store, repository, services }: DestinationSide,
  { digest }: Descriptor,
): string | undefined {
  if (!isMountable(digest) || !mounterOf(store, services.mounts)) {
    return undefined;
  }
  return services.blobs.holderOf(store.id, digest) ??
    (origin.storeId === store.id && origin.repository !== repository
      ? origin.repository
      : undefined);
}

/**
 * Whether a mount can be believed. distribution 2.8 and v3 answer that they have
 * mounted a blob of another algorithm, and have it afterwards under no digest.
 */
function isMountable(digest: Digest): boolean {
  return digestAlgorithm(digest) === "sha256";
}

/** What mounts blobs at a store, where asking it is of any use. */
function mounterOf(
  { id, mounter }: DestinationSide["store"],
  mounts: DestinationSide["services"]["mounts"],
) {
  return mounts.mayMount(id) ? mounter : undefined;
}

/** Undefined where there is nothing to mount from, or it is refused. */
async function tryMount(
  destination: DestinationSide,
  blob: Descriptor,
  from: string | undefined,
  signal: AbortSignal,
): Promise<MountResult | undefined> {
  const { store, repository, services } = destination;
  const mounter = from === repository
    ? store.mounter
    : mounterOf(store, services.mounts);
  if (from === undefined || !mounter) return undefined;
  try {
    return await mounter.mountBlob(repository, blob, from, { signal });
  } catch (error) {
    // An account that may not read the other repository can still push here.
    if (isRefusal(error)) return undefined;
    return await atDestination(
      destination,
      `mount blob ${blob.digest} in`,
      Promise.reject(error),
    );
  }
}
