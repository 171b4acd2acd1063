/**
 * A strict OCI registry in memory, on loopback: it refuses what a careful
 * registry refuses, counts what it is asked, and breaks on demand.
 *
 * @module
 */

import { FakeAuth, type FakeAuthOptions } from "./fake_auth.ts";
import { type Fault, type FaultAction, FaultScript } from "./fake_faults.ts";
import { type MadeImage, sha256 } from "./images.ts";
import { createHash } from "node:crypto";

/** One request, as the registry saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly kind: RequestKind;
  readonly repository: string;
  /** Tag or digest of a manifest, digest of a blob. */
  readonly reference: string;
  readonly authorization?: string;
  readonly range?: string;
  /** When it came, in ms. */
  readonly at: number;
  status: number;
  bytesIn: number;
}

/** What a request is about. */
export type RequestKind =
  | "ping"
  | "manifest"
  | "blob"
  | "upload"
  | "tags"
  | "referrers"
  | "token"
  | "unknown";

/** How a registry differs from the plain one. */
export interface Quirks {
  /** `Location` without scheme and host. */
  readonly relativeLocation?: boolean;
  /** `Location` with a query of its own, which must come back unchanged. */
  readonly locationQuery?: string;
  readonly ignoreMounts?: boolean;
  /** The status for a PATCH without a length. */
  readonly refuseStream?: 411 | 413;
  /** `OCI-Chunk-Min-Length`; smaller chunks are refused, but for the last. */
  readonly minChunk?: number;
  /** Bodies above this are answered 413. */
  readonly maxBody?: number;
  readonly omitDigestHeader?: boolean;
  /** A broken PATCH ends its upload, as with docker-registry 2.8. */
  readonly forgetBrokenUploads?: boolean;
  /** GET of a blob sends all of it, whatever range was asked for. */
  readonly ignoreRange?: boolean;
  /** A PATCH or PUT of a blob breaks when so many bytes of it have come. */
  readonly breakUploads?: () => number;
  /** Headers of every answer. */
  readonly headers?: () => Readonly<Record<string, string>>;
  /** Blobs are redirected to this origin, which holds the same. */
  readonly blobOrigin?: () => string;
  /** Clients may meet uploads that are gone: requests get lost on the way. */
  readonly lossy?: boolean;
  /** Listing tags is refused with this status. */
  readonly tagsStatus?: number;
  /** Foreign layers must be there too. */
  readonly wantForeignLayers?: boolean;
  /** The status for a PUT of a blob without a length. */
  readonly refuseChunkedPut?: 411;
  /** Answers to uploads have neither a length nor a range. */
  readonly bareAccepted?: boolean;
  /** Manifests of these media types are refused. */
  readonly refusesTypes?: readonly string[];
  /** What it says when a tag that points elsewhere is pushed. */
  readonly immutableTags?: { readonly status: number; readonly code: string };
  /** Uploads go to a path of its own, outside of the repository's. */
  readonly uploadPath?: string;
  /** What it holds under a digest stays, whatever it is sent for it. */
  readonly keepsContent?: boolean;
  /** Blobs are known by their sha256 alone, whatever digest they came under. */
  readonly sha256Only?: boolean;
  /** Repositories have to be made before they are pushed to. */
  readonly knownRepositories?: readonly string[];
}

/** What of Harbor's own API there is. */
export interface FakeHarbor {
  /** The projects that there are; those that are made join them. */
  readonly projects: Set<string>;
  /** Whether the account may make projects. @default {true} */
  readonly mayCreate?: boolean;
}

/** Options of {@linkcode FakeRegistry.start}. */
export interface FakeRegistryOptions {
  readonly auth?: FakeAuthOptions;
  readonly quirks?: Quirks;
  /** Breaks requests as it likes. */
  readonly chaos?: (seen: SeenRequest) => FaultAction | undefined;
  /** Before every answer. */
  readonly latencyMs?: number;
  /** How many tags a page holds at most. @default {1000} */
  readonly tagPageSize?: number;
  /** Where the number of requests so far can be had, for other processes. */
  readonly countPath?: string;
  /** @default {true} */
  readonly keepRequests?: boolean;
  /** Whether there is a referrers API. @default {false} */
  readonly referrers?: boolean;
  /** How many referrers a page holds at most. @default {1000} */
  readonly referrerPageSize?: number;
  /** It is a Harbor: repositories are in projects. */
  readonly harbor?: FakeHarbor;
  /** Makes up an image for a tag that is not there. */
  readonly synthesize?: (repository: string, tag: string) => MadeImage;
}

