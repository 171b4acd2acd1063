/**
 * A policy's verdict on an image: every child that is to be copied, or the
 * single manifest, must be accepted.
 *
 * @module
 */

import type { CopyContext } from "../copy/copy_context.ts";
import { atSource } from "../copy/sides.ts";
import { together } from "../together.ts";
import { HangarError, withContext } from "../errors.ts";
import { isIndexType } from "../oci/manifest.ts";
import type { PolicyJudge } from "../signatures/evaluate_policy.ts";
import type { TagOrigin } from "./decide_image.ts";
import { allParts } from "./image_attachments.ts";
import type { ImageAddress } from "./plan.ts";

/**
 * Judges what is to be copied.
 *
 * @param sources the addresses of the contexts' sources
 * @throws {HangarError} `rejected`, or why it cannot be judged
 */
export async function checkPolicy(
  judge: PolicyJudge,
  contexts: readonly CopyContext[],
  sources: readonly ImageAddress[],
  origin: TagOrigin,
  signal: AbortSignal,
): Promise<void> {
  const references = sources.map(({ registry, repository, tag, digest }) => ({
    registry: registry.host,
    repository,
    explicitRegistry: true,
    // What is pulled by digest is known by it.
    ...(digest === undefined ? { tag } : { digest }),
  }));
  if (references.every((reference) => judge.isTrivialFor(reference))) return;
  const parts = await allParts(contexts, origin, signal);
  await together(
    parts.filter(({ descriptor }) => !isIndexType(descriptor.mediaType))
      .map(({ descriptor, source }) => async (signal) => {
        const context = contexts[source]!;
        try {
          await judge.judge({
            reference: references[source]!,
            digest: descriptor.digest,
            place: {
              store: context.source,
              repository: context.sourceRepository,
            },
          }, signal);
        } catch (error) {
          const told = duringPolicy(error);
          await atSource(context, descriptor.digest, Promise.reject(told));
        }
      }),
    signal,
  );
}

function duringPolicy(error: unknown): unknown {
  return error instanceof HangarError && error.code === "rejected"
    ? error
    : withContext("cannot evaluate the policy", error);
}
