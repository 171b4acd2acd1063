/**
 * Harbor's own API for projects.
 *
 * @module
 */

import type { FakeHarbor } from "./options.ts";
import { refusal } from "./refusal.ts";

/** Where Harbor's own API begins. */
export const HARBOR_API = "/api/v2.0/";

/** What the answers depend on. */
export interface HarborContext {
  readonly harbor: FakeHarbor;
  /** Whether the request shows the owner's name and password. */
  readonly isOwner: boolean;
  readonly violations: string[];
}

/** Answers requests about projects. */
export async function answerHarbor(
  request: Request,
  url: URL,
  { harbor, isOwner, violations }: HarborContext,
): Promise<Response> {
  const { projects, mayCreate = true } = harbor;
  const text = await request.text();
  if (url.pathname !== `${HARBOR_API}projects`) {
    return refusal(404, "NOT_FOUND");
  }
  if (!isOwner) return refusal(401, "UNAUTHORIZED");
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
    violations.push(`project ${name} would be public`);
  }
  if (projects.has(name)) return refusal(409, "CONFLICT");
  if (!mayCreate) return refusal(403, "FORBIDDEN", "forbidden");
  projects.add(name);
  return new Response(null, { status: 201 });
}
