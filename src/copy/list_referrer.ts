/**
 * The list of referrers that a client keeps where the registry has no API for
 * it (distribution-spec, "Pushing Manifests with Subject").
 *
 * @module
 */

import {
  addReferrer,
  describeReferrer,
  fallbackTag,
  subjectOf,
} from "../oci/attachment.ts";
import { type Manifest, parseManifest } from "../oci/manifest.ts";
import type { CopyContext } from "./copy_context.ts";
import { atDestination } from "./sides.ts";

/** Adds a manifest to the list of its subject's referrers. */
export async function listReferrer(
  context: CopyContext,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<void> {
  const subject = subjectOf(manifest);
  if (subject === undefined) return;
  const { destination, destinationRepository } = context;
  const tag = fallbackTag(subject);
  await context.locks.run(
    `${destination.id}/${destinationRepository}:${tag}`,
    signal,
    () =>
      atDestination(
        context,
        `list the referrer ${manifest.content.digest} under tag ${tag} of`,
        (async () => {
          const content = await destination.getManifest(
            destinationRepository,
            tag,
            { signal },
          );
          const held = content &&
            parseManifest(content.bytes, content.mediaType, content.digest);
          // What is no index there is no list of referrers: it is replaced.
          const list = addReferrer(
            held?.kind === "index" ? held : undefined,
            describeReferrer(manifest),
          );
          if (list === content || list.digest === content?.digest) return;
          await destination.putManifest(destinationRepository, tag, list, {
            signal,
          });
        })(),
      ),
  );
}
