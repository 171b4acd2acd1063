/**
 * What a fake registry holds, and how tests look at it and damage it.
 *
 * @module
 */

import type { MadeImage } from "../images.ts";
import { ManifestJson } from "./manifest_json.ts";

/** A manifest as it was pushed. */
export interface StoredManifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

/** One repository. */
export interface Repository {
  readonly manifests: Map<string, StoredManifest>;
  readonly tags: Map<string, string>;
  /** Digests; the bytes are the registry's. */
  readonly blobs: Set<string>;
}

/** A descriptor in the answer of the referrers API. */
export interface ReferrerEntry {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, unknown>>;
}

/** Repositories, and the bytes of their blobs. */
export class Content {
  readonly #repositories = new Map<string, Repository>();
  readonly #blobs = new Map<string, Uint8Array>();

  /** A repository, if it is there. */
  find(name: string): Repository | undefined {
    return this.#repositories.get(name);
  }

  /** A repository, made where it is not there. */
  repository(name: string): Repository {
    let repo = this.#repositories.get(name);
    if (!repo) {
      repo = { manifests: new Map(), tags: new Map(), blobs: new Set() };
      this.#repositories.set(name, repo);
    }
    return repo;
  }

  /** Puts an image in place, under a tag or without one. */
  install(repository: string, tag: string | undefined, image: MadeImage): void {
    const repo = this.repository(repository);
    for (const [digest, bytes] of image.blobs) {
      repo.blobs.add(digest);
      this.#blobs.set(digest, bytes);
    }
    for (const manifest of image.manifests) {
      repo.manifests.set(manifest.digest, manifest);
    }
    if (tag !== undefined) repo.tags.set(tag, image.digest);
  }

  /** The digest that a tag points at. */
  digestOf(repository: string, tag: string): string | undefined {
    return this.find(repository)?.tags.get(tag);
  }

  /** A manifest by tag or digest. */
  manifest(repository: string, reference: string): StoredManifest | undefined {
    const repo = this.find(repository);
    return repo?.manifests.get(repo.tags.get(reference) ?? reference);
  }

  /** Digests of the entries of the index under a tag. */
  entries(repository: string, tag: string): string[] {
    const stored = this.manifest(repository, tag);
    if (!stored) throw new Error(`no manifest ${repository}:${tag}`);
    return [...new ManifestJson(stored.bytes).references().children];
  }

  /** Whether a repository holds a blob. */
  hasBlob(repository: string, digest: string): boolean {
    return this.find(repository)?.blobs.has(digest) ?? false;
  }

  /** A blob's bytes, whatever repositories hold it. */
  blob(digest: string): Uint8Array | undefined {
    return this.#blobs.get(digest);
  }

  /** Sets a blob's bytes. */
  setBlob(digest: string, bytes: Uint8Array): void {
    this.#blobs.set(digest, bytes);
  }

  /** Flips a bit of a blob, or mends it when called again. */
  flip(digest: string): void {
    const bytes = this.#blobs.get(digest)!.slice();
    bytes[bytes.length >> 1]! ^= 1;
    this.#blobs.set(digest, bytes);
  }

  /** Cuts a blob short. */
  truncate(digest: string): void {
    const bytes = this.#blobs.get(digest)!;
    this.#blobs.set(digest, bytes.subarray(0, bytes.length >> 1));
  }

  /** Changes a byte of a manifest, so that it can still be parsed. */
  alter(repository: string, digest: string): void {
    const { bytes, mediaType } = this.manifest(repository, digest)!;
    const text = new TextDecoder().decode(bytes).replace("{", "{ ");
    this.repository(repository).manifests.set(digest, {
      bytes: new TextEncoder().encode(text),
      mediaType,
    });
  }

  /** Takes a blob or a manifest out of a repository; its tags stay. */
  remove(repository: string, digest: string): void {
    const repo = this.repository(repository);
    repo.blobs.delete(digest);
    repo.manifests.delete(digest);
  }

  /** All tags, as `repository:tag`. */
  tags(): string[] {
    return [...this.#repositories].flatMap(([name, { tags }]) =>
      [...tags.keys()].map((tag) => `${name}:${tag}`)
    ).sort();
  }

  /** Everything a tag leads to that is missing: empty for a sound registry. */
  dangling(): string[] {
    const missing: string[] = [];
    for (const [name, repo] of this.#repositories) {
      const look = (digest: string, path: string) => {
        const stored = repo.manifests.get(digest);
        if (!stored) return missing.push(`${path} manifest ${digest}`);
        const { children, blobs } = new ManifestJson(stored.bytes).references();
        for (const child of children) look(child, path);
        for (const blob of blobs) {
          if (!repo.blobs.has(blob)) missing.push(`${path} blob ${blob}`);
        }
      };
      for (const [tag, digest] of repo.tags) look(digest, `${name}:${tag}`);
    }
    return missing;
  }

  /** What is known to refer to a digest. */
  referrersOf(repository: string, subject: string): ReferrerEntry[] {
    return [...this.find(repository)?.manifests ?? []].flatMap(
      ([digest, { bytes, mediaType }]) => {
        const json = new ManifestJson(bytes);
        if (json.subject !== subject) return [];
        const { artifactType, annotations } = json;
        return [{
          mediaType,
          digest,
          size: bytes.byteLength,
          artifactType,
          ...(annotations && { annotations }),
        }];
      },
    );
  }
}
