/**
 * Deleting an image, and nothing that was not named.
 *
 * @module
 */

import { HangarError, isRefusal } from "../../errors.ts";
import { formatReference, type Reference } from "../../names/reference.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ManifestRemover, SourceStore } from "../../oci/store.ts";

/** A store that can delete. */
export type DeletingStore =
  & Pick<SourceStore, "headManifest" | "listTags">
  & ManifestRemover;

/** How many tags are looked at, at a thousand a page, and how many at once. */
const MAX_TAG_PAGES = 100;
const TAGS_AT_ONCE = 6;

const METHOD_NOT_ALLOWED = 405;

/**
 * The digest of what a reference names.
 *
 * @throws {HangarError} `not-found`, or any fault of the registry
 */
export async function digestOfImage(
  store: Pick<SourceStore, "headManifest">,
  image: Reference,
  signal: AbortSignal,
): Promise<Digest> {
  const { repository, digest, tag = "latest" } = image;
  const found = await store.headManifest(repository, digest ?? tag, { signal });
  if (found) return found.digest;
  throw new HangarError("not-found", `${formatReference(image)} is not there`, {
    status: 404,
  });
}

/**
 * Deletes a tag alone, or a manifest with all its tags where the reference is a
 * digest. Some registries delete by digest alone: there, a tag is deleted in
 * that way if no other tag names the same manifest.
 *
 * @param digest what the reference names
 * @throws {HangarError} `conflict` when other tags would be lost; any fault of
 * the registry
 */
export async function deleteImage(
  store: DeletingStore,
  image: Reference,
  digest: Digest,
  signal: AbortSignal,
): Promise<void> {
  const { repository } = image;
  if (image.digest === undefined) {
    const { tag = "latest" } = image;
    if (await deletesTag(store, repository, tag, signal)) return;
    const others = await otherTags(store, { repository, tag }, digest, signal);
    if (others.length > 0) {
      throw new HangarError(
        "conflict",
        `${image.registry} does not delete a tag alone, and ${digest} is also ${
          others.slice(0, 10).join(", ")
        }${others.length > 10 ? " and more" : ""}`,
        {
          hint: `delete all of them with: hangar delete ${
            formatReference({ ...image, tag: undefined, digest })
          }`,
        },
      );
    }
  }
  const deleted = await store.deleteManifest(repository, digest, { signal })
    .catch((error) => {
      throw withHint(error);
    });
  if (deleted) return;
  throw new HangarError("not-found", `${formatReference(image)} is not there`, {
    status: 404,
  });
}

function withHint(error: unknown): unknown {
  if (!isRefusal(error) || error.status !== METHOD_NOT_ALLOWED) return error;
  const { code, message, status, host } = error;
  return new HangarError(code, message, {
    cause: error,
    status,
    host,
    hint: "the registry has no deletions, or they are switched off there",
  });
}

/** Whether a registry takes away a tag alone, and has done so. */
async function deletesTag(
  store: DeletingStore,
  repository: string,
  tag: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await store.deleteManifest(repository, tag, { signal });
  } catch (error) {
    if (!isRefusal(error) || [401, 403].includes(error.status)) throw error;
    return false;
  }
  // docker-registry 2.8 may say 202 or 404, and keep the tag.
  return await store.headManifest(repository, tag, { signal }) === undefined;
}

/** The other tags of a manifest. */
async function otherTags(
  store: DeletingStore,
  { repository, tag }: { readonly repository: string; readonly tag: string },
  digest: Digest,
  signal: AbortSignal,
): Promise<string[]> {
  const same: string[] = [];
  const pages = store.listTags(repository, { maxPages: MAX_TAG_PAGES, signal });
  for await (const page of pages) {
    const others = page.filter((name) => name !== tag);
    for (let i = 0; i < others.length; i += TAGS_AT_ONCE) {
      const some = others.slice(i, i + TAGS_AT_ONCE);
      const found = await Promise.all(
        some.map((name) => store.headManifest(repository, name, { signal })),
      );
      same.push(...some.filter((_, at) => found[at]?.digest === digest));
    }
  }
  return same;
}
