/**
 * A strict OCI registry in memory, on loopback: it refuses what a careful
 * registry refuses, counts what it is asked, and breaks on demand.
 *
 * @module
 */

import type { MadeImage } from "./images.ts";
import { answerBlob } from "./registry/blobs.ts";
import {
  Content,
  type ReferrerEntry,
  type StoredManifest,
} from "./registry/content.ts";
import { isDigest } from "./registry/digests.ts";
import { FakeAuth } from "./registry/fake_auth.ts";
import { type Fault, FaultScript } from "./registry/fault_script.ts";
import { answerHarbor, HARBOR_API } from "./registry/harbor_projects.ts";
import { answerManifest } from "./registry/manifests.ts";
import type { FakeRegistryOptions } from "./registry/options.ts";
import type { Quirks } from "./registry/quirks.ts";
import { answerReferrers } from "./registry/referrers.ts";
import { noRoute, refusal } from "./registry/refusal.ts";
import { RequestLog, type SeenRequest } from "./registry/request_log.ts";
import { routed } from "./registry/route.ts";
import { answerCatalog, answerTags } from "./registry/tags.ts";
import { Uploads } from "./registry/uploads.ts";
import { watchBody } from "./registry/watched_body.ts";

export type { FakeHarbor, FakeRegistryOptions } from "./registry/options.ts";
export type { Quirks } from "./registry/quirks.ts";
export type { RequestKind, SeenRequest } from "./registry/request_log.ts";

