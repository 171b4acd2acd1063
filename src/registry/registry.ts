/**
 * A registry as the engine's stores: the OCI distribution protocol.
 *
 * @module
 */

import type { ByteReader } from "../bytes.ts";
import { HangarError } from "../errors.ts";
import {
  type Digest,
  digestAlgorithm,
  digestOf,
  isDigest,
  verifyBytes,
} from "../oci/digest.ts";
import {
  ACCEPTED_MANIFESTS,
  bareMediaType,
  type Descriptor,
  type ManifestContent,
  MAX_MANIFEST_BYTES,
  MediaType,
} from "../oci/manifest.ts";
import type {
  Attempts,
  CallOptions,
  DestinationStore,
  MountResult,
  OpenUpload,
  PutManifestResult,
  SourceStore,
  UploadSource,
} from "../oci/store.ts";
import {
  readBounded,
  readerOf,
  readWhole,
  redactUrl,
} from "../transport/fault.ts";
import { isTemporaryStatus } from "../transport/retry.ts";
import { discard, type TransportRequest } from "../transport/transport.ts";
import { checkRange, skip } from "./blob_range.ts";
import type { Connection } from "./connection.ts";
import { listReferrers } from "./referrers.ts";
import { registryError } from "./registry_error.ts";
import { listTags } from "./tags.ts";
import { Upload } from "./upload.ts";
import { Uploader } from "./uploads.ts";

/** Options of a {@linkcode Registry}. */
export interface RegistryOptions {
  /**
   * What tokens are asked for. A destination asks for both at once: Quay and
   * Docker Hub answer 401 for a repository that does not exist yet otherwise.
   */
  readonly access: "pull" | "pull,push";
}

/** What is left of a request once the registry knows the endpoint. */
type Call =
  & Pick<
    TransportRequest,
    | "method"
    | "headers"
    | "body"
    | "inTransfer"
    | "once"
    | "wholeBody"
    | "onRetry"
  >
  & CallOptions;

// Schema 1 is asked for last, only so that it can be refused by name.
const ACCEPT = [
  ...ACCEPTED_MANIFESTS,
  MediaType.dockerSchema1Signed,
  MediaType.dockerSchema1,
].join(", ");

/** One registry, as a source or as a destination. */
export class Registry implements SourceStore, DestinationStore {
  readonly id: string;
  readonly #connection: Connection;
  readonly #access: string;
  readonly #uploader: Uploader;

  constructor(connection: Connection, options: RegistryOptions) {
    this.id = connection.id;
    this.#connection = connection;
    this.#access = options.access;
    this.#uploader = new Uploader(connection);
  }

  async getManifest(
    repository: string,
    reference: string,
    options: CallOptions = {},
  ): Promise<ManifestContent | undefined> {
    const [request, response] = await this.#send(
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

  async headManifest(
    repository: string,
    reference: string,
    options: CallOptions = {},
  ): Promise<Descriptor | undefined> {
    const [request, response] = await this.#send(
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
    // HEAD has no body to say why it is refused, or it is not known at all.
    const content = await this.getManifest(repository, reference, options);
    return content && {
      mediaType: content.mediaType,
      digest: content.digest,
      size: content.bytes.byteLength,
      json: {},
    };
  }

  async putManifest(
    repository: string,
    reference: string,
    manifest: ManifestContent,
    options: CallOptions = {},
  ): Promise<PutManifestResult> {
    let wasRetried = false;
    const [request, response] = await this.#send(
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
    // A registry may name another algorithm's digest of the same bytes.
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
    // What was written when a registry was killed is there for it, but empty
    // (docker-registry 2.8 writes in place): a second PUT changes nothing.
    if (wasRetried) await this.#readBack(repository, manifest, options);
    return { listed: response.headers.has("oci-subject") };
  }

  /** @throws {HangarError} when the registry does not give back what it took */
  async #readBack(
    repository: string,
    { digest }: ManifestContent,
    options: CallOptions,
  ): Promise<void> {
    const hint =
      "the registry was interrupted while it wrote: delete the manifest there, and mirror again";
    let found: ManifestContent | undefined;
    try {
      found = await this.getManifest(repository, digest, options);
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

  async openBlob(
    repository: string,
    blob: Descriptor,
    options: CallOptions & { readonly offset?: number } = {},
  ): Promise<ByteReader> {
    return await this.#openBlob(repository, blob, {
      ...options,
      inTransfer: true,
    });
  }

