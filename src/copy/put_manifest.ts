/**
 * Pushing a manifest, and seeing that it is kept.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { type Digest, digestAlgorithm, isDigest } from "../oci/digest.ts";
import { distinct } from "../oci/descriptor.ts";
import type { Descriptor, ImageManifest, Manifest } from "../oci/manifest.ts";
import type { ManifestRole, PutManifestResult } from "../oci/store.ts";
import { together } from "../together.ts";
import { copyBlob } from "./blobs/copy_blob.ts";
import type { DestinationSide } from "./destination_side.ts";
import { manifestFault, notKept } from "./held_content.ts";
import { listReferrer } from "./list_referrer.ts";
import { atDestination, type SourceSide } from "./sides.ts";

/**
 * Codes by which registries say that a manifest names content they do not have.
 */
const MISSING_CONTENT = ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"];

/** Options of {@linkcode putManifest}. */
export interface PutManifestOptions {
  readonly role: ManifestRole;
  readonly signal: AbortSignal;
  /** Where to read its foreign layers, if the registry asks for them. */
  readonly source?: SourceSide;
}

/**
 * Pushes a manifest under a tag or its digest. Foreign layers are copied only
 * when the registry refuses the manifest without them.
 */
export async function putManifest(
  destination: DestinationSide,
  manifest: Manifest,
  reference: Digest | string,
  options: PutManifestOptions,
): Promise<void> {
  const { store, repository } = destination;
  const { role, signal, source } = options;
  const put = () =>
    store.putManifest(repository, reference, manifest.content, {
      role,
      signal,
    });
  const action = `push manifest ${reference} to`;
  const foreign = manifest.kind === "image" ? foreignLayers(manifest) : [];
  let result: PutManifestResult;
  try {
    result = await put();
  } catch (error) {
    const told = foreign.length > 0
      ? aboutForeign(error)
      : aboutMissing(error, destination);
    if (foreign.length === 0 || !lacksContent(error) || !source) {
      return await atDestination(destination, action, Promise.reject(told));
    }
    await together(
      foreign.map((layer) => (signal) =>
        copyBlob(source, destination, layer, { signal }).catch((fault) => {
          // If the source does not have it either, the refusal is reported.
          if (!isNotFound(fault)) throw fault;
          return atDestination(destination, action, Promise.reject(told));
        })
      ),
      signal,
    );
    result = await atDestination(
      destination,
      action,
      put().catch((error) => Promise.reject(aboutForeign(error))),
    );
  }
  await confirm(destination, manifest, reference, signal);
  if (!result.listed) await listReferrer(destination, manifest, signal);
}

/**
 * Pushes a manifest, unless the destination says `recheck` and it is there.
 *
 * @returns whether it was pushed
 */
export async function bringManifest(
  destination: DestinationSide,
  manifest: Manifest,
  reference: Digest | string,
  options: PutManifestOptions,
): Promise<boolean> {
  const { digest } = manifest.content;
  if (
    destination.recheck &&
    !await manifestFault(destination, digest, options.signal)
  ) {
    return false;
  }
  await putManifest(destination, manifest, reference, options);
  return true;
}

/** Reads a manifest back when the registry's answer is not proof enough. */
async function confirm(
  destination: DestinationSide,
  { content }: Manifest,
  reference: Digest | string,
  signal: AbortSignal,
): Promise<void> {
  // A manifest that was pushed by tag is known by its canonical digest.
  const asked = isDigest(reference) ? reference : content.digest;
  const algorithm = digestAlgorithm(asked);
  const isForeign = algorithm !== "sha256" && isDigest(reference);
  if (!isForeign && !(destination.recheck && algorithm === "sha256")) return;
  const fault = await manifestFault(destination, asked, signal);
  if (!fault) return;
  await atDestination(
    destination,
    `push manifest ${reference} to`,
    Promise.reject(notKept(fault, asked)),
  );
}

function lacksContent(error: unknown): boolean {
  return error instanceof HangarError &&
    error.registryCodes.some((code) => MISSING_CONTENT.includes(code));
}

function isNotFound(error: unknown): boolean {
  return error instanceof HangarError && error.status === 404;
}

/**
 * The refusal of a manifest for lack of content that was sent, or that the
 * registry said it has, with a hint what to do.
 */
function aboutMissing(error: unknown, { recheck }: DestinationSide): unknown {
  if (!(error instanceof HangarError) || !lacksContent(error)) return error;
  if (recheck || error.hint !== undefined) return error;
  return new HangarError(error.code, error.message, {
    ...error,
    cause: error,
    hint:
      "the registry lost it, or said wrongly that it has it: --overwrite checks all content there, and sends it again",
  });
}

/** The refusal of a manifest with foreign layers, with a hint what to do. */
function aboutForeign(error: unknown): unknown {
  if (!(error instanceof HangarError) || error.temporary) return error;
  if (error.registryCodes.length === 0) return error;
  return new HangarError(
    error.code,
    `its foreign layers (with \`urls\`) are not taken: ${error.message}`,
    {
      ...error,
      cause: error,
      hint:
        "allow their URLs at the registry (distribution: validation.manifests.urls.allow), or leave out the platforms that have them",
    },
  );
}

function foreignLayers(manifest: ImageManifest): Descriptor[] {
  return distinct(manifest.layers.filter((layer) => layer.urls?.length));
}
