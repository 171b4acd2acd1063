/**
 * A manifest and all that it needs, children before parents.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { type Digest, digestAlgorithm, isDigest } from "../oci/digest.ts";
import {
  checkType,
  depthInside,
  type Descriptor,
  type ImageManifest,
  type Manifest,
  parseDescribed,
} from "../oci/manifest.ts";
import type { PutManifestResult } from "../oci/store.ts";
import type { CopyContext } from "./copy_context.ts";
import { atDestination, atSource } from "./sides.ts";
import { copyBlob } from "./copy_blob.ts";
import { manifestFault, notKept } from "./held_content.ts";
import { listReferrer } from "./list_referrer.ts";
import { together } from "../together.ts";

/** Codes by which registries say that a manifest names what they lack. */
const MISSING_CONTENT = ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"];

/** Options of {@linkcode copyGraph} and {@linkcode copyContent}. */
export interface CopyGraphOptions {
  readonly signal: AbortSignal;
  /** How deep below the image's own index this is. @default {0} */
  readonly depth?: number;
}

/**
 * Reads a manifest of the source by descriptor, checked: what the descriptor
 * says of it must be so.
 *
 * @throws {HangarError} `not-found` when the source lacks it, and what
 * `parseDescribed` throws
 */
export async function readManifest(
  context: Pick<
    CopyContext,
    "source" | "sourceRepository" | "manifestCache" | "allowance"
  >,
  descriptor: Pick<Descriptor, "mediaType" | "digest" | "size">,
  signal: AbortSignal,
): Promise<Manifest> {
  const { digest } = descriptor;
  const known = context.manifestCache.get(digest);
  if (!known && --context.allowance.manifests < 0) {
    throw new HangarError(
      "too-large",
      "the image leads to more manifests than any image needs",
      { hint: "inspect it: its index may be damaged, or made to do harm" },
    );
  }
  return await atSource(
    context,
    `manifest ${digest}`,
    (async () => {
      if (known) {
        checkType(known, descriptor);
        return known;
      }
      const content = await context.source.getManifest(
        context.sourceRepository,
        digest,
        { signal },
      );
      if (!content) {
        throw new HangarError("not-found", "the source does not hold it", {
          status: 404,
          hint: "the image is incomplete at its source",
        });
      }
      return parseDescribed(content, descriptor);
    })(),
  );
}

/**
 * Copies a child of an index by digest, with everything below it.
 *
 * @returns whether its manifest had to be pushed
 */
export async function copyGraph(
  context: CopyContext,
  descriptor: Descriptor,
  options: CopyGraphOptions,
): Promise<boolean> {
  const { destination, destinationRepository } = context;
  const { signal } = options;
  const { digest, mediaType } = descriptor;
  if (!context.recheck && context.present.get(digest) === mediaType) {
    return false;
  }
  const pushed = await context.manifests.deliver(
    destination.id,
    destinationRepository,
    `${digest} ${mediaType}`,
    { mountable: false, signal },
    async () => {
      const manifest = await readManifest(context, descriptor, signal);
      await copyContent(context, manifest, options);
      return await bringManifest(context, manifest, digest, signal);
    },
  );
  return pushed ?? false;
}

/**
 * Pushes a manifest, unless the context says `recheck` and it is there.
 *
 * @returns whether it was pushed
 */
export async function bringManifest(
  context: CopyContext,
  manifest: Manifest,
  reference: Digest | string,
  signal: AbortSignal,
): Promise<boolean> {
  const { digest } = manifest.content;
  if (context.recheck && !await manifestFault(context, digest, signal)) {
    return false;
  }
  await putManifest(context, manifest, reference, signal);
  return true;
}

/** Copies all that a manifest refers to, but not the manifest itself. */
export async function copyContent(
  context: CopyContext,
  manifest: Manifest,
  options: CopyGraphOptions,
): Promise<void> {
  if (manifest.kind === "index") {
    const depth = depthInside(options.depth ?? 0, manifest.content.digest);
    await together(
      distinct(manifest.entries).map((entry) => (signal) =>
        copyGraph(context, entry, { ...options, signal, depth })
      ),
      options.signal,
    );
    return;
  }
  await together(
    blobsOf(manifest).map((blob) => (signal) =>
      copyBlob(context, blob, { signal })
    ),
    options.signal,
  );
}

/** The blobs that an image needs, each once, without its foreign layers. */
export function blobsOf({ config, layers }: ImageManifest): Descriptor[] {
  return distinct([config, ...layers.filter((l) => !l.urls?.length)]);
}

/**
 * Pushes a manifest under a tag or its digest. Foreign layers stay behind
 * unless the registry does not take the manifest without them.
 */
export async function putManifest(
  context: CopyContext,
  manifest: Manifest,
  reference: Digest | string,
  signal: AbortSignal,
): Promise<void> {
  const { destination, destinationRepository } = context;
  const put = () =>
    destination.putManifest(
      destinationRepository,
      reference,
      manifest.content,
      {
        signal,
      },
    );
  const action = `push manifest ${reference} to`;
  const foreign = manifest.kind === "image" ? foreignLayers(manifest) : [];
  let result: PutManifestResult;
  try {
    result = await put();
  } catch (error) {
    const told = foreign.length > 0 ? aboutForeign(error) : error;
    if (told === error || !lacksContent(error)) {
      return await atDestination(context, action, Promise.reject(told));
    }
    await together(
      foreign.map((layer) => (signal) =>
        copyBlob(context, layer, { signal }).catch((fault) => {
          // Where the source lacks it too, the refusal is what to tell.
          if (!isNotFound(fault)) throw fault;
          return atDestination(context, action, Promise.reject(told));
        })
      ),
      signal,
    );
    result = await atDestination(
      context,
      action,
      put().catch((error) => Promise.reject(aboutForeign(error))),
    );
  }
  await confirm(context, manifest, reference, signal);
  if (!result.listed) await listReferrer(context, manifest, signal);
}

/** Reads a manifest back where the registry's word for it is not enough. */
async function confirm(
  context: CopyContext,
  { content }: Manifest,
  reference: Digest | string,
  signal: AbortSignal,
): Promise<void> {
  // A registry knows what it was given under a tag by its canonical digest.
  const asked = isDigest(reference) ? reference : content.digest;
  const algorithm = digestAlgorithm(asked);
  const isForeign = algorithm !== "sha256" && isDigest(reference);
  if (!isForeign && !(context.recheck && algorithm === "sha256")) return;
  const fault = await manifestFault(context, asked, signal);
  if (!fault) return;
  await atDestination(
    context,
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

/** A registry's refusal of a manifest with foreign layers, with what to do. */
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

function distinct(descriptors: readonly Descriptor[]): Descriptor[] {
  return [...new Map(descriptors.map((d) => [d.digest, d])).values()];
}
