/**
 * Manifests of a registry (distribution-spec, "Pulling manifests" and "Pushing
 * Manifests").
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { digestAlgorithm, digestOf, isDigest } from "../oci/digest.ts";
import {
  ACCEPTED_MANIFESTS,
  bareMediaType,
  type Descriptor,
  type ManifestContent,
  MAX_MANIFEST_BYTES,
  MediaType,
} from "../oci/manifest.ts";
import type { CallOptions, PutManifestResult } from "../oci/store.ts";
import { readBounded } from "../transport/read_body.ts";
import { redactUrl } from "../transport/redact_url.ts";
import { isTemporaryStatus } from "../transport/retry.ts";
import { discard } from "../transport/transport.ts";
import { registryError } from "./registry_error.ts";
import type { RepositoryRequests } from "./repository_requests.ts";

// Schema 1 is asked for last, only so that it can be refused by name.
const ACCEPT = [
  ...ACCEPTED_MANIFESTS,
  MediaType.dockerSchema1Signed,
  MediaType.dockerSchema1,
].join(", ");

/** Reads and writes the manifests of one registry. */
export class Manifests {
  readonly #requests: RepositoryRequests;

  constructor(requests: RepositoryRequests) {
    this.#requests = requests;
  }

  /** @throws {HangarError} any fault of the registry; 404 is not a fault */
  async get(
    repository: string,
    reference: string,
    options: CallOptions = {},
  ): Promise<ManifestContent | undefined> {
    const [request, response] = await this.#requests.send(
      repository,
      `manifests/${reference}`,
      {
        method: "GET",
        headers: { accept: ACCEPT },
        wholeBody: MAX_MANIFEST_BYTES,
        signal: options.signal,
      },
    );
    if (response.status === 404) {
      await discard(response);
      return undefined;
    }
    if (response.status !== 200) throw await registryError(request, response);
    const bytes = await readBounded(response, MAX_MANIFEST_BYTES, request);
    const announced = response.headers.get("docker-content-digest") ?? "";
    const digest = isDigest(reference)
      ? reference
      : isDigest(announced)
      ? announced
      : digestOf(bytes);
    const actual = digestOf(bytes, digestAlgorithm(digest));
    if (actual !== digest) {
      throw new HangarError(
        "content-mismatch",
        `${request.method} ${
          redactUrl(request.url)
        }: content has digest ${actual}, want ${digest}`,
      );
    }
    return {
      bytes,
      digest,
      mediaType: bareMediaType(response.headers.get("content-type")),
    };
  }

  /** The same without the content, where the registry tells enough. */
  async head(
    repository: string,
    reference: string,
    options: CallOptions = {},
  ): Promise<Descriptor | undefined> {
    const [request, response] = await this.#requests.send(
      repository,
      `manifests/${reference}`,
      { method: "HEAD", headers: { accept: ACCEPT }, signal: options.signal },
    );
    await discard(response);
    if (response.status === 404) return undefined;
    const isRefused = response.status >= 400 && response.status < 500 &&
      !isTemporaryStatus(response.status);
    if (response.status !== 200 && !isRefused) {
      throw await registryError(request, response);
    }
    const digest = response.headers.get("docker-content-digest") ?? "";
    const size = Number(response.headers.get("content-length") ?? NaN);
    const mediaType = bareMediaType(response.headers.get("content-type"));
    if (!isRefused && isDigest(digest) && Number.isSafeInteger(size)) {
      return { mediaType, digest, size, json: { mediaType, digest, size } };
    }
    // An answer to HEAD has no body with a reason, and some do not know HEAD.
    const content = await this.get(repository, reference, options);
    return content && {
      mediaType: content.mediaType,
      digest: content.digest,
      size: content.bytes.byteLength,
      json: {},
    };
  }

  /** Stores a manifest under a tag or its digest. */
  async put(
    repository: string,
    reference: string,
    manifest: ManifestContent,
    options: CallOptions = {},
  ): Promise<PutManifestResult> {
    let wasRetried = false;
    const [request, response] = await this.#requests.send(
      repository,
      `manifests/${reference}`,
      {
        method: "PUT",
        headers: { "content-type": manifest.mediaType },
        body: manifest.bytes,
        signal: options.signal,
        onRetry: () => wasRetried = true,
      },
    );
    if (!response.ok) throw await registryError(request, response);
    await discard(response);
    const stored = response.headers.get("docker-content-digest");
    // A registry may name a digest by another algorithm for the same bytes.
    if (
      stored !== null && isDigest(stored) &&
      digestAlgorithm(stored) === digestAlgorithm(manifest.digest) &&
      stored !== manifest.digest
    ) {
      throw new HangarError(
        "protocol",
        `PUT ${
          redactUrl(request.url)
        }: stored as ${stored}, want ${manifest.digest}`,
        { hint: "something in front of the registry alters manifests" },
      );
    }
    // docker-registry 2.8 writes in place. When it is killed during a write,
    // the manifest stays there, empty, and a second PUT changes nothing. And a
    // portal in front of a registry answers 200 to whatever it is sent.
    if (wasRetried || response.status !== 201) {
      const hint = wasRetried
        ? "the registry was interrupted while it wrote: delete the manifest there, and mirror again"
        : `the PUT was answered ${response.status}, by a registry 201: see what answers there`;
      await this.#readBack(repository, manifest, hint, options);
    }
    return { listed: response.headers.has("oci-subject") };
  }

  /** Deletes a tag, or a manifest by its digest; false when it is not there. */
  async delete(
    repository: string,
    reference: string,
    options: CallOptions = {},
  ): Promise<boolean> {
    let wasRetried = false;
    const [request, response] = await this.#requests.send(
      repository,
      `manifests/${reference}`,
      {
        method: "DELETE",
        signal: options.signal,
        onRetry: () => wasRetried = true,
      },
    );
    if (!response.ok && response.status !== 404) {
      throw await registryError(request, response);
    }
    await discard(response);
    // An attempt without an answer may have deleted it.
    return response.ok || wasRetried;
  }

  /** @throws {HangarError} when the registry does not give back what it took */
  async #readBack(
    repository: string,
    { digest }: ManifestContent,
    hint: string,
    options: CallOptions,
  ): Promise<void> {
    let found: ManifestContent | undefined;
    try {
      found = await this.get(repository, digest, options);
    } catch (error) {
      if (options.signal?.aborted || !(error instanceof HangarError)) {
        throw error;
      }
      throw new HangarError(
        error.code,
        `it was taken, but cannot be read: ${error.message}`,
        { cause: error, status: error.status, host: error.host, hint },
      );
    }
    if (found) return;
    throw new HangarError("protocol", "it was taken, but is not there", {
      hint,
    });
  }
}
