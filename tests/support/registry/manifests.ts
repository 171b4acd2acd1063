/**
 * The manifest endpoint.
 *
 * @module
 */

import { sha256 } from "../images.ts";
import { bodyBytes } from "./body_bytes.ts";
import type { Content } from "./content.ts";
import { digestLike, isDigest } from "./digests.ts";
import { ManifestJson, type References } from "./manifest_json.ts";
import type { Quirks } from "./quirks.ts";
import { refusal } from "./refusal.ts";
import type { SeenRequest } from "./request_log.ts";

const TYPES = /^application\/vnd\.(oci\.image|docker\.distribution)\./;

/** What the answers depend on. */
export interface ManifestsContext {
  readonly content: Content;
  readonly quirks: Quirks;
  readonly violations: string[];
  /** Whether there is a referrers API. */
  readonly referrers: boolean;
}

/** Answers requests for manifests. */
export async function answerManifest(
  request: Request,
  seen: SeenRequest,
  context: ManifestsContext,
): Promise<Response> {
  if (request.method === "PUT") return await put(request, seen, context);
  if (request.method !== "GET" && request.method !== "HEAD") {
    context.violations.push(`${seen.method} ${seen.path}: not expected`);
    return refusal(405, "UNSUPPORTED");
  }
  return get(seen, context.content);
}

function get(
  { method, repository, reference }: SeenRequest,
  content: Content,
): Response {
  const stored = content.manifest(repository, reference);
  if (!stored) return refusal(404, "MANIFEST_UNKNOWN");
  const bytes = bodyBytes(stored.bytes);
  return new Response(method === "HEAD" ? null : bytes, {
    headers: {
      "content-type": stored.mediaType,
      "content-length": String(bytes.byteLength),
      "docker-content-digest": isDigest(reference) ? reference : sha256(bytes),
    },
  });
}

async function put(
  request: Request,
  seen: SeenRequest,
  { content, quirks, violations, referrers }: ManifestsContext,
): Promise<Response> {
  const { repository, reference } = seen;
  const bytes = new Uint8Array(await request.arrayBuffer());
  seen.bytesIn = bytes.byteLength;
  const mediaType = request.headers.get("content-type") ?? "";
  const parsed = parse(bytes, mediaType, seen, { quirks, violations });
  if (parsed instanceof Response) return parsed;
  const repo = content.repository(repository);
  const wanted = quirks.wantForeignLayers ? parsed.foreign : [];
  const missing =
    [...parsed.blobs, ...wanted].find((digest) => !repo.blobs.has(digest)) ??
      parsed.children.find((digest) => !repo.manifests.has(digest));
  if (missing !== undefined) {
    return refusal(400, "MANIFEST_BLOB_UNKNOWN", `unknown: ${missing}`);
  }
  if (isDigest(reference) && digestLike(reference, bytes) !== reference) {
    violations.push(`${seen.path}: another digest`);
    return refusal(400, "DIGEST_INVALID");
  }
  const digest = isDigest(reference) ? reference : sha256(bytes);
  const held = repo.tags.get(reference);
  if (quirks.immutableTags && held !== undefined && held !== digest) {
    return refusal(
      quirks.immutableTags.status,
      quirks.immutableTags.code,
      `tag ${reference} already exists and cannot be overwritten because the repository is immutable`,
    );
  }
  if (!quirks.keepsContent || !repo.manifests.has(digest)) {
    repo.manifests.set(digest, { bytes, mediaType });
  }
  if (!isDigest(reference)) repo.tags.set(reference, digest);
  return new Response(null, {
    status: 201,
    headers: {
      ...(parsed.subject && referrers && { "oci-subject": parsed.subject }),
      location: `/v2/${repository}/manifests/${digest}`,
      "docker-content-digest": digest,
    },
  });
}

/** What a manifest refers to, or the refusal of what is none. */
function parse(
  bytes: Uint8Array,
  mediaType: string,
  seen: SeenRequest,
  { quirks, violations }: Pick<ManifestsContext, "quirks" | "violations">,
): (References & { readonly subject?: string }) | Response {
  if (quirks.refusesTypes?.includes(mediaType)) {
    return refusal(
      415,
      "MANIFEST_INVALID",
      `manifest type ${mediaType} is not supported`,
    );
  }
  if (!TYPES.test(mediaType)) {
    violations.push(`${seen.path}: Content-Type ${mediaType}`);
    return refusal(400, "MANIFEST_INVALID");
  }
  try {
    const json = new ManifestJson(bytes);
    if (json.mediaType !== undefined && json.mediaType !== mediaType) {
      throw new Error("media types differ");
    }
    return { ...json.references(), subject: json.subject };
  } catch (error) {
    violations.push(`${seen.path}: ${error}`);
    return refusal(400, "MANIFEST_INVALID");
  }
}
