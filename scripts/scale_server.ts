/**
 * A registry for runs of many images, in a process of its own: it makes up an
 * image for each tag that it is asked for, and keeps nothing of what it is sent.
 *
 *   deno run -A scripts/scale_server.ts source|empty
 *
 * `source` has every image, `empty` has none and takes all. The first line that
 * it prints is its `host:port`.
 *
 * @module
 */

import { createHash } from "node:crypto";

const hasAll = Deno.args[0] === "source";
const encoder = new TextEncoder();
const content = new Map<string, Uint8Array<ArrayBuffer>>();

function keep(bytes: Uint8Array<ArrayBuffer>): string {
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  content.set(digest, bytes);
  return digest;
}

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

/** One image for each tag: a layer that its repository shares, and its own. */
function imageOf(repository: string, tag: string): Uint8Array<ArrayBuffer> {
  const describe = (text: string, mediaType: string) => {
    const bytes = encoder.encode(text);
    return { mediaType, digest: keep(bytes), size: bytes.byteLength };
  };
  const layer = "application/vnd.oci.image.layer.v1.tar";
  return encoder.encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: describe(
      JSON.stringify({ os: "linux", architecture: "amd64", tag, repository }),
      "application/vnd.oci.image.config.v1+json",
    ),
    layers: [
      describe(`shared by all tags of ${repository}`, layer),
      describe(`of ${repository}:${tag} alone`, layer),
    ],
  }));
}

function blob(digest: string): Response {
  const bytes = hasAll ? content.get(digest) : undefined;
  return bytes ? new Response(bytes) : new Response(null, { status: 404 });
}

function manifest(repository: string, reference: string): Response {
  if (!hasAll || reference.startsWith("sha256-")) {
    return new Response(null, { status: 404 });
  }
  const bytes = content.get(reference) ?? imageOf(repository, reference);
  return new Response(bytes, {
    headers: { "content-type": MANIFEST, "docker-content-digest": keep(bytes) },
  });
}

async function answer(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const [, repository = "", kind, reference = ""] =
    /^\/v2\/(.+)\/(manifests|blobs\/uploads|blobs|tags|referrers)\/?([^/]*)$/
      .exec(pathname) ?? [];
  if (request.method !== "GET" && request.method !== "HEAD") {
    await request.body?.pipeTo(new WritableStream());
    const location = `/v2/${repository}/blobs/uploads/1`;
    if (kind === "manifests") return new Response(null, { status: 201 });
    const done = request.method === "PUT" || search.includes("mount=");
    return new Response(null, {
      status: done ? 201 : 202,
      headers: { location, range: "0-0" },
    });
  }
  switch (kind) {
    case "manifests":
      return manifest(repository, reference);
    case "blobs":
      return blob(reference);
    case "tags":
      return Response.json({ name: repository, tags: [] });
    case "referrers":
      return new Response(null, { status: 404 });
  }
  return new Response("{}");
}

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`127.0.0.1:${port}`),
}, answer);
