/**
 * A policy's verdict on an image. Every image that is to be copied must be
 * accepted, no matter which indexes hold it and which type they give it.
 *
 * @module
 */

import type { AttachmentJudge } from "../copy/attachments/attachment_walk.ts";
import { isFileSystemLayer } from "../copy/file_system_layer.ts";
import { readManifest } from "../copy/read_manifest.ts";
import { atSource } from "../copy/sides.ts";
import { walkEntries } from "../copy/walk_entries.ts";
import { HangarError, withContext } from "../errors.ts";
import type { Reference } from "../names/reference.ts";
import { isImageByConfig, isRunnable } from "../oci/attachment.ts";
import type { Digest } from "../oci/digest.ts";
import type { Descriptor, ImageManifest, Manifest } from "../oci/manifest.ts";
import type { PolicyJudge } from "../signatures/evaluate_policy.ts";
import type { AcceptedSignature } from "../signatures/trusted_keys.ts";
import { together } from "../together.ts";
import type { ImageOrigin, ImagePart } from "./decide/image_origin.ts";
import { allParts } from "./image_attachments.ts";
import type { ImageRun } from "./image_run.ts";

/** The judge of a policy. */
export type ImageJudge = Pick<PolicyJudge, "digest" | "isTrivialFor" | "judge">;

/** The signatures by which each image was accepted, by its digest. */
export type Acceptance = ReadonlyMap<string, readonly AcceptedSignature[]>;

/** A policy, as it applies to one image of the list. */
export class ImagePolicy {
  readonly #judge: ImageJudge;
  readonly #run: ImageRun;
  readonly #references: readonly Reference[];

  private constructor(
    judge: ImageJudge,
    run: ImageRun,
    references: readonly Reference[],
  ) {
    this.#judge = judge;
    this.#run = run;
    this.#references = references;
  }

  /** The policy for an image; undefined where it accepts anything. */
  static of(
    judge: ImageJudge | undefined,
    run: ImageRun,
  ): ImagePolicy | undefined {
    const references = run.task.sources.map(
      ({ registry, repository, tag, digest }) => ({
        registry,
        repository,
        // An image that is pulled by digest is judged under its digest, not its
        // tag.
        ...(digest === undefined ? { tag } : { digest }),
      }),
    );
    return judge && !references.every((one) => judge.isTrivialFor(one))
      ? new ImagePolicy(judge, run, references)
      : undefined;
  }

  /**
   * Judges every image that is to be copied. A manifest with no image in it is
   * judged itself.
   *
   * @returns by which signatures each was accepted
   * @throws {HangarError} `rejected`, or why it cannot be judged
   */
  async checkImage(origin: ImageOrigin): Promise<Acceptance> {
    const { sources, signal } = this.#run;
    const parts = await allParts(sources, origin, signal);
    const accepted = new Map<string, readonly AcceptedSignature[]>();
    const accept = async (
      { descriptor: { digest }, source }: ImagePart,
      signal: AbortSignal,
    ) => {
      accepted.set(digest, await this.#accept(source, digest, signal));
    };
    await together(
      parts.map((part) => async (signal) => {
        const { descriptor, source, manifest } = part;
        const { kind } = manifest ??
          await this.#read(source, descriptor, signal);
        if (kind === "image") await accept(part, signal);
      }),
      signal,
    );
    const [first] = parts;
    if (first && accepted.size === 0) await accept(first, signal);
    return accepted;
  }

  /**
   * Entries of an index that are not copied, and that the policy does not accept,
   * or cannot judge. Whoever signs the index vouches for them too.
   */
  async unacceptable(
    { top, leftOut }: ImageOrigin,
  ): Promise<ReadonlySet<string>> {
    const index = top?.manifest;
    if (!top || index?.kind !== "index") return leftOut;
    const refused = new Set<string>();
    await together(
      index.entries.filter(({ digest }) => leftOut.has(digest)).map(
        (entry) => async (signal) => {
          try {
            const manifest = await this.#read(top.source, entry, signal);
            await this.#eachImage(
              top.source,
              manifest,
              signal,
              async ({ content: { digest } }, signal) => {
                await this.#accept(top.source, digest, signal);
              },
            );
          } catch (error) {
            signal.throwIfAborted();
            if (!(error instanceof HangarError) || error.temporary) throw error;
            refused.add(entry.digest);
          }
        },
      ),
      this.#run.signal,
    );
    return refused;
  }

  /**
   * The judge of attachments from a source. An attachment that could be run is
   * judged like any other image.
   */
  judgeOf(source: number): AttachmentJudge {
    return {
      judgeManifest: (manifest, signal) =>
        this.#eachImage(source, manifest, signal, async (image, signal) => {
          if (!isRunnable(image)) return;
          await this.#accept(source, image.content.digest, signal);
        }),
      judgeContent: (manifest, signal) =>
        this.#eachImage(source, manifest, signal, async (image, signal) => {
          if (isRunnable(image) || !isImageByConfig(image)) return;
          if (!await this.#hasFileSystem(source, image, signal)) return;
          await this.#accept(source, image.content.digest, signal);
        }),
    };
  }

  async #hasFileSystem(
    source: number,
    { layers }: ImageManifest,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { sources, destination: { services } } = this.#run;
    const found = await together(
      layers.map((layer) => (signal) =>
        isFileSystemLayer(sources[source]!, layer, { services, signal })
      ),
      signal,
    );
    return found.includes(true);
  }

  /** Calls for an image, or for each in an index. */
  async #eachImage(
    source: number,
    manifest: Manifest,
    signal: AbortSignal,
    call: (image: ImageManifest, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    if (manifest.kind === "image") return await call(manifest, signal);
    await walkEntries<void>(manifest, async (entry, { signal, inside }) => {
      const child = await this.#read(source, entry, signal);
      if (child.kind === "image") await call(child, signal);
      else await inside(child);
    }, { signal });
  }

  async #read(
    source: number,
    descriptor: Descriptor,
    signal: AbortSignal,
  ): Promise<Manifest> {
    return await readManifest(this.#run.sources[source]!, descriptor, {
      signal,
      keep: true,
    });
  }

  async #accept(
    source: number,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<AcceptedSignature[]> {
    const place = this.#run.sources[source]!;
    try {
      return await this.#judge.judge({
        reference: this.#references[source]!,
        digest,
        place,
      }, signal);
    } catch (error) {
      const failed = Promise.reject<never>(duringPolicy(error));
      return await atSource(place, digest, failed);
    }
  }
}

function duringPolicy(error: unknown): unknown {
  return error instanceof HangarError && error.code === "rejected"
    ? error
    : withContext("cannot evaluate the policy", error);
}
