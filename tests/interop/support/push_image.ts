/**
 * Puts content into a registry without any help of hangar's own code.
 *
 * @module
 */

import type { RealRegistry } from "./docker_registry.ts";

/** A manifest or index, byte for byte. */
export interface ManifestData {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly digest: string;
  /** Pushed under this tag; by digest alone without one. */
  readonly tag?: string;
}

/** What goes into one repository. */
export interface ImageData {
  readonly repo: string;
  /** Tag of the last manifest, where that names none itself. */
  readonly tag?: string;
  /** Children before the indexes that name them. */
  readonly manifests: readonly ManifestData[];
  /** Content by digest. */
  readonly blobs: ReadonlyMap<string, Uint8Array>;
}

async function expectCreated(response: Response, what: string): Promise<void> {
  const text = await response.text();
  if (response.status !== 201) {
    throw new Error(`${what}: ${response.status} ${text.slice(0, 500)}`);
  }
}

async function pushBlob(
  registry: RealRegistry,
  repo: string,
  digest: string,
  bytes: Uint8Array,
): Promise<void> {
  const opened = await registry.fetch(`/v2/${repo}/blobs/uploads/`, {
    method: "POST",
  });
  const text = await opened.text();
  const location = opened.headers.get("location");
  if (opened.status !== 202 || location === null) {
    throw new Error(
      `upload of ${digest} to ${repo}: ${opened.status} ${text.slice(0, 500)}`,
    );
  }
  const url = new URL(location, registry.url);
  url.searchParams.set("digest", digest);
  await expectCreated(
    await registry.fetch(url.href, {
      method: "PUT",
      headers: { "content-type": "application/octet-stream" },
      body: new Uint8Array(bytes),
    }),
    `blob ${digest} to ${repo}`,
  );
}

/**
 * Uploads blobs, then manifests in their order.
 *
 * @throws {Error} with the registry's answer when it takes something not
 */
export async function pushImage(
  registry: RealRegistry,
  image: ImageData,
): Promise<void> {
  await Promise.all(
    Array.from(
      image.blobs,
      ([digest, bytes]) => pushBlob(registry, image.repo, digest, bytes),
    ),
  );
  // In order: a registry refuses an index whose children it does not hold.
  for (const [index, manifest] of image.manifests.entries()) {
    const isLast = index === image.manifests.length - 1;
    const reference = manifest.tag ?? (isLast ? image.tag : undefined) ??
      manifest.digest;
    await expectCreated(
      await registry.fetch(`/v2/${image.repo}/manifests/${reference}`, {
        method: "PUT",
        headers: { "content-type": manifest.mediaType },
        body: new Uint8Array(manifest.bytes),
      }),
      `manifest ${reference} to ${image.repo}`,
    );
  }
}
