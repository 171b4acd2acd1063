/**
 * Looking at what a destination holds: manifests, and what is below them.
 *
 * @module
 */

import {
  blobFault,
  type BlobPlace,
  type ContentFault,
  type ManifestPlace,
  readHeld,
} from "../copy/held_content.ts";
import type { Attachment } from "../copy/attachments/attachment_walk.ts";
import { atDestination } from "../copy/sides.ts";
import { walkEntries } from "../copy/walk_entries.ts";
import type { Digest } from "../oci/digest.ts";
import {
  attestationSubject,
  type Descriptor,
  type ImageManifest,
  type Manifest,
} from "../oci/manifest.ts";
import { checkType } from "../oci/parse_manifest.ts";
import { formatPlatform } from "../oci/platform.ts";
import { together } from "../together.ts";

/** How far a validation looks. */
export type Depth =
  /** The manifests. */
  | "manifests"
  /** Every blob's presence and size too. */
  | "blobs"
  /** Every blob's content too. */
  | "bytes";

/** An index entry as findings name it. */
export function nameOf(entry: Descriptor): string {
  const subject = attestationSubject(entry);
  const what = subject !== undefined
    ? `attestation of ${subject}`
    : entry.platform
    ? formatPlatform(entry.platform)
    : "manifest";
  return `${what} ${entry.digest}`;
}

/** A fault in the words of a finding. */
export function describeFault(name: string, fault?: ContentFault): string {
  return fault === undefined || fault.kind === "missing"
    ? `missing: ${name}`
    : `${fault.kind}: ${name}: ${fault.message}`;
}

/** Checks everything below a manifest at the destination. */
export class DestinationWalk {
  readonly #place: BlobPlace & ManifestPlace;
  readonly #depth: Depth;
  readonly #signal: AbortSignal;

  /** @param place the repository to look at */
  constructor(
    place: BlobPlace & ManifestPlace,
    depth: Depth,
    signal: AbortSignal,
  ) {
    this.#place = place;
    this.#depth = depth;
    this.#signal = signal;
  }

  /**
   * What is missing or damaged below a manifest.
   *
   * @param held what the reference holds instead: its missing entries are
   * reported already
   */
  async below(manifest: Manifest, held = manifest): Promise<string[]> {
    if (manifest.kind === "image") {
      return manifest.content.digest === held.content.digest
        ? await this.#blobs(manifest)
        : [];
    }
    const has = held.kind === "index"
      ? new Set(held.entries.map((entry) => entry.digest))
      : undefined;
    const entries = manifest.entries.filter((entry) =>
      has === undefined || has.has(entry.digest)
    );
    return await this.#inside({ ...manifest, entries });
  }

  async #inside(manifest: Manifest): Promise<string[]> {
    const findings = await walkEntries<string[]>(
      manifest,
      (entry, { inside }) =>
        this.#manifest(entry.digest, nameOf(entry), async (held) => {
          checkType(held, entry);
          return (await inside(held)).flat();
        }),
      { signal: this.#signal },
    );
    return findings.flat();
  }

  /** What is missing or damaged of an attachment that the destination names. */
  async attachment(
    { name, subject }: Attachment,
    digest: Digest,
  ): Promise<string[]> {
    return await this.#manifest(
      digest,
      `${name} for ${subject}`,
      (held) => this.#inside(held),
    );
  }

  /** @param inside looks at the entries of what is there */
  async #manifest(
    digest: Digest,
    name: string,
    inside: (held: Manifest) => Promise<string[]>,
  ): Promise<string[]> {
    const held = await readHeld(this.#place, digest, this.#signal);
    if (held.fault) return [describeFault(name, held.fault)];
    const { manifest } = held;
    const below = [
      ...await inside(manifest),
      ...manifest.kind === "image" ? await this.#blobs(manifest) : [],
    ];
    return below.map((finding) => `${finding}, of ${name}`);
  }

  async #blobs({ config, layers }: ImageManifest): Promise<string[]> {
    if (this.#depth === "manifests") return [];
    const findings = await together(
      // Foreign layers are stored at their URLs, not in the registry.
      [config, ...layers].filter((blob) => !blob.urls?.length)
        .map((blob) => () => this.#blob(blob)),
      this.#signal,
    );
    return findings.flat();
  }

  async #blob(blob: Descriptor): Promise<string[]> {
    const missing = `missing: blob ${blob.digest} of ${blob.size} bytes`;
    if (this.#depth === "bytes") {
      const fault = await blobFault(this.#place, blob, this.#signal);
      if (!fault) return [];
      return fault.kind === "missing"
        ? [missing]
        : [describeFault(`blob ${blob.digest}`, fault)];
    }
    const { store, repository } = this.#place;
    const present = await atDestination(
      this.#place,
      `look for blob ${blob.digest} in`,
      store.hasBlob(repository, blob, { signal: this.#signal }),
    );
    return present ? [] : [missing];
  }
}
