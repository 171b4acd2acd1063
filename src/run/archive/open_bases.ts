/**
 * The bases of a delta: archives that were carried before, or what a registry on
 * the far side holds.
 *
 * @module
 */

import { walkEntries } from "../../copy/walk_entries.ts";
import { HangarError } from "../../errors.ts";
import {
  type ArchiveEntry,
  type ArchiveIndex,
  fullName,
  isIndexJson,
  MAX_INDEX_BYTES,
  parseArchiveIndex,
  savedChildren,
} from "../../layout/archive_index.ts";
import type { FarSide } from "../../layout/far_side.ts";
import { type ArchiveFiles, lookAtGiven } from "../../layout/files.ts";
import { LayoutSource } from "../../layout/layout_source.ts";
import { readWholePart } from "../../layout/random_access.ts";
import { isReceipt, parseReceipt } from "../../layout/receipt.ts";
import type { ImageAddress } from "../../names/address.ts";
import type { Reference } from "../../names/reference.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import { isJsonObject } from "../../oci/json.ts";
import type { Manifest, ManifestContent } from "../../oci/manifest.ts";
import { parseContent } from "../../oci/parse_manifest.ts";
import type { SourceStore } from "../../oci/store.ts";
import { openArchive } from "./open_archive.ts";

/** What bases are read with. */
export interface BasesOptions {
  readonly files: ArchiveFiles;
  /** The store of an image, for bases that are only an index. */
  readonly source: (image: ImageAddress) => SourceStore;
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Adds what the bases hold.
 *
 * @param paths of archives, of their `index.json`, or of receipts
 * @throws {HangarError} `file`, `invalid-archive`, `invalid-manifest`
 */
export async function addBases(
  side: FarSide,
  paths: readonly string[],
  options: BasesOptions,
): Promise<void> {
  for (const path of paths) {
    options.signal.throwIfAborted();
    const json = await readJson(options.files, path);
    if (json === undefined) await addArchive(side, path, options);
    else if (isReceipt(json.value)) addReceipt(side, path, json.bytes);
    else await addIndex(side, path, json.bytes, options);
  }
}

/** The JSON of a base that is a single document; undefined for an archive. */
async function readJson(files: ArchiveFiles, path: string) {
  const info = await lookAtGiven(files, path);
  // There is nothing of the name of a set of volumes.
  if (info === undefined || info.kind === "directory") return undefined;
  await using file = await files.read(path);
  const first = new Uint8Array(1);
  await file.read(0, first);
  if (first[0] !== "{".charCodeAt(0)) return undefined;
  if (file.size > MAX_INDEX_BYTES) {
    throw new HangarError(
      "too-large",
      `--since ${path} has ${file.size} bytes, the limit is ${MAX_INDEX_BYTES}`,
    );
  }
  const bytes = await readWholePart(file, { offset: 0, size: file.size }, path);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    value = undefined;
  }
  if (isJsonObject(value) && (isReceipt(value) || isIndexJson(value))) {
    return { bytes, value };
  }
  throw new HangarError(
    "usage",
    `--since ${path} is no archive, no index.json of one, and no receipt`,
  );
}

function addReceipt(side: FarSide, path: string, bytes: Uint8Array): void {
  const { registry, digests } = parseReceipt(bytes, path);
  const digest = digestOf(bytes);
  const base = side.addBase({ name: nameOf(path), digest, registry });
  for (const [digest, repositories] of digests) {
    for (const name of repositories) side.addContent(base, digest, name);
  }
}

async function addArchive(
  side: FarSide,
  path: string,
  options: BasesOptions,
): Promise<void> {
  await using archive = await openArchive(options.files, path);
  const { medium, index, indexBytes, record } = archive;
  const store = new LayoutSource(medium, index);
  const base = side.addBase({
    name: nameOf(path),
    digest: digestOf(indexBytes),
  });
  await addImages(side, base, index, {
    ...options,
    read: (_reference, digest) => store.getManifest("", digest, options),
    has: async ({ digest, size }) => await medium.sizeOf(digest) === size,
  });
  // What it has left out is there before it.
  for (const { digest, base: number, repositories } of record?.leftOut ?? []) {
    const older = side.addBase(record!.bases[number]!);
    for (const name of repositories) side.addContent(older, digest, name);
  }
}

async function addIndex(
  side: FarSide,
  path: string,
  bytes: Uint8Array,
  options: BasesOptions,
): Promise<void> {
  const index = parseArchiveIndex(bytes, path);
  const base = side.addBase({ name: nameOf(path), digest: digestOf(bytes) });
  await addImages(side, base, index, {
    ...options,
    read: async (reference, digest) =>
      await options.source(reference)
        .getManifest(reference.repository, digest, options),
    has: () => Promise.resolve(true),
  });
}

/** How the images of a base are read. */
interface BaseReader extends BasesOptions {
  readonly read: (
    reference: Reference,
    digest: Digest,
  ) => Promise<ManifestContent | undefined>;
  /** Whether the base has the content of a blob. */
  readonly has: (blob: Descriptor) => Promise<boolean>;
}

async function addImages(
  side: FarSide,
  base: number,
  index: ArchiveIndex,
  reader: BaseReader,
): Promise<void> {
  for (const entry of index.entries) {
    const { reference } = entry;
    if (reference) await addImage(side, base, entry, reference, reader);
  }
}

async function addImage(
  side: FarSide,
  base: number,
  entry: ArchiveEntry,
  reference: Reference,
  { read, has, warn, signal }: BaseReader,
): Promise<void> {
  const repository = fullName(reference);
  const add = async (manifest: Manifest) => {
    if (manifest.kind === "index") return;
    for (const blob of [manifest.config, ...manifest.layers]) {
      if (await has(blob)) side.addContent(base, blob.digest, repository);
    }
  };
  const parsed = async ({ digest }: Pick<Descriptor, "digest">) => {
    const content = await read(reference, digest);
    return content && parseContent(content);
  };
  const children = savedChildren(entry);
  const top = await parsed(entry.descriptor);
  if (!top) {
    warn(
      `${repository}: ${entry.descriptor.digest} is no longer at its source: what it shares with newer images is carried again`,
    );
    return;
  }
  await add(top);
  await walkEntries<void>(top, async (child, { inside }) => {
    if (children && !children.has(child.digest) && isChildOf(top, child)) {
      return;
    }
    const manifest = await parsed(child);
    if (!manifest) return;
    await add(manifest);
    await inside(manifest);
  }, { signal });
}

function isChildOf(top: Manifest, { digest }: Descriptor): boolean {
  return top.kind === "index" && top.entries.some((e) => e.digest === digest);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
