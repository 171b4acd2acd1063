/**
 * A registry as the engine's stores: the OCI distribution protocol.
 *
 * @module
 */

import type { Attempts } from "../attempts.ts";
import type { ByteReader } from "../bytes.ts";
import { HangarError } from "../errors.ts";
import { type Digest, verifyBytes } from "../oci/digest.ts";
import type { Descriptor, ManifestContent } from "../oci/manifest.ts";
import type {
  BlobMounter,
  CallOptions,
  DestinationStore,
  DigestTrialResult,
  DigestTrier,
  ManifestRemover,
  ManifestRole,
  MountResult,
  OpenUpload,
  PutManifestResult,
  UploadSource,
} from "../oci/store.ts";
import { readerOf, readWhole } from "../transport/read_body.ts";
import { redactUrl } from "../transport/redact_url.ts";
import { discard, type TransportRequest } from "../transport/transport.ts";
import { checkRange, skip } from "./blob_range.ts";
import type { Connection } from "./connection.ts";
import { tryWrongDigest } from "./uploads/digest_trial.ts";
import { Manifests } from "./manifests.ts";
import { listReferrers } from "./referrers.ts";
import { registryError } from "./registry_error.ts";
import { RepositoryRequests } from "./repository_requests.ts";
import { listRepositories, listTags } from "./tags.ts";
import { Upload } from "./uploads/upload.ts";
import { Uploader } from "./uploads/uploads.ts";

/** Options of a {@linkcode Registry}. */
export interface RegistryOptions {
  /**
   * The access that tokens are asked for. A destination asks for both at once:
   * otherwise Quay and Docker Hub answer 401 for a repository that does not
   * exist yet.
   */
  readonly access: Access;
}

/** What a token allows, as scopes have it. */
export type Access = "pull" | "pull,push" | "pull,push,delete";

/** One registry, as a source or as a destination. */
export class Registry
  implements DestinationStore, BlobMounter, DigestTrier, ManifestRemover {
  readonly id: string;
  readonly mounter = this;
  readonly digestTrier = this;
  readonly #connection: Connection;
  readonly #requests: RepositoryRequests;
  readonly #manifests: Manifests;
  readonly #uploader: Uploader;

  constructor(connection: Connection, options: RegistryOptions) {
    this.id = connection.id;
    this.#connection = connection;
    this.#requests = new RepositoryRequests(connection, options.access);
    this.#manifests = new Manifests(this.#requests);
    this.#uploader = new Uploader(connection);
  }

  getManifest(
    repository: string,
    reference: string,
    options: CallOptions = {},
  ): Promise<ManifestContent | undefined> {
    return this.#manifests.get(repository, reference, options);
  }

  headManifest(
    repository: string,
    reference: string,
    options: CallOptions = {},
  ): Promise<Descriptor | undefined> {
    return this.#manifests.head(repository, reference, options);
  }

  // To a registry all manifests are alike, whatever their role.
  putManifest(
    repository: string,
    reference: string,
    manifest: ManifestContent,
    options: CallOptions & { readonly role: ManifestRole },
  ): Promise<PutManifestResult> {
    return this.#manifests.put(repository, reference, manifest, options);
  }

  deleteManifest(
    repository: string,
    reference: string,
    options: CallOptions = {},
  ): Promise<boolean> {
    return this.#manifests.delete(repository, reference, options);
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

  async tryWrongDigest(
    repository: string,
    { signal }: CallOptions = {},
  ): Promise<DigestTrialResult> {
    const scopes = this.#requests.scopes(repository);
    const inTransfer = true;
    return await tryWrongDigest({
      open: () => this.#uploader.open({ repository, scopes }, signal),
      look: async (digest) => {
        const [, response] = await this.#headBlob(repository, digest, {
          signal,
          inTransfer,
        });
        return response.status;
      },
      signal,
    });
  }

  async #headBlob(
    repository: string,
    digest: Digest,
    options: CallOptions & { readonly inTransfer?: boolean },
  ): Promise<[TransportRequest, Response]> {
    const [request, response] = await this.#requests.send(
      repository,
      `blobs/${digest}`,
      { method: "HEAD", ...options },
    );
    await discard(response);
    return [request, response];
  }

  async #hasBlob(
    repository: string,
    blob: Descriptor,
    options: CallOptions & { readonly inTransfer?: boolean },
  ): Promise<boolean> {
    const [request, response] = await this.#headBlob(
      repository,
      blob.digest,
      options,
    );
    if (response.status === 404) return false;
    if (!response.ok) throw await registryError(request, response);
    const length = response.headers.get("content-length");
    // A blob that is too short on the registry's disk is sent again.
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
        ...this.#requests.scopes(repository),
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
      { repository, scopes: this.#requests.scopes(repository), blob },
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
      scopes: this.#requests.scopes(repository),
    });
  }

  /** The repositories of the registry, page by page. */
  listRepositories(
    options: CallOptions & { readonly maxPages: number },
  ): AsyncIterable<readonly string[]> {
    return listRepositories(this.#connection, options);
  }

  listReferrers(
    repository: string,
    digest: Digest,
    options: CallOptions = {},
  ): Promise<readonly Descriptor[] | undefined> {
    return listReferrers(this.#connection, repository, digest, {
      ...options,
      scopes: this.#requests.scopes(repository),
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
    const [request, response] = await this.#requests.send(
      repository,
      `blobs/${blob.digest}`,
      {
        method: "GET",
        headers: offset > 0 ? { range: `bytes=${offset}-` } : undefined,
        inTransfer,
        // The reader of a transfer continues by itself after a break.
        once: inTransfer,
        wholeBody,
        signal,
      },
    );
    // Some registries do not know ranges without an end (such as that of
    // go-containerregistry). Then the blob is read from its beginning.
    if (offset > 0 && response.status === 416) {
      await discard(response);
      const whole = { ...options, offset: 0 };
      return await skip(await this.#openBlob(repository, blob, whole), offset);
    }
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
    // Some registries do not know ranges, and send the whole blob again.
    if (!isPart && offset > 0) return await skip(reader, offset);
    return reader;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.settled();
  }
}
