/**
 * A registry as the engine's stores: the OCI distribution protocol.
 *
 * @module
 */

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
  CallOptions,
  DestinationStore,
  MountResult,
  OpenSource,
  OpenUpload,
  PutManifestResult,
  SourceStore,
} from "../oci/store.ts";
import { bodyOf, readBounded, redactUrl } from "../transport/fault.ts";
import { discard, type TransportRequest } from "../transport/transport.ts";
import type { Connection } from "./connection.ts";
import { listReferrers } from "./referrers.ts";
import { registryError } from "./registry_error.ts";
import { listTags } from "./tags.ts";
import { type Upload, Uploader } from "./uploads.ts";

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
  & Pick<TransportRequest, "method" | "headers" | "body" | "inTransfer">
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
      { method: "GET", headers: { accept: ACCEPT }, signal: options.signal },
    );
    if (response.status === 404) {
      await discard(response);
      return undefined;
    }
    if (response.status !== 200) throw await registryError(request, response);
    const bytes = await readBounded(
      response,
      MAX_MANIFEST_BYTES,
      request.method,
      request.url,
      options.signal,
    );
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
    if (response.status !== 200) throw await registryError(request, response);
    const digest = response.headers.get("docker-content-digest") ?? "";
    const size = Number(response.headers.get("content-length") ?? NaN);
    const mediaType = bareMediaType(response.headers.get("content-type"));
    if (isDigest(digest) && Number.isSafeInteger(size)) {
      return { mediaType, digest, size, json: { mediaType, digest, size } };
    }
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
    const [request, response] = await this.#send(
      repository,
      `manifests/${reference}`,
      {
        method: "PUT",
        headers: { "content-type": manifest.mediaType },
        body: manifest.bytes,
        signal: options.signal,
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
    return { listed: response.headers.has("oci-subject") };
  }

  async openBlob(
    repository: string,
    blob: Descriptor,
    options: CallOptions = {},
  ): Promise<ReadableStream<Uint8Array>> {
    return await this.#openBlob(repository, blob, true, options.signal);
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
    const stream = await this.#openBlob(
      repository,
      blob,
      false,
      options.signal,
    );
    const bytes = await readBounded(
      new Response(stream),
      blob.size,
      "GET",
      (await this.#connection.endpoint(options.signal)).base,
      options.signal,
    );
    verifyBytes(bytes, blob);
    return bytes;
  }

  async hasBlob(
    repository: string,
    blob: Descriptor,
    options: CallOptions = {},
  ): Promise<boolean> {
    const [request, response] = await this.#send(
      repository,
      `blobs/${blob.digest}`,
      { method: "HEAD", signal: options.signal },
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
      [...this.#scopes(repository), `repository:${from}:pull`],
      { mount: blob.digest, from, signal: options.signal },
    );
  }

  async writeBlob(
    repository: string,
    blob: Descriptor,
    open: OpenSource,
    options: CallOptions & { readonly upload?: OpenUpload } = {},
  ): Promise<void> {
    await this.#uploader.write(
      repository,
      this.#scopes(repository),
      blob,
      open,
      options as CallOptions & { upload?: Upload },
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
    inTransfer: boolean,
    signal?: AbortSignal,
  ): Promise<ReadableStream<Uint8Array>> {
    const [request, response] = await this.#send(
      repository,
      `blobs/${blob.digest}`,
      { method: "GET", inTransfer, signal },
    );
    if (response.status !== 200) throw await registryError(request, response);
    const length = response.headers.get("content-length");
    if (length !== null && Number(length) !== blob.size) {
      await discard(response);
      throw new HangarError(
        "content-mismatch",
        `GET ${
          redactUrl(request.url)
        }: the registry sends ${length} bytes for ${blob.digest}, the manifest says ${blob.size}`,
      );
    }
    return bodyOf(response, request.method, request.url, signal);
  }

  #scopes(repository: string): string[] {
    return [`repository:${repository}:${this.#access}`];
  }

  async #send(
    repository: string,
    path: string,
    call: Call,
  ): Promise<[TransportRequest, Response]> {
    const { base, send } = await this.#connection.endpoint(call.signal);
    const request: TransportRequest = {
      ...call,
      url: new URL(`/v2/${repository}/${path}`, base),
      scopes: this.#scopes(repository),
    };
    return [request, await send(request)];
  }
}
