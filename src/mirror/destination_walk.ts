/**
 * Looking at what a destination holds: manifests, and what is below them.
 *
 * @module
 */

import {
  blobFault,
  type BlobSide,
  type ContentFault,
  readHeld,
} from "../copy/held_content.ts";
import type { Attachment } from "../copy/attachments.ts";
import { atDestination } from "../copy/sides.ts";
import type { Digest } from "../oci/digest.ts";
import {
  attestationSubject,
  checkType,
  depthInside,
  type Descriptor,
  type Manifest,
  parseManifest,
} from "../oci/manifest.ts";
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

/** What is wrong with something, as findings tell it. */
export function describeFault(name: string, fault?: ContentFault): string {
  return fault === undefined || fault.kind === "missing"
    ? `missing: ${name}`
    : `${fault.kind}: ${name}: ${fault.message}`;
}

/** Looks at what is below a manifest at the destination. */
export class DestinationWalk {
  readonly #side: BlobSide;
  readonly #depth: Depth;
  readonly #signal: AbortSignal;

  /** @param side the repository to look at */
  constructor(side: BlobSide, depth: Depth, signal: AbortSignal) {
    this.#side = side;
    this.#depth = depth;
    this.#signal = signal;
  }

  /** A manifest of the destination; undefined when it is not there. */
  async read(reference: string): Promise<Manifest | undefined> {
    const { destination, destinationRepository } = this.#side;
    return await atDestination(
      this.#side,
      `read ${reference} from`,
      (async () => {
        const content = await destination.getManifest(
          destinationRepository,
          reference,
          { signal: this.#signal },
        );
        return content &&
          parseManifest(content.bytes, content.mediaType, content.digest);
      })(),
    );
  }

  /**
   * What is missing or damaged below a manifest.
   *
   * @param held what the tag holds instead: what that lacks is told already
   */
  async below(
    manifest: Manifest,
    held?: Manifest,
    depth = 0,
  ): Promise<string[]> {
    if (manifest.kind === "image") {
      return manifest.content.digest === (held ?? manifest).content.digest
        ? await this.#blobs([manifest.config, ...manifest.layers])
        : [];
    }
    const inner = depthInside(depth, manifest.content.digest);
    const has = held?.kind === "index"
      ? new Set(held.entries.map((entry) => entry.digest))
      : undefined;
    const entries = manifest.entries.filter((entry) =>
      has === undefined || has.has(entry.digest)
    );
    const findings = await together(
      entries.map((entry) => () =>
        this.#manifest(entry.digest, nameOf(entry), { entry, depth: inner })
      ),
      this.#signal,
    );
    return findings.flat();
  }

  /** What is missing or damaged of an attachment that the destination names. */
  async attachment(
    { name, subject }: Attachment,
    digest: Digest,
  ): Promise<string[]> {
    return await this.#manifest(digest, `${name} for ${subject}`);
  }

  /** @param entry what an index says of it, which must be so */
  async #manifest(
    digest: Digest,
    name: string,
    { entry, depth = 0 }: {
      readonly entry?: Descriptor;
      readonly depth?: number;
    } = {},
  ): Promise<string[]> {
    const held = await readHeld(this.#side, digest, this.#signal);
    if (held.fault) return [describeFault(name, held.fault)];
    if (entry) checkType(held.manifest, entry);
    const below = await this.below(held.manifest, undefined, depth);
    return below.map((finding) => `${finding}, of ${name}`);
  }

  async #blobs(blobs: readonly Descriptor[]): Promise<string[]> {
    if (this.#depth === "manifests") return [];
    const findings = await together(
      // Foreign layers are where their URLs say.
      blobs.filter((blob) => !blob.urls?.length)
        .map((blob) => () => this.#blob(blob)),
      this.#signal,
    );
    return findings.flat();
  }

  async #blob(blob: Descriptor): Promise<string[]> {
    const missing = `missing: blob ${blob.digest} of ${blob.size} bytes`;
    if (this.#depth === "bytes") {
      const fault = await blobFault(this.#side, blob, this.#signal);
      if (!fault) return [];
      return fault.kind === "missing"
        ? [missing]
        : [describeFault(`blob ${blob.digest}`, fault)];
    }
    const { destination, destinationRepository } = this.#side;
    const present = await atDestination(
      this.#side,
      `look for blob ${blob.digest} in`,
      destination.hasBlob(destinationRepository, blob, {
        signal: this.#signal,
      }),
    );
    return present ? [] : [missing];
  }
}