  async readBlob(
    repository: string,
    blob: Descriptor,
    limit: number,
    options: CallOptions = {},
  ): Promise<Uint8Array> {
    if (blob.size > limit) {
      throw new HangarError(
        "too-large",
        `blob ${blob.digest} has ${blob.size} bytes, the limit here is ${limit}`,
      );
    }
    const reader = await this.#openBlob(repository, blob, {
      ...options,
      wholeBody: blob.size,
    });
    const bytes = await readWhole(
      reader,
      blob.size,
      () => `GET ${blob.digest}`,
    );
    verifyBytes(bytes, blob);
    return bytes;
  }

  async hasBlob(
    repository: string,
    blob: Descriptor,
    options: CallOptions = {},
  ): Promise<boolean> {
    return await this.#hasBlob(repository, blob, options);
  }

  async #hasBlob(
    repository: string,
    blob: Descriptor,
    options: CallOptions & { readonly inTransfer?: boolean },
  ): Promise<boolean> {
    const [request, response] = await this.#send(
      repository,
      `blobs/${blob.digest}`,
      { method: "HEAD", ...options },
    );
    await discard(response);
    if (response.status === 404) return false;
    if (!response.ok) throw await registryError(request, response);
    const length = response.headers.get("content-length");
    // A blob cut short on the registry's disk is sent again.
    return length === null || Number(length) === blob.size;
  }

  async mountBlob(
    repository: string,
    blob: Descriptor,
    from: string,
    options: CallOptions = {},
  ): Promise<MountResult> {
    return await this.#uploader.start(
      repository,
      [
        ...this.#scopes(repository),
        ...from === repository ? [] : [`repository:${from}:pull`],
      ],
      { mount: blob.digest, from, signal: options.signal },
    );
  }

  async writeBlob(
    repository: string,
    blob: Descriptor,
    source: UploadSource,
    options: CallOptions & {
      readonly upload?: OpenUpload;
      readonly attempts: () => Attempts;
    },
  ): Promise<void> {
    const { upload } = options;
    await this.#uploader.write(
      { repository, scopes: this.#scopes(repository), blob },
      source,
      {
        ...options,
        upload: upload instanceof Upload ? upload : undefined,
        isThere: () =>
          this.#hasBlob(repository, blob, {
            signal: options.signal,
            inTransfer: true,
          }),
      },
    );
  }

  listTags(
    repository: string,
    options: CallOptions & { readonly maxPages: number },
  ): AsyncIterable<readonly string[]> {
    return listTags(this.#connection, repository, {
      ...options,
      scopes: this.#scopes(repository),
    });
  }

  listReferrers(
    repository: string,
    digest: Digest,
    options: CallOptions = {},
  ): Promise<readonly Descriptor[] | undefined> {
    return listReferrers(this.#connection, repository, digest, {
      ...options,
      scopes: this.#scopes(repository),
    });
  }

  async #openBlob(
    repository: string,
    blob: Descriptor,
    options: CallOptions & {
      readonly offset?: number;
      readonly inTransfer?: boolean;
      readonly wholeBody?: number;
    },
  ): Promise<ByteReader> {
    const { offset = 0, inTransfer, wholeBody, signal } = options;
    const [request, response] = await this.#send(
      repository,
      `blobs/${blob.digest}`,
      {
        method: "GET",
        headers: offset > 0 ? { range: `bytes=${offset}-` } : undefined,
        inTransfer,
        // The reader of a transfer goes on by itself where it broke.
        once: inTransfer,
        wholeBody,
        signal,
      },
    );
    const isPart = offset > 0 && response.status === 206;
    if (response.status !== 200 && !isPart) {
      throw await registryError(request, response);
    }
    if (isPart) await checkRange(request, response, offset, blob);
    const length = response.headers.get("content-length");
    const expected = isPart ? blob.size - offset : blob.size;
    if (length !== null && Number(length) !== expected) {
      await discard(response);
      throw new HangarError(
        "content-mismatch",
        `GET ${
          redactUrl(request.url)
        }: the registry sends ${length} bytes for ${blob.digest}, the manifest says ${expected}`,
      );
    }
    const reader = readerOf(response, request);
    // Some registries know no ranges, and send all of it again.
    if (!isPart && offset > 0) return await skip(reader, offset);
    return reader;
  }

  #scopes(repository: string): string[] {
    return [`repository:${repository}:${this.#access}`];
  }

  async #send(
    repository: string,
    path: string,
    call: Call,
  ): Promise<[TransportRequest, Response]> {
    const { base, send, stallTimeoutMs } = await this.#connection.endpoint(
      call.signal,
    );
    const request: TransportRequest = {
      ...call,
      stallTimeoutMs,
      url: new URL(`/v2/${repository}/${path}`, base),
      scopes: this.#scopes(repository),
    };
    return [request, await send(request)];
  }
}