/** The registry. */
export class FakeRegistry implements AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly url: string;
  readonly #options: FakeRegistryOptions;
  readonly #quirks: Quirks;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #content = new Content();
  readonly #log: RequestLog;
  readonly #faults = new FaultScript();
  readonly #auth: FakeAuth;
  readonly #uploads: Uploads;

  private constructor(options: FakeRegistryOptions) {
    this.#options = options;
    this.#quirks = options.quirks ?? {};
    this.#log = new RequestLog(options.keepRequests ?? true);
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
      (name) => this.#content.find(name) !== undefined,
    );
    this.#uploads = new Uploads({
      content: this.#content,
      quirks: this.#quirks,
      violations: this.violations,
      origin: this.url,
    });
  }

  /** Starts a registry on a free port. */
  static start(options: FakeRegistryOptions = {}): FakeRegistry {
    return new FakeRegistry(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#faults.end();
    await this.#server.shutdown();
  }

  /** Every request, in the order of arrival. */
  get requests(): SeenRequest[] {
    return this.#log.requests;
  }

  /** What a client must not do. */
  get violations(): string[] {
    return this.#log.violations;
  }

  /** The most requests that were under way at once. */
  get maxConcurrent(): number {
    return this.#log.maxConcurrent;
  }

  /** Blob bytes that clients sent. */
  get blobBytesReceived(): number {
    return this.#log.blobBytesReceived;
  }

  /** How many requests match. */
  count(match: Partial<SeenRequest>): number {
    return this.#log.count(match);
  }

  /** Forgets the requests seen so far. */
  clear(): void {
    this.#log.clear();
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
    this.#content.install(repository, tag, image);
  }

  /** The digest that a tag points at. */
  digestOf(repository: string, tag: string): string | undefined {
    return this.#content.digestOf(repository, tag);
  }

  /** A manifest by tag or digest. */
  manifest(repository: string, reference: string): StoredManifest | undefined {
    return this.#content.manifest(repository, reference);
  }

  /** Digests of the entries of the index under a tag. */
  entries(repository: string, tag: string): string[] {
    return this.#content.entries(repository, tag);
  }

  /** Whether a repository holds a blob. */
  hasBlob(repository: string, digest: string): boolean {
    return this.#content.hasBlob(repository, digest);
  }

  /** A blob's content. */
  blob(digest: string): Uint8Array | undefined {
    return this.#content.blob(digest);
  }

  /** Flips a bit of a blob, or mends it when called again. */
  flip(digest: string): void {
    this.#content.flip(digest);
  }

  /** Changes a byte of a manifest, so that it can still be parsed. */
  alter(repository: string, digest: string): void {
    this.#content.alter(repository, digest);
  }

  /** Cuts a blob short. */
  truncate(digest: string): void {
    this.#content.truncate(digest);
  }

  /** Takes a blob or a manifest out of a repository. */
  remove(repository: string, digest: string): void {
    this.#content.remove(repository, digest);
  }

  /** All tags, as `repository:tag`. */
  tags(): string[] {
    return this.#content.tags();
  }

  /** Everything a tag leads to that is missing: empty for a sound registry. */
  dangling(): string[] {
    return this.#content.dangling();
  }

  /** What the registry knows to refer to a digest. */
  referrersOf(repository: string, subject: string): ReferrerEntry[] {
    return this.#content.referrersOf(repository, subject);
  }

  async #serve(request: Request): Promise<Response> {
    const end = this.#log.begin();
    try {
      const url = new URL(request.url);
      const { countPath, latencyMs, chaos, maxAtOnce = Infinity } =
        this.#options;
      if (url.pathname === countPath) {
        end();
        return new Response(String(this.#log.total));
      }
      const seen = routed(request, url, this.#quirks.uploadPath);
      this.#log.note(seen);
      if (this.#log.open > maxAtOnce) {
        await request.body?.cancel();
        seen.status = 429;
        return watchBody(refusal(429, "TOOMANYREQUESTS"), end);
      }
      if (latencyMs) await new Promise((r) => setTimeout(r, latencyMs));
      const response = await this.#faults.apply(
        seen,
        request,
        () => this.#answer(request, url, seen),
        chaos?.(seen),
      );
      seen.status = response.status;
      const added = Object.entries(this.#quirks.headers?.() ?? {});
      for (const [name, value] of added) response.headers.set(name, value);
      if (this.#quirks.omitDigestHeader) {
        response.headers.delete("docker-content-digest");
      }
      return watchBody(response, end);
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
    this.#watch(request, seen);
    const { harbor } = this.#options;
    if (harbor && url.pathname.startsWith(HARBOR_API)) {
      return await answerHarbor(request, url, {
        harbor,
        isOwner: this.#auth.isOwner(request),
        violations: this.violations,
      });
    }
    const denied = this.#auth.check(request, seen, url) ?? this.#unknown(seen);
    if (denied) {
      await request.body?.cancel();
      return denied;
    }
    return await this.#endpoint(request, url, seen);
  }

  /** Notes what a careful client does not send. */
  #watch(request: Request, { method, path, kind }: SeenRequest): void {
    // Nothing but an upload of its own is a mirror's to delete.
    if (method === "DELETE" && kind !== "upload") {
      this.violations.push(`${method} ${path}: not expected`);
    }
    // A login shows its credentials to the base endpoint, asked or not.
    if (
      request.headers.has("authorization") && this.#auth.kind === "none" &&
      kind !== "ping"
    ) {
      this.violations.push(`${method} ${path}: needless credentials`);
    }
    if (request.headers.get("accept-encoding") !== "identity") {
      this.violations.push(`${method} ${path}: Accept-Encoding`);
    }
  }

  async #endpoint(
    request: Request,
    url: URL,
    seen: SeenRequest,
  ): Promise<Response> {
    const content = this.#content;
    const quirks = this.#quirks;
    const { referrers = false } = this.#options;
    const { repository } = seen;
    switch (seen.kind) {
      case "ping":
        return new Response("{}", {
          headers: { "docker-distribution-api-version": "registry/2.0" },
        });
      case "manifest":
        this.#synthesize(seen);
        return await answerManifest(request, seen, {
          content,
          quirks,
          violations: this.violations,
          referrers,
        });
      case "blob":
        return answerBlob(seen, { content, quirks });
      case "upload":
        return await this.#uploads.answer(request, url, seen);
      case "tags":
        return answerTags(url, repository, content.find(repository), {
          quirks,
          pageSize: this.#options.tagPageSize ?? 1000,
        });
      case "catalog":
        return answerCatalog(
          url,
          [...new Set(content.tags().map((name) => name.split(":")[0]!))],
          this.#options.tagPageSize ?? 1000,
        );
      case "referrers":
        return referrers
          ? answerReferrers(
            url,
            seen,
            content,
            { quirks, pageSize: this.#options.referrerPageSize ?? 1000 },
          )
          : noRoute();
      default:
        this.violations.push(`${seen.method} ${seen.path}: no such route`);
        await request.body?.cancel();
        return refusal(404, "NAME_INVALID");
    }
  }

  /** Makes up the image of a tag that is read and is not there. */
  #synthesize({ method, repository, reference }: SeenRequest): void {
    const { synthesize } = this.#options;
    if (!synthesize || isDigest(reference)) return;
    if (method !== "GET" && method !== "HEAD") return;
    if (this.manifest(repository, reference)) return;
    this.install(repository, reference, synthesize(repository, reference));
  }

  /** Refuses repositories that would have to be made first. */
  #unknown({ repository, method }: SeenRequest): Response | undefined {
    if (repository === "") return undefined;
    const [project = ""] = repository.split("/");
    const { harbor } = this.#options;
    if (harbor && !harbor.projects.has(project)) {
      return refusal(401, "UNAUTHORIZED", `project ${project} not found`);
    }
    const { knownRepositories } = this.#quirks;
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
}
