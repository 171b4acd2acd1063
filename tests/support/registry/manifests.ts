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

const TAG = /^\w[\w.-]{0,127}$/;
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
  const { content, quirks, violations } = context;
  const { method, path, reference } = seen;
  if (!isDigest(reference) && !TAG.test(reference)) {
    violations.push(`${method} ${path}: neither a tag nor a digest`);
    await request.body?.cancel();
    return quirks.badReferenceStatus
      ? refusal(quirks.badReferenceStatus, "UNKNOWN")
      : refusal(
        400,
        reference.includes(":") ? "DIGEST_INVALID" : "TAG_INVALID",
      );
  }
  switch (method) {
    case "PUT":
      return await put(request, seen, context);
    case "GET":
    case "HEAD":
      return get(seen, content);
    case "DELETE":
      return remove(seen, content, quirks);
    default:
      violations.push(`${method} ${path}: not expected`);
      await request.body?.cancel();
      return refusal(405, "UNSUPPORTED");
  }
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

/** Takes away a tag, or a manifest with all its tags. */
function remove(
  { repository, reference }: SeenRequest,
  content: Content,
  { deletes }: Quirks,
): Response {
  if (deletes === "nothing") return refusal(405, "UNSUPPORTED");
  const isTag = !isDigest(reference);
  if (isTag && deletes === "digests") return refusal(400, "DIGEST_INVALID");
  const repo = content.find(repository);
  if (!repo?.manifests.has(repo.tags.get(reference) ?? reference)) {
    return refusal(404, "MANIFEST_UNKNOWN");
  }
  if (isTag) repo.tags.delete(reference);
  else {
    repo.manifests.delete(reference);
    for (const [tag, digest] of repo.tags) {
      if (digest === reference) repo.tags.delete(tag);
    }
  }
  return new Response(null, { status: 202 });
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
  const [foreign] = parsed.foreign;
  if (foreign !== undefined && quirks.refusesForeignLayers) {
    return refuseForeign(foreign);
  }
  const wanted = quirks.wantForeignLayers ? parsed.foreign : [];
  const missing = [
    ...[...parsed.blobs, ...wanted].filter((blob) => !repo.blobs.has(blob)),
    ...quirks.sparse === "taken"
      ? []
      : parsed.children.filter((child) => !repo.manifests.has(child)),
  ];
  if (missing.length > 0 && quirks.sparse === "invalid") {
    return refusal(400, "MANIFEST_INVALID", "manifest invalid");
  }
  if (missing.length > 0) {
    return Response.json({ errors: missing.map(unknownBlob) }, { status: 400 });
  }
  if (isDigest(reference)) {
    if (digestLike(reference, bytes) !== reference) {
      violations.push(`${seen.path}: another digest`);
      return refusal(400, "DIGEST_INVALID");
    }
    if (quirks.answersSha256 && !reference.startsWith("sha256:")) {
      return refusal(400, "DIGEST_INVALID");
    }
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

/** What distribution says of URLs that it was not told to allow. */
function refuseForeign(digest: string): Response {
  return Response.json({
    errors: [
      { code: "UNKNOWN", message: "unknown error" },
      { code: "UNKNOWN", message: "unknown error", detail: {} },
      unknownBlob(digest),
    ],
  }, { status: 500 });
}

function unknownBlob(digest: string) {
  const message = "blob unknown to registry";
  return { code: "MANIFEST_BLOB_UNKNOWN", message, detail: digest };
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