interface StoredManifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

interface Repository {
  readonly manifests: Map<string, StoredManifest>;
  readonly tags: Map<string, string>;
  readonly blobs: Set<string>;
}

interface Upload {
  readonly repository: string;
  parts: Uint8Array[];
  size: number;
}

const NAME = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*" +
  "(?:\\/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*";
const ROUTE = new RegExp(
  `^/v2/(${NAME})/(manifests|blobs/uploads|blobs|tags|referrers)/([^/]*)$`,
);
const DIGEST = /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
const MANIFEST_TYPES = /^application\/vnd\.(oci\.image|docker\.distribution)\./;

function digestLike(digest: string, bytes: Uint8Array): string {
  return digest.startsWith("sha512:")
    ? `sha512:${createHash("sha512").update(bytes).digest("hex")}`
    : sha256(bytes);
}

function refusal(
  status: number,
  code: string,
  message = code.toLowerCase(),
  headers: Record<string, string> = {},
): Response {
  return Response.json({ errors: [{ code, message }] }, { status, headers });
}

function whole(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((n, p) => n + p.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.byteLength;
  }
  return bytes;
}

/** The registry. */
export class FakeRegistry implements AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly url: string;
  /** Every request, in the order of arrival. */
  readonly requests: SeenRequest[] = [];
  /** What a client must not do. */
  readonly violations: string[] = [];
  /** The most requests that were under way at once. */
  maxConcurrent = 0;
  readonly #options: FakeRegistryOptions;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #repositories = new Map<string, Repository>();
  readonly #blobs = new Map<string, Uint8Array>();
  readonly #uploads = new Map<string, Upload>();
  readonly #faults = new FaultScript();
  readonly #auth: FakeAuth;
  #concurrent = 0;
  #count = 0;

  private constructor(options: FakeRegistryOptions) {
    this.#options = options;
    this.#server = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen: () => {},
      // A client that goes away in the middle is part of the tests.
      onError: () => new Response(null, { status: 500 }),
    }, (request) => this.#serve(request));
    this.host = `127.0.0.1:${this.#server.addr.port}`;
    this.url = `http://${this.host}`;
    this.#auth = new FakeAuth(
      options.auth ?? { kind: "none" },
      this.url,
      (name) => this.#repositories.has(name),
    );
  }

  /** Starts a registry on a free port. */
  static start(options: FakeRegistryOptions = {}): FakeRegistry {
    return new FakeRegistry(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#faults.end();
    await this.#server.shutdown();
  }

  /** Makes every token worthless. */
  forgetTokens(): void {
    this.#auth.forgetTokens();
  }

  /** Breaks a request; the returned function mends it. */
  fault(fault: Fault): () => void {
    return this.#faults.add(fault);
  }

  /** Puts an image in place without a request. */
  install(repository: string, tag: string | undefined, image: MadeImage): void {
    const repo = this.#repository(repository);
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
    return this.#repositories.get(repository)?.tags.get(tag);
  }

  /** A manifest by tag or digest. */
  manifest(repository: string, reference: string): StoredManifest | undefined {
    const repo = this.#repositories.get(repository);
    return repo?.manifests.get(repo.tags.get(reference) ?? reference);
  }

  /** Digests of the entries of the index under a tag. */
  entries(repository: string, tag: string): string[] {
    const stored = this.manifest(repository, tag);
    const json = JSON.parse(new TextDecoder().decode(stored?.bytes));
    return json.manifests.map((entry: { digest: string }) => entry.digest);
  }

  /** Whether a repository holds a blob. */
  hasBlob(repository: string, digest: string): boolean {
    return this.#repositories.get(repository)?.blobs.has(digest) ?? false;
  }

  /** A blob's content. */
  blob(digest: string): Uint8Array | undefined {
    return this.#blobs.get(digest);
  }

  /** Flips a bit of a blob, or mends it when called again. */
  flip(digest: string): void {
    const bytes = this.#blobs.get(digest)!.slice();
    bytes[bytes.length >> 1]! ^= 1;
    this.#blobs.set(digest, bytes);
  }

  /** Changes a byte of a manifest, so that it can still be parsed. */
  alter(repository: string, digest: string): void {
    const { bytes, mediaType } = this.manifest(repository, digest)!;
    const text = new TextDecoder().decode(bytes).replace("{", "{ ");
    this.#repository(repository).manifests.set(digest, {
      bytes: new TextEncoder().encode(text),
      mediaType,
    });
  }

  /** Cuts a blob short. */
  truncate(digest: string): void {
    const bytes = this.#blobs.get(digest)!;
    this.#blobs.set(digest, bytes.subarray(0, bytes.length >> 1));
  }

  /** Takes a blob or a manifest out of a repository. */
  remove(repository: string, digest: string): void {
    const repo = this.#repository(repository);
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
        const { children, blobs } = referencesOf(stored.bytes, false);
        for (const child of children) look(child, path);
        for (const blob of blobs) {
          if (!repo.blobs.has(blob)) missing.push(`${path} blob ${blob}`);
        }
      };
      for (const [tag, digest] of repo.tags) look(digest, `${name}:${tag}`);
    }
    return missing;
  }

  /** How many requests match. */
  count(match: Partial<SeenRequest>): number {
    return this.requests.filter((request) =>
      Object.entries(match).every(([key, value]) =>
        request[key as keyof SeenRequest] === value
      )
    ).length;
  }

  /** Blob bytes that clients sent. */
  get blobBytesReceived(): number {
    return this.requests.reduce(
      (n, r) => n + (r.kind === "upload" ? r.bytesIn : 0),
      0,
    );
  }

  /** Forgets the requests seen so far. */
  clear(): void {
    this.requests.length = 0;
    this.maxConcurrent = 0;
  }

  #repository(name: string): Repository {
    let repo = this.#repositories.get(name);
    if (!repo) {
      repo = { manifests: new Map(), tags: new Map(), blobs: new Set() };
      this.#repositories.set(name, repo);
    }
    return repo;
  }

  async #serve(request: Request): Promise<Response> {
    this.maxConcurrent = Math.max(this.maxConcurrent, ++this.#concurrent);
    let done = false;
    const end = () => {
      if (!done) this.#concurrent--;
      done = true;
    };
    try {
      const url = new URL(request.url);
      if (url.pathname === this.#options.countPath) {
        end();
        return new Response(String(this.#count));
      }
      this.#count++;
      const seen = seenFrom(
        request,
        url,
        this.#options.quirks?.uploadPath,
      );
      if (this.#options.keepRequests !== false) this.requests.push(seen);
      const { latencyMs } = this.#options;
      if (latencyMs) await new Promise((r) => setTimeout(r, latencyMs));
      const response = await this.#faults.apply(
        seen,
        request,
        () => this.#answer(request, url, seen),
        this.#options.chaos?.(seen),
      );
      seen.status = response.status;
      for (
        const [name, value] of Object.entries(
          this.#options.quirks?.headers?.() ?? {},
        )
      ) response.headers.set(name, value);
      if (this.#options.quirks?.omitDigestHeader) {
        response.headers.delete("docker-content-digest");
      }
      if (!response.body) {
        end();
        return response;
      }
      const reader = response.body.getReader();
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          try {
            const { done, value } = await reader.read();
            if (!done) return controller.enqueue(value);
            end();
            controller.close();
          } catch (error) {
            end();
            throw error;
          }
        },
        cancel(reason) {
          end();
          return reader.cancel(reason);
        },
      });
      return new Response(body, response);
    } catch (error) {
      end();
      throw error;
    }
  }

  async #answer(
    request: Request,
    url: URL,
    seen: SeenRequest,
  ): Promise<Response> {
    if (seen.kind === "token") return await this.#auth.token(request, url);
    // A login shows its credentials to the base endpoint, asked or not.
    if (
      request.headers.has("authorization") && this.#auth.kind === "none" &&
      seen.kind !== "ping"
    ) {
      this.violations.push(`${seen.method} ${seen.path}: needless credentials`);
    }
    if (request.headers.get("accept-encoding") !== "identity") {
      this.violations.push(`${seen.method} ${seen.path}: Accept-Encoding`);
    }
    const { harbor, quirks = {} } = this.#options;
    if (harbor && url.pathname.startsWith("/api/v2.0/")) {
      return await this.#harbor(request, url, harbor);
    }
    const denied = this.#auth.check(request, seen, url) ??
      this.#unknown(seen, harbor, quirks);
    if (denied) {
      await request.body?.cancel();
      return denied;
    }
    switch (seen.kind) {
      case "ping":
        return new Response("{}", {
          headers: { "docker-distribution-api-version": "registry/2.0" },
        });
      case "manifest":
        return await this.#manifests(request, seen);
      case "blob":
        return this.#blobsOf(request, seen);
      case "upload":
        return await this.#upload(request, url, seen);
      case "tags":
        return this.#tags(url, seen.repository);
      case "referrers":
        return this.#referrers(url, seen);
      default:
        this.violations.push(`${seen.method} ${seen.path}: no such route`);
        await request.body?.cancel();
        return refusal(404, "NAME_INVALID");
    }
  }

  /** Refuses repositories that would have to be made first. */
  #unknown(
    { repository, method }: SeenRequest,
    harbor: FakeHarbor | undefined,
    { knownRepositories }: Quirks,
  ): Response | undefined {
    if (repository === "") return undefined;
    const [project = ""] = repository.split("/");
    if (harbor && !harbor.projects.has(project)) {
      return refusal(401, "UNAUTHORIZED", `project ${project} not found`);
    }
    if (knownRepositories && !knownRepositories.includes(repository)) {
      return refusal(
        404,
        method === "GET" || method === "HEAD"
          ? "MANIFEST_UNKNOWN"
          : "NAME_UNKNOWN",
        `The repository with name '${repository}' does not exist`,
      );
    }
    return undefined;
  }

  async #harbor(
    request: Request,
    url: URL,
    { projects, mayCreate = true }: FakeHarbor,
  ): Promise<Response> {
    const text = await request.text();
    if (url.pathname !== "/api/v2.0/projects") {
      return refusal(404, "NOT_FOUND");
    }
    if (!this.#auth.isOwner(request)) return refusal(401, "UNAUTHORIZED");
    if (request.method === "HEAD") {
      const name = url.searchParams.get("project_name") ?? "";
      return new Response(null, { status: projects.has(name) ? 200 : 404 });
    }
    if (request.method === "GET") {
      return Response.json([...projects].map((name) => ({ name })));
    }
    if (request.method !== "POST") return refusal(405, "METHOD_NOT_ALLOWED");
    const { project_name: name, metadata } = JSON.parse(text);
    if (metadata?.public !== "false") {
      this.violations.push(`project ${name} would be public`);
    }
    if (projects.has(name)) return refusal(409, "CONFLICT");
    if (!mayCreate) return refusal(403, "FORBIDDEN", "forbidden");
    projects.add(name);
    return new Response(null, { status: 201 });
  }

  #referrers(url: URL, { repository, reference }: SeenRequest): Response {
    if (!this.#options.referrers) return refusal(404, "NOT_FOUND");
    const all = this.referrersOf(repository, reference);
    const size = this.#options.referrerPageSize ?? 1000;
    const from = Number(url.searchParams.get("from") ?? 0);
    const next = `/v2/${repository}/referrers/${reference}?from=${from + size}`;
    return Response.json({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: all.slice(from, from + size),
    }, {
      headers: {
        "content-type": "application/vnd.oci.image.index.v1+json",
        ...(all.length > from + size && { link: `<${next}>; rel="next"` }),
      },
    });
  }

  /** What the registry knows to refer to a digest. */
  referrersOf(repository: string, subject: string): { digest: string }[] {
    const repo = this.#repositories.get(repository);
    return [...repo?.manifests ?? []].flatMap(([digest, stored]) => {
      const json = JSON.parse(new TextDecoder().decode(stored.bytes));
      return json.subject?.digest === subject
        ? [{
          mediaType: stored.mediaType,
          digest,
          size: stored.bytes.byteLength,
          artifactType: json.artifactType ?? json.config?.mediaType,
          ...(json.annotations && { annotations: json.annotations }),
        }]
        : [];
    });
  }

  #tags(url: URL, repository: string): Response {
    const { tagsStatus } = this.#options.quirks ?? {};
    if (tagsStatus !== undefined) return refusal(tagsStatus, "DENIED");
    const repo = this.#repositories.get(repository);
    if (!repo) return refusal(404, "NAME_UNKNOWN");
    const last = url.searchParams.get("last") ?? "";
    const size = Math.min(
      Number(url.searchParams.get("n") ?? 1000),
      this.#options.tagPageSize ?? 1000,
    );
    const all = [...repo.tags.keys()].sort().filter((tag) => tag > last);
    const tags = all.slice(0, size);
    const next = `/v2/${repository}/tags/list?n=${size}&last=${tags.at(-1)}`;
    return Response.json({ name: repository, tags }, {
      headers: all.length > size ? { link: `<${next}>; rel="next"` } : {},
    });
  }

  async #manifests(request: Request, seen: SeenRequest): Promise<Response> {
    const { repository, reference } = seen;
    if (request.method === "PUT") return await this.#putManifest(request, seen);
    if (request.method !== "GET" && request.method !== "HEAD") {
      this.violations.push(`${seen.method} ${seen.path}: not expected`);
      return refusal(405, "UNSUPPORTED");
    }
    if (!this.manifest(repository, reference) && this.#options.synthesize) {
      if (!DIGEST.test(reference)) {
        this.install(
          repository,
          reference,
          this.#options.synthesize(repository, reference),
        );
      }
    }
    const stored = this.manifest(repository, reference);
    if (!stored) return refusal(404, "MANIFEST_UNKNOWN");
    return new Response(
      request.method === "HEAD"
        ? null
        : stored.bytes as Uint8Array<ArrayBuffer>,
      {
        headers: {
          "content-type": stored.mediaType,
          "content-length": String(stored.bytes.byteLength),
          "docker-content-digest": DIGEST.test(reference)
            ? reference
            : sha256(stored.bytes),
        },
      },
    );
  }

  async #putManifest(request: Request, seen: SeenRequest): Promise<Response> {
    const bytes = new Uint8Array(await request.arrayBuffer());
    seen.bytesIn = bytes.byteLength;
    const mediaType = request.headers.get("content-type") ?? "";
    const { refusesTypes = [], immutableTags } = this.#options.quirks ?? {};
    if (refusesTypes.includes(mediaType)) {
      return refusal(
        415,
        "MANIFEST_INVALID",
        `manifest type ${mediaType} is not supported`,
      );
    }
    if (!MANIFEST_TYPES.test(mediaType)) {
      this.violations.push(`${seen.path}: Content-Type ${mediaType}`);
      return refusal(400, "MANIFEST_INVALID");
    }
    let references: References;
    try {
      const json = JSON.parse(new TextDecoder().decode(bytes));
      if (json.mediaType !== undefined && json.mediaType !== mediaType) {
        throw new Error("media types differ");
      }
      references = referencesOf(
        bytes,
        this.#options.quirks?.wantForeignLayers ?? false,
      );
    } catch (error) {
      this.violations.push(`${seen.path}: ${error}`);
      return refusal(400, "MANIFEST_INVALID");
    }
    const { repository, reference } = seen;
    const repo = this.#repository(repository);
    const missing = references.blobs.find((d) => !repo.blobs.has(d)) ??
      references.children.find((d) => !repo.manifests.has(d));
    if (missing !== undefined) {
      return refusal(400, "MANIFEST_BLOB_UNKNOWN", `unknown: ${missing}`);
    }
    if (DIGEST.test(reference) && digestLike(reference, bytes) !== reference) {
      this.violations.push(`${seen.path}: another digest`);
      return refusal(400, "DIGEST_INVALID");
    }
    const digest = DIGEST.test(reference) ? reference : sha256(bytes);
    const held = repo.tags.get(reference);
    if (immutableTags && held !== undefined && held !== digest) {
      return refusal(
        immutableTags.status,
        immutableTags.code,
        `tag ${reference} already exists and cannot be overwritten because the repository is immutable`,
      );
    }
    if (!this.#options.quirks?.keepsContent || !repo.manifests.has(digest)) {
      repo.manifests.set(digest, { bytes, mediaType });
    }
    if (!DIGEST.test(reference)) repo.tags.set(reference, digest);
    const { subject } = JSON.parse(new TextDecoder().decode(bytes));
    return new Response(null, {
      status: 201,
      headers: {
        ...(subject && this.#options.referrers &&
          { "oci-subject": subject.digest }),
        location: `/v2/${repository}/manifests/${digest}`,
        "docker-content-digest": digest,
      },
    });
  }

  #blobsOf(request: Request, seen: SeenRequest): Response {
    const { repository, reference } = seen;
    const bytes = this.#repositories.get(repository)?.blobs.has(reference)
      ? this.#blobs.get(reference)
      : undefined;
    if (!bytes) return refusal(404, "BLOB_UNKNOWN");
    const headers = {
      "content-length": String(bytes.byteLength),
      "content-type": "application/octet-stream",
      "docker-content-digest": reference,
    };
    if (request.method === "HEAD") return new Response(null, { headers });
    const { quirks = {} } = this.#options;
    if (quirks.blobOrigin) {
      return new Response(null, {
        status: 307,
        headers: {
          location: `${quirks.blobOrigin()}${seen.path}?signature=secret`,
        },
      });
    }
    const range = /^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "");
    if (range && !quirks.ignoreRange) {
      const from = Number(range[1]);
      return new Response(
        bytes.subarray(from) as Uint8Array<ArrayBuffer>,
        {
          status: 206,
          headers: {
            ...headers,
            "content-length": String(bytes.byteLength - from),
            "content-range": `bytes ${from}-${
              bytes.byteLength - 1
            }/${bytes.byteLength}`,
          },
        },
      );
    }
    return new Response(bytes as Uint8Array<ArrayBuffer>, { headers });
  }

  async #upload(
    request: Request,
    url: URL,
    seen: SeenRequest,
  ): Promise<Response> {
    const { repository } = seen;
    if (request.method === "POST") return this.#startUpload(url, repository);
    const id = seen.reference;
    const upload = this.#uploads.get(id);
    const { quirks = {} } = this.#options;
    if (!upload || upload.repository !== repository) {
      await request.body?.cancel();
      if (
        request.method !== "DELETE" && request.method !== "GET" &&
        !quirks.lossy
      ) {
        this.violations.push(`${seen.method} ${seen.path}: no such upload`);
      }
      return refusal(404, "BLOB_UPLOAD_UNKNOWN");
    }
    if (
      quirks.locationQuery !== undefined &&
      !url.search.startsWith(`?${quirks.locationQuery}`)
    ) {
      this.violations.push(
        `${seen.path}: the query was altered: ${url.search}`,
      );
    }
    if (request.method === "DELETE") {
      this.#uploads.delete(id);
      return new Response(null, { status: 204 });
    }
    if (request.method === "GET") {
      return new Response(null, {
        status: 204,
        headers: {
          location: this.#locationOf(repository, id),
          range: `0-${Math.max(0, upload.size - 1)}`,
        },
      });
    }
    const length = request.headers.get("content-length");
    if (
      request.method === "PATCH" && length === null && quirks.refuseStream
    ) {
      await request.body?.cancel();
      return refusal(quirks.refuseStream, "UNSUPPORTED");
    }
    if (
      request.method === "PUT" && length === null && quirks.refuseChunkedPut
    ) {
      await request.body?.cancel();
      return refusal(quirks.refuseChunkedPut, "UNSUPPORTED");
    }
    const before = upload.size;
    try {
      for await (const chunk of request.body ?? []) {
        seen.bytesIn += chunk.byteLength;
        upload.parts.push(chunk);
        upload.size += chunk.byteLength;
        if (seen.bytesIn > (quirks.maxBody ?? Infinity)) {
          this.#uploads.delete(id);
          return refusal(413, "SIZE_INVALID");
        }
        if (seen.bytesIn > (quirks.breakUploads?.() ?? Infinity)) {
          throw new Error("broken on demand");
        }
      }
    } catch (error) {
      if (quirks.forgetBrokenUploads) this.#uploads.delete(id);
      throw error;
    }
    return request.method === "PATCH"
      ? this.#patched(request, upload, before, id)
      : this.#finishUpload(url, seen, upload, id);
  }

  #startUpload(url: URL, repository: string): Response {
    const mount = url.searchParams.get("mount");
    const from = url.searchParams.get("from");
    const { quirks = {} } = this.#options;
    if (mount && from && !quirks.ignoreMounts && this.hasBlob(from, mount)) {
      this.#repository(repository).blobs.add(mount);
      return new Response(null, {
        status: 201,
        headers: { location: `/v2/${repository}/blobs/${mount}` },
      });
    }
    const id = crypto.randomUUID();
    this.#uploads.set(id, { repository, parts: [], size: 0 });
    return new Response(this.#noBody(), {
      status: 202,
      headers: {
        location: this.#locationOf(repository, id),
        ...(quirks.minChunk &&
          { "oci-chunk-min-length": String(quirks.minChunk) }),
      },
    });
  }

  #patched(
    request: Request,
    upload: Upload,
    before: number,
    id: string,
  ): Response {
    const range = request.headers.get("content-range");
    if (range !== null && range !== `${before}-${upload.size - 1}`) {
      if (!this.#options.quirks?.lossy) {
        this.violations.push(`PATCH at ${before} with Content-Range ${range}`);
      }
      // What did not belong there is not kept.
      upload.parts = [whole(upload.parts).subarray(0, before)];
      upload.size = before;
      return refusal(416, "RANGE_INVALID");
    }
    return new Response(this.#noBody(), {
      status: 202,
      headers: {
        location: this.#locationOf(upload.repository, id),
        ...(!this.#options.quirks?.bareAccepted &&
          { range: `0-${upload.size - 1}` }),
      },
    });
  }

  /** Nothing, with or without saying that it is nothing. */
  #noBody(): ReadableStream<Uint8Array> | null {
    return this.#options.quirks?.bareAccepted
      ? new ReadableStream({ pull: (controller) => controller.close() })
      : null;
  }

  #finishUpload(
    url: URL,
    seen: SeenRequest,
    upload: Upload,
    id: string,
  ): Response {
    this.#uploads.delete(id);
    const digest = url.searchParams.get("digest") ?? "";
    const bytes = whole(upload.parts);
    if (!DIGEST.test(digest) || digestLike(digest, bytes) !== digest) {
      return refusal(400, "DIGEST_INVALID");
    }
    const { keepsContent, sha256Only } = this.#options.quirks ?? {};
    const known = sha256Only ? sha256(bytes) : digest;
    if (!keepsContent || !this.#blobs.has(known)) this.#blobs.set(known, bytes);
    this.#repository(seen.repository).blobs.add(known);
    return new Response(null, {
      status: 201,
      headers: {
        location: `/v2/${seen.repository}/blobs/${digest}`,
        "docker-content-digest": digest,
      },
    });
  }

  #locationOf(repository: string, id: string): string {
    const { quirks = {} } = this.#options;
    const path = quirks.uploadPath === undefined
      ? `/v2/${repository}/blobs/uploads/${id}`
      : `${quirks.uploadPath}${repository}/uploads/${id}`;
    const query = quirks.locationQuery ? `?${quirks.locationQuery}` : "";
    return `${quirks.relativeLocation ? "" : this.url}${path}${query}`;
  }
}

