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
import type { Manifest } from "../oci/manifest.ts";
import { parseContent } from "../oci/parse_manifest.ts";
import type { DestinationSide } from "./destination_side.ts";
import { atDestination, placeName } from "./sides.ts";

/** Adds a manifest to the list of its subject's referrers. */
export async function listReferrer(
  destination: DestinationSide,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<void> {
  const subject = subjectOf(manifest);
  if (subject === undefined) return;
  const { store, repository, services } = destination;
  const tag = fallbackTag(subject);
  await services.locks.run(
    `${placeName(destination)}:${tag}`,
    signal,
    () =>
      atDestination(
        destination,
        `list the referrer ${manifest.content.digest} under tag ${tag} of`,
        (async () => {
          const content = await store.getManifest(repository, tag, { signal });
          const held = content &&
            parseContent(content);
          // Anything but an index is not a list of referrers: it is replaced.
          const list = addReferrer(
            held?.kind === "index" ? held : undefined,
            describeReferrer(manifest),
          );
          if (list === content || list.digest === content?.digest) return;
          await store.putManifest(repository, tag, list, {
            role: "referrer",
            signal,
          });
        })(),
      ),
  );
}
