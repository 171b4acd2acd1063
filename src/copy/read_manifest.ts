/**
 * Manifests of a source, read and checked.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import type { Descriptor, Manifest } from "../oci/manifest.ts";
import { checkType, parseDescribed } from "../oci/parse_manifest.ts";
import { atSource, type SourceSide } from "./sides.ts";

/** Options of {@linkcode readManifest}. */
export interface ReadManifestOptions {
  readonly signal: AbortSignal;
  /**
   * Whether the source side remembers it, for a manifest that is needed again.
   *
   * @default {false}
   */
  readonly keep?: boolean;
  /**
   * What the user can do where the source lacks it.
   *
   * @default {what to do about an entry of an index}
   */
  readonly hint?: string;
}

const LACKS_ENTRY =
  "the index at the source is sparse or damaged: choose the platforms that are there (--platform)";

/**
 * Reads a manifest of the source by descriptor, and checks it against that
 * descriptor.
 *
 * @throws {HangarError} `not-found` when the source lacks it, and what
 * `parseDescribed` throws
 */
export async function readManifest(
  source: SourceSide,
  descriptor: Pick<Descriptor, "mediaType" | "digest" | "size">,
  { signal, keep = false, hint = LACKS_ENTRY }: ReadManifestOptions,
): Promise<Manifest> {
  const { store, repository, manifests, allowance } = source;
  const { digest } = descriptor;
  const known = manifests.get(digest);
  if (!known && --allowance.manifests < 0) {
    throw new HangarError(
      "too-large",
      "the image leads to more manifests than any image needs",
      { hint: "inspect it: its index may be damaged, or made to do harm" },
    );
  }
  const manifest = await atSource(
    source,
    `manifest ${digest}`,
    (async () => {
      if (known) {
        checkType(known, descriptor);
        return known;
      }
      const content = await store.getManifest(repository, digest, { signal });
      if (content) return parseDescribed(content, descriptor);
      throw new HangarError("not-found", "the source does not hold it", {
        status: 404,
        hint,
      });
    })(),
  );
  if (keep) manifests.set(digest, manifest);
  return manifest;
}
