/**
 * The upload endpoint: opened, written to in pieces, ended by a digest.
 *
 * @module
 */

import { sha256 } from "../images.ts";
import type { Content } from "./content.ts";
import { digestLike, isDigest } from "./digests.ts";
import type { Quirks } from "./quirks.ts";
import { refusal } from "./refusal.ts";
import type { SeenRequest } from "./request_log.ts";

interface Upload {
  readonly id: string;
  readonly repository: string;
  parts: Uint8Array[];
  size: number;
}

/** What the answers depend on. */
export interface UploadsContext {
  readonly content: Content;
  readonly quirks: Quirks;
  readonly violations: string[];
  /** The registry's origin. */
  readonly origin: string;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((n, p) => n + p.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.byteLength;
  }
  return bytes;
}

/** The uploads that are open at a registry. */
export class Uploads {
  readonly #context: UploadsContext;
  readonly #open = new Map<string, Upload>();

  constructor(context: UploadsContext) {
    this.#context = context;
  }

  /** Answers a request about an upload. */
  async answer(
    request: Request,
    url: URL,
    seen: SeenRequest,
  ): Promise<Response> {
    if (request.method === "POST") return this.#start(url, seen.repository);
    const { quirks, violations } = this.#context;
    const upload = this.#open.get(seen.reference);
    if (!upload || upload.repository !== seen.repository) {
      await request.body?.cancel();
      const isWrite = seen.method !== "DELETE" && seen.method !== "GET";
      if (isWrite && !quirks.lossy) {
        violations.push(`${seen.method} ${seen.path}: no such upload`);
      }
      return refusal(404, "BLOB_UPLOAD_UNKNOWN");
    }
    if (
      quirks.locationQuery !== undefined &&
      !url.search.startsWith(`?${quirks.locationQuery}`)
    ) {
      violations.push(`${seen.path}: the query was altered: ${url.search}`);
    }
    if (request.method === "DELETE") {
      this.#open.delete(upload.id);
      return new Response(null, { status: 204 });
    }
    if (request.method === "GET") return this.#status(upload);
    const refused = await this.#refuseStream(request);
    if (refused) return refused;
    const before = upload.size;
    const overflow = await this.#take(request, seen, upload);
    if (overflow) return overflow;
    return request.method === "PATCH"
      ? this.#patched(request, upload, before)
      : this.#finish(url, upload);
  }

  #start(url: URL, repository: string): Response {
    const mount = url.searchParams.get("mount");
    const from = url.searchParams.get("from");
    const { content, quirks } = this.#context;
    if (mount && from && !quirks.ignoreMounts && content.hasBlob(from, mount)) {
      content.repository(repository).blobs.add(mount);
      return new Response(null, {
        status: 201,
        headers: { location: `/v2/${repository}/blobs/${mount}` },
      });
    }
    const upload = {
      id: crypto.randomUUID(),
      repository,
      parts: [],
      size: 0,
    };
    this.#open.set(upload.id, upload);
    return new Response(this.#noBody(), {
      status: 202,
      headers: {
        location: this.#locationOf(upload),
        ...(quirks.minChunk &&
          { "oci-chunk-min-length": String(quirks.minChunk) }),
      },
    });
  }

  #status(upload: Upload): Response {
    return new Response(null, {
      status: 204,
      headers: {
        location: this.#locationOf(upload),
        range: `0-${Math.max(0, upload.size - 1)}`,
      },
    });
  }

  /** Refuses a body without a length, where that is this registry's way. */
  async #refuseStream(request: Request): Promise<Response | undefined> {
    const { refuseStream, refuseChunkedPut } = this.#context.quirks;
    const status = request.method === "PATCH" ? refuseStream : refuseChunkedPut;
    if (!status || request.headers.has("content-length")) return undefined;
    await request.body?.cancel();
    return refusal(status, "UNSUPPORTED");
  }

  /** Takes a body, or refuses one that is too large. */
  async #take(
    request: Request,
    seen: SeenRequest,
    upload: Upload,
  ): Promise<Response | undefined> {
    const { quirks } = this.#context;
    try {
      for await (const chunk of request.body ?? []) {
        seen.bytesIn += chunk.byteLength;
        upload.parts.push(chunk);
        upload.size += chunk.byteLength;
        if (seen.bytesIn > (quirks.maxBody ?? Infinity)) {
          this.#open.delete(upload.id);
          return refusal(413, "SIZE_INVALID");
        }
        if (seen.bytesIn > (quirks.breakUploads?.() ?? Infinity)) {
          throw new Error("broken on demand");
        }
      }
    } catch (error) {
      if (quirks.forgetBrokenUploads) this.#open.delete(upload.id);
      throw error;
    }
    return undefined;
  }

  #patched(request: Request, upload: Upload, before: number): Response {
    const { quirks, violations } = this.#context;
    const range = request.headers.get("content-range");
    if (range !== null && range !== `${before}-${upload.size - 1}`) {
      if (!quirks.lossy) {
        violations.push(`PATCH at ${before} with Content-Range ${range}`);
      }
      // What did not belong there is not kept.
      upload.parts = [joined(upload.parts).subarray(0, before)];
      upload.size = before;
      return refusal(416, "RANGE_INVALID");
    }
    return new Response(this.#noBody(), {
      status: 202,
      headers: {
        location: this.#locationOf(upload),
        ...(!quirks.bareAccepted && { range: `0-${upload.size - 1}` }),
      },
    });
  }

  #finish(url: URL, upload: Upload): Response {
    this.#open.delete(upload.id);
    const { content, quirks } = this.#context;
    const { repository } = upload;
    const digest = url.searchParams.get("digest") ?? "";
    const bytes = joined(upload.parts);
    if (!isDigest(digest) || digestLike(digest, bytes) !== digest) {
      return refusal(400, "DIGEST_INVALID");
    }
    const known = quirks.sha256Only ? sha256(bytes) : digest;
    if (!quirks.keepsContent || !content.blob(known)) {
      content.setBlob(known, bytes);
    }
    content.repository(repository).blobs.add(known);
    return new Response(null, {
      status: 201,
      headers: {
        location: `/v2/${repository}/blobs/${digest}`,
        "docker-content-digest": digest,
      },
    });
  }

  /** Nothing, with or without saying that it is nothing. */
  #noBody(): ReadableStream<Uint8Array> | null {
    return this.#context.quirks.bareAccepted
      ? new ReadableStream({ pull: (controller) => controller.close() })
      : null;
  }

  #locationOf({ repository, id }: Upload): string {
    const { quirks, origin } = this.#context;
    const path = quirks.uploadPath === undefined
      ? `/v2/${repository}/blobs/uploads/${id}`
      : `${quirks.uploadPath}${repository}/uploads/${id}`;
    const query = quirks.locationQuery ? `?${quirks.locationQuery}` : "";
    return `${quirks.relativeLocation ? "" : origin}${path}${query}`;
  }
}
