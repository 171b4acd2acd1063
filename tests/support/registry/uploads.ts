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
import {
  refuseMisplaced,
  refuseStale,
  refuseStream,
  type UploadState,
} from "./upload_checks.ts";

interface Upload extends UploadState {
  readonly id: string;
  readonly repository: string;
  readonly parts: Uint8Array[];
  /** Whether a chunk came that only the last one may be as small as. */
  isShort: boolean;
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
    if (request.method === "POST") return await this.#post(request, url, seen);
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
    const refused = this.#refuse(request, url, upload);
    if (refused) {
      await request.body?.cancel();
      return refused;
    }
    if (request.method === "DELETE") {
      this.#open.delete(upload.id);
      return new Response(null, { status: 204 });
    }
    if (request.method === "GET") return this.#status(upload);
    const overflow = await this.#take(request, seen, upload);
    if (overflow) return overflow;
    return request.method === "PATCH"
      ? this.#accepted(upload)
      : this.#finish(url, upload);
  }

  #refuse(request: Request, url: URL, upload: Upload): Response | undefined {
    const { quirks, violations } = this.#context;
    const { method, headers } = request;
    const stale = refuseStale(request, url, upload, quirks);
    if (stale) {
      // A registry that answers 404 has dropped the upload too.
      if (stale.status === 404) this.#open.delete(upload.id);
      return stale;
    }
    if (method === "DELETE" || method === "GET") return undefined;
    if (method !== "PATCH" && method !== "PUT") {
      return refusal(405, "UNSUPPORTED");
    }
    const misplaced = refuseMisplaced(request, upload, quirks);
    if (misplaced && !quirks.lossy) {
      const range = headers.get("content-range");
      violations.push(
        `${method} at ${upload.size} with Content-Range ${range}`,
      );
    }
    return refuseStream(request, quirks) ?? misplaced;
  }

  /** Mounts a blob, takes one whole, or opens an upload. */
  async #post(
    request: Request,
    url: URL,
    seen: SeenRequest,
  ): Promise<Response> {
    const { repository } = seen;
    const { quirks } = this.#context;
    const mount = url.searchParams.get("mount");
    const from = url.searchParams.get("from");
    const mounted = mount && from && this.#mount(repository, mount, from);
    if (mounted) {
      await request.body?.cancel();
      return mounted;
    }
    const upload: Upload = {
      id: crypto.randomUUID(),
      repository,
      parts: [],
      size: 0,
      isShort: false,
    };
    this.#open.set(upload.id, upload);
    const isIgnored = quirks.ignoresPostDigest || quirks.keepsPostBody;
    if (url.searchParams.has("digest") && !isIgnored) {
      return await this.#take(request, seen, upload) ??
        this.#finish(url, upload);
    }
    if (quirks.keepsPostBody) await this.#take(request, seen, upload);
    else await request.body?.cancel();
    return this.#opened(upload);
  }

  #mount(
    repository: string,
    digest: string,
    from: string,
  ): Response | undefined {
    const { content, quirks } = this.#context;
    if (quirks.ignoreMounts || !content.hasBlob(from, digest)) return undefined;
    const isLost = quirks.answersSha256 && !digest.startsWith("sha256:");
    if (!isLost) content.repository(repository).blobs.add(digest);
    return new Response(null, {
      status: 201,
      headers: {
        location: `/v2/${repository}/blobs/${digest}`,
        "docker-content-digest": digest,
      },
    });
  }

  #opened(upload: Upload): Response {
    const { quirks } = this.#context;
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

  /** Takes a body, or refuses one that is too large. */
  async #take(
    request: Request,
    seen: SeenRequest,
    upload: Upload,
  ): Promise<Response | undefined> {
    const { quirks, violations } = this.#context;
    try {
      for await (const chunk of request.body ?? []) {
        seen.bytesIn += chunk.byteLength;
        if (upload.isShort && chunk.byteLength > 0) {
          violations.push(`${seen.path}: a chunk after one that was too small`);
          this.#open.delete(upload.id);
          return refusal(400, "SIZE_INVALID");
        }
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
    upload.isShort = seen.bytesIn < (quirks.minChunk ?? 0);
    return undefined;
  }

  #accepted(upload: Upload): Response {
    const { quirks } = this.#context;
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
    if (quirks.altersUpload?.(bytes.byteLength)) bytes[0]! ^= 1;
    if (!isDigest(digest)) return refusal(400, "DIGEST_INVALID");
    const isRight = digestLike(digest, bytes) === digest;
    if (!isRight && !quirks.takesAnyDigest?.(bytes.byteLength)) {
      const { status, code, keeps } = quirks.digestRefusal ??
        { status: 400, code: "DIGEST_INVALID" };
      if (keeps) {
        content.setBlob(digest, bytes);
        content.repository(repository).blobs.add(digest);
      }
      return refusal(status, code);
    }
    const canonical = sha256(bytes);
    const names = quirks.sha256Only
      ? [canonical]
      : quirks.answersSha256
      ? [canonical, digest]
      : [digest];
    for (const name of names) {
      if (!quirks.keepsContent || !content.blob(name)) {
        content.setBlob(name, bytes);
      }
      content.repository(repository).blobs.add(name);
    }
    const told = quirks.answersSha256 ? canonical : digest;
    return new Response(null, {
      status: 201,
      headers: {
        location: `/v2/${repository}/blobs/${told}`,
        "docker-content-digest": told,
      },
    });
  }

  /** Nothing, with or without saying that it is nothing. */
  #noBody(): ReadableStream<Uint8Array> | null {
    return this.#context.quirks.bareAccepted
      ? new ReadableStream({ pull: (controller) => controller.close() })
      : null;
  }

  #locationOf({ repository, id, size }: Upload): string {
    const { quirks, origin } = this.#context;
    const path = quirks.uploadPath === undefined
      ? `/v2/${repository}/blobs/uploads/${id}`
      : `${quirks.uploadPath}${repository}/uploads/${id}`;
    const query = [
      quirks.locationQuery,
      quirks.countedLocation && `_count=${size}`,
    ].filter(Boolean).join("&");
    return `${quirks.relativeLocation ? "" : origin}${path}${
      query && "?"
    }${query}`;
  }
}