interface References {
  readonly children: readonly string[];
  readonly blobs: readonly string[];
}

function referencesOf(bytes: Uint8Array, foreign: boolean): References {
  const json = JSON.parse(new TextDecoder().decode(bytes));
  if (Array.isArray(json.manifests)) {
    return {
      children: json.manifests.map((m: { digest: string }) => m.digest),
      blobs: [],
    };
  }
  const layers: { digest: string; urls?: string[] }[] = json.layers;
  return {
    children: [],
    blobs: [
      json.config.digest,
      ...layers.filter((l) => foreign || !l.urls).map((l) => l.digest),
    ],
  };
}

function seenFrom(
  request: Request,
  url: URL,
  uploadPath?: string,
): SeenRequest {
  const { pathname } = url;
  const route = uploadPath !== undefined && pathname.startsWith(uploadPath)
    ? ROUTE.exec(
      `/v2/${
        pathname.slice(uploadPath.length).replace(
          "/uploads/",
          "/blobs/uploads/",
        )
      }`,
    )
    : ROUTE.exec(pathname);
  const kinds: Record<string, RequestKind> = {
    "manifests": "manifest",
    "blobs": "blob",
    "blobs/uploads": "upload",
    "tags": "tags",
    "referrers": "referrers",
  };
  return {
    method: request.method,
    path: url.pathname,
    query: url.search,
    kind: url.pathname === "/v2/"
      ? "ping"
      : url.pathname === "/token"
      ? "token"
      : kinds[route?.[2] ?? ""] ?? "unknown",
    repository: route?.[1] ?? "",
    reference: route?.[3] ?? "",
    authorization: request.headers.get("authorization") ?? undefined,
    range: request.headers.get("range") ?? undefined,
    at: performance.now(),
    status: 0,
    bytesIn: 0,
  };
}
