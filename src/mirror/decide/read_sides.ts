/**
 * Reading what the references of both sides hold.
 *
 * @module
 */

import {
  atDestination,
  atSource,
  placeName,
  type SourceSide,
} from "../../copy/sides.ts";
import { HangarError, withContext } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Manifest } from "../../oci/manifest.ts";
import { parseContent } from "../../oci/parse_manifest.ts";
import type { ImageRun } from "../image_run.ts";

/** What the destination reference holds; undefined where there is nothing. */
export async function readDestination(
  { task, destination, signal }: Pick<
    ImageRun,
    "task" | "destination" | "signal"
  >,
): Promise<Manifest | undefined> {
  const { store, repository } = destination;
  const { tag, digest } = task.destination;
  return await atDestination(
    destination,
    `read ${tag === undefined ? digest : `tag ${tag}`} from`,
    (async () => {
      const content = await store.getManifest(repository, tag ?? digest!, {
        signal,
      });
      if (!content) return undefined;
      try {
        return parseContent(content);
      } catch (error) {
        // A merge would lose content that cannot be parsed.
        throw error instanceof HangarError
          ? new HangarError(error.code, error.message, {
            cause: error,
            hint: "replace what the tag holds with --overwrite",
          })
          : error;
      }
    })(),
  );
}

/**
 * A manifest of a source, by tag or by digest.
 *
 * @param digest what the tag points at, where that is known
 */
export async function readSource(
  source: SourceSide,
  reference: string,
  signal: AbortSignal,
  digest?: Digest,
): Promise<Manifest> {
  const { store, repository, manifests } = source;
  const content = await atSource(
    source,
    `manifest ${reference}`,
    (async () => {
      const content = await store.getManifest(repository, digest ?? reference, {
        signal,
      });
      return content && parseContent(content);
    })(),
  );
  const manifest = content ?? absent(source, reference);
  manifests.set(manifest.content.digest, manifest);
  return manifest;
}

/** Fails since a source lacks an image. */
export function absent(source: SourceSide, reference: string): never {
  throw withContext(
    `cannot read ${reference} from source ${placeName(source)}`,
    new HangarError("not-found", "404, there is no such image", {
      status: 404,
      hint: "check the name and tag in the list",
    }),
  );
}

const UNUSABLE = new Set<string>([
  "invalid-manifest",
  "unsupported-manifest",
  "too-large",
]);

/** Whether a manifest was read, but cannot be understood. */
export function isUnusable(error: unknown): boolean {
  return error instanceof HangarError && UNUSABLE.has(error.code);
}
