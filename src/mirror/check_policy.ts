/**
 * A policy's verdict on an image: every image that is to be copied must be
 * accepted, whatever indexes it is in and whatever those call it.
 *
 * @module
 */

import type { AttachmentJudge } from "../copy/attachments.ts";
import type { CopyContext } from "../copy/copy_context.ts";
import { readManifest } from "../copy/copy_graph.ts";
import { isFileSystemLayer } from "../copy/file_system_layer.ts";
import { atSource } from "../copy/sides.ts";
import { HangarError, withContext } from "../errors.ts";
import type { Reference } from "../names/reference.ts";
import { isImageByConfig, isRunnable } from "../oci/attachment.ts";
import type { Digest } from "../oci/digest.ts";
import {
  depthInside,
  type ImageManifest,
  type Manifest,
} from "../oci/manifest.ts";
import type { PolicyJudge } from "../signatures/evaluate_policy.ts";
import { together } from "../together.ts";
import type { TagOrigin } from "./decide/decide_image.ts";
import { allParts } from "./image_attachments.ts";
import type { ImageAddress } from "./plan.ts";

/** A policy, as it applies to one image of the list. */
export class ImagePolicy {
  readonly #judge: PolicyJudge;
  readonly #contexts: readonly CopyContext[];
  readonly #references: readonly Reference[];

  private constructor(
    judge: PolicyJudge,
    contexts: readonly CopyContext[],
    references: readonly Reference[],
  ) {
    this.#judge = judge;
    this.#contexts = contexts;
    this.#references = references;
  }

  /**
   * The policy for an image; undefined where it accepts anything.
   *
   * @param sources the addresses of the contexts' sources
   */
  static of(
    judge: PolicyJudge | undefined,
    contexts: readonly CopyContext[],
    sources: readonly ImageAddress[],
  ): ImagePolicy | undefined {
    const references = sources.map(({ registry, repository, tag, digest }) => ({
      registry: registry.host,
      repository,
      explicitRegistry: true,
      // What is pulled by digest is known by it.
      ...(digest === undefined ? { tag } : { digest }),
    }));
    return judge && !references.every((one) => judge.isTrivialFor(one))
      ? new ImagePolicy(judge, contexts, references)
      : undefined;
  }

  /**
   * Judges what is to be copied. Where there is no image in it at all, it is
   * judged itself.
   *
   * @throws {HangarError} `rejected`, or why it cannot be judged
   */
  async checkImage(origin: TagOrigin, signal: AbortSignal): Promise<void> {
    const parts = await allParts(this.#contexts, origin, signal);
    const found = await together(
      parts.map(({ descriptor, source, manifest }) => async (signal) => {
        const { kind } = manifest ??
          await this.#read(source, descriptor, signal);
        if (kind === "index") return false;
        await this.#accept(source, descriptor.digest, signal);
        return true;
      }),
      signal,
    );
    const [first] = parts;
    if (first && !found.includes(true)) {
      await this.#accept(first.source, first.descriptor.digest, signal);
    }
  }

  /**
   * What judges attachments from a source: those that could be run are images
   * like any other.
   */
  judgeOf(source: number): AttachmentJudge {
    const context = this.#contexts[source]!;
    return {
      judgeManifest: (manifest, signal) =>
        this.#eachImage(source, manifest, signal, async (image, signal) => {
          if (!isRunnable(image)) return;
          await this.#accept(source, image.content.digest, signal);
        }),
      judgeContent: (manifest, signal) =>
        this.#eachImage(source, manifest, signal, async (image, signal) => {
          if (isRunnable(image) || !isImageByConfig(image)) return;
          const found = await together(
            image.layers.map((layer) => (signal) =>
              isFileSystemLayer(context, layer, signal)
            ),
            signal,
          );
          if (!found.includes(true)) return;
          await this.#accept(source, image.content.digest, signal);
        }),
    };
  }

  /** Calls for an image, or for each in an index. */
  async #eachImage(
    source: number,
    manifest: Manifest,
    signal: AbortSignal,
    call: (image: ImageManifest, signal: AbortSignal) => Promise<void>,
    depth = 0,
  ): Promise<void> {
    if (manifest.kind === "image") return await call(manifest, signal);
    const inner = depthInside(depth, manifest.content.digest);
    await together(
      manifest.entries.map((entry) => async (signal) => {
        const child = await this.#read(source, entry, signal);
        await this.#eachImage(source, child, signal, call, inner);
      }),
      signal,
    );
  }

  async #read(
    source: number,
    descriptor: Parameters<typeof readManifest>[1],
    signal: AbortSignal,
  ): Promise<Manifest> {
    const context = this.#contexts[source]!;
    const manifest = await readManifest(context, descriptor, signal);
    context.manifestCache.set(descriptor.digest, manifest);
    return manifest;
  }

  async #accept(
    source: number,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<void> {
    const context = this.#contexts[source]!;
    try {
      await this.#judge.judge({
        reference: this.#references[source]!,
        digest,
        place: {
          store: context.source,
          repository: context.sourceRepository,
        },
      }, signal);
    } catch (error) {
      const told = duringPolicy(error);
      await atSource(context, digest, Promise.reject(told));
    }
  }
}

function duringPolicy(error: unknown): unknown {
  return error instanceof HangarError && error.code === "rejected"
    ? error
    : withContext("cannot evaluate the policy", error);
}
