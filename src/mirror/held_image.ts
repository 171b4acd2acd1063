/**
 * What a registry holds of an image and of all that is attached to it: each
 * manifest is read, and each blob is asked for.
 *
 * @module
 */

import { readHeld } from "../copy/held_content.ts";
import { Memo } from "../copy/keyed_lock.ts";
import { atDestination } from "../copy/sides.ts";
import { walkEntries } from "../copy/walk_entries.ts";
import { HangarError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import type { Descriptor, ImageManifest, Manifest } from "../oci/manifest.ts";
import { parseContent } from "../oci/parse_manifest.ts";
import { allOf, together } from "../together.ts";
import { describeFault, nameOf } from "./destination_walk.ts";
import {
  type ImageJob,
  type ImageResult,
  openDestination,
  type RunServices,
} from "./image_run.ts";

/** Attachments of attachments: a signature on an SBOM is the second. */
const MAX_DEPTH = 8;

/** The most manifests of one image, its attachments included. */
const MAX_MANIFESTS = 10_000;

/** The content of an image that is there. */
export interface HeldContent {
  readonly manifests: ReadonlySet<Digest>;
  readonly blobs: ReadonlySet<Digest>;
}

/** An image that was looked for; `held` where all of it could be read. */
export interface HeldImage {
  readonly result: ImageResult;
  readonly held?: HeldContent;
}

/** Answers about blobs, by repository and digest: images share most of them. */
export class KnownBlobs extends Memo<boolean> {}

/**
 * Looks for an image where it is after mirroring. What is not there is told; what
 * is there and cannot be read, or is damaged, fails the image.
 */
export async function heldImage(
  job: ImageJob,
  services: RunServices,
  known: KnownBlobs,
): Promise<HeldImage> {
  const { task, signal } = job;
  const destination = openDestination(job, services);
  const { store, repository } = destination;
  const { tag, digest } = task.destination;
  const reference = digest ?? tag!;
  const manifest = await atDestination(
    destination,
    `read ${reference} from`,
    (async () => {
      const content = await store.getManifest(repository, reference, {
        signal,
      });
      return content && parseContent(content);
    })(),
  );
  if (!manifest) return { result: { kind: "skipped" } };
  const walk = new HeldWalk(destination, job, known);
  await walk.image(manifest);
  const top = manifest.content.digest;
  return walk.findings.length > 0
    ? { result: { kind: "failed", findings: walk.findings } }
    : { result: { kind: "passed", digest: top }, held: walk };
}

type Destination = ReturnType<typeof openDestination>;

/** Collects the content of one image. */
class HeldWalk implements HeldContent {
  readonly manifests = new Set<Digest>();
  readonly blobs = new Set<Digest>();
  /** What is damaged or cannot be read. */
  readonly findings: string[] = [];
  readonly #place: Destination;
  readonly #job: ImageJob;
  readonly #known: KnownBlobs;

  constructor(place: Destination, job: ImageJob, known: KnownBlobs) {
    this.#place = place;
    this.#job = job;
    this.#known = known;
  }

  /** Takes an image by its own manifest, which was read already. */
  async image(manifest: Manifest): Promise<void> {
    await this.#manifest(manifest, this.#job.signal, 0);
  }

  /** Takes a manifest, what is below it, and what is attached to it. */
  async #manifest(
    manifest: Manifest,
    signal: AbortSignal,
    depth: number,
  ): Promise<void> {
    const { digest } = manifest.content;
    if (this.manifests.has(digest)) return;
    this.manifests.add(digest);
    if (this.manifests.size > MAX_MANIFESTS) {
      throw new HangarError(
        "too-large",
        `the image leads to more than ${MAX_MANIFESTS} manifests`,
        { hint: "inspect it: its index may be damaged, or made to do harm" },
      );
    }
    await allOf([
      manifest.kind === "image"
        ? this.#blobsOf(manifest, signal)
        : walkEntries<void>(
          // One level: what is below is walked with its attachments.
          manifest,
          (entry, { signal }) =>
            this.#named(entry, nameOf(entry), signal, depth),
          { signal, depth },
        ),
      this.#attached(digest, signal, depth),
    ]);
  }

  /** Takes a manifest that another one, or a tag, names. */
  async #named(
    { digest }: Pick<Descriptor, "digest">,
    name: string,
    signal: AbortSignal,
    depth: number,
  ): Promise<void> {
    if (this.manifests.has(digest)) return;
    const held = await readHeld(this.#place, digest, signal);
    if (!held.fault) {
      return await this.#manifest(held.manifest, signal, depth + 1);
    }
    const finding = describeFault(name, held.fault);
    if (held.fault.kind === "missing") this.#job.events.note?.(finding);
    else this.findings.push(finding);
  }

  async #blobsOf(
    { config, layers }: ImageManifest,
    signal: AbortSignal,
  ): Promise<void> {
    await together(
      // Foreign layers are stored at their URLs, not in the registry.
      [config, ...layers].filter((blob) => !blob.urls?.length).map(
        (blob) => async (signal) => {
          if (await this.#has(blob, signal)) this.blobs.add(blob.digest);
          else {
            this.#job.events.warn(
              `missing: blob ${blob.digest} of ${blob.size} bytes`,
            );
          }
        },
      ),
      signal,
    );
  }

  #has(blob: Descriptor, signal: AbortSignal): Promise<boolean> {
    const { store, repository } = this.#place;
    return this.#known.get(
      `${store.id}/${repository}@${blob.digest}`,
      signal,
      () =>
        atDestination(
          this.#place,
          `look for blob ${blob.digest} in`,
          store.hasBlob(repository, blob, { signal }),
        ),
    );
  }

  async #attached(
    digest: Digest,
    signal: AbortSignal,
    depth: number,
  ): Promise<void> {
    if (depth > MAX_DEPTH) return;
    const { services, store, repository } = this.#place;
    const { tags, referrers } = await services.finder.find(
      this.#place,
      digest,
      {
        signal,
        side: "destination",
        warn: (message) => this.#job.events.warn(message),
      },
    );
    const ofTag = async (tag: string) => {
      const found = await atDestination(
        this.#place,
        `read ${tag} from`,
        store.headManifest(repository, tag, { signal }),
      );
      if (found) {
        await this.#named(found, `${tag} for ${digest}`, signal, depth);
      }
    };
    await together<void>([
      ...tags.map((tag) => () => ofTag(tag)),
      ...referrers.map((entry) => (signal: AbortSignal) =>
        this.#named(entry, `referrer of ${digest}`, signal, depth)
      ),
    ], signal);
  }
}
