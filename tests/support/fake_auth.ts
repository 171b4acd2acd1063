/**
 * Who may do what at a fake registry: everybody, Basic, or tokens.
 *
 * @module
 */

import type { SeenRequest } from "./fake_registry.ts";

/** How a fake registry asks for credentials. */
export type FakeAuthOptions =
  | { readonly kind: "none" }
  | {
    readonly kind: "basic";
    readonly username: string;
    readonly password: string;
  }
  | {
    readonly kind: "bearer";
    readonly username: string;
    readonly password: string;
    /** Whether anybody may pull. @default {false} */
    readonly anonymousPull?: boolean;
    /** Another realm than the registry's own. */
    readonly realm?: string;
  };

/** Checks requests, and hands out tokens. */
export class FakeAuth {
  readonly kind: FakeAuthOptions["kind"];
  readonly #options: FakeAuthOptions;
  readonly #url: string;
  readonly #tokens = new Map<string, ReadonlySet<string>>();

  constructor(options: FakeAuthOptions, url: string) {
    this.kind = options.kind;
    this.#options = options;
    this.#url = url;
  }

  /** The refusal of a request that may not pass. */
  check(
    request: Request,
    seen: SeenRequest,
    url: URL,
  ): Response | undefined {
    if (this.#options.kind === "none") return undefined;
    const given = request.headers.get("authorization") ?? "";
    if (this.#options.kind === "basic") {
      return given === this.#basic()
        ? undefined
        : this.#refuse('Basic realm="fake"');
    }
    const scopes = scopesOf(seen, url);
    const granted = this.#tokens.get(given.replace(/^Bearer /, ""));
    if (granted && scopes.every((scope) => granted.has(scope))) {
      return undefined;
    }
    const realm = this.#options.realm ?? `${this.#url}/token`;
    return this.#refuse(
      `Bearer realm="${realm}",service="fake"${
        scopes.length > 0 ? `,scope="${scopes.join(" ")}"` : ""
      }`,
    );
  }

  /** The token endpoint. */
  async token(request: Request, url: URL): Promise<Response> {
    await request.body?.cancel();
    if (this.#options.kind !== "bearer") {
      return new Response(null, { status: 404 });
    }
    const given = request.headers.get("authorization");
    const known = given === this.#basic();
    if (given !== null && !known) return new Response(null, { status: 401 });
    const granted = url.searchParams.getAll("scope").flatMap((scope) => {
      const match = /^repository:(.+):([a-z,]+)$/.exec(scope);
      return (match?.[2] ?? "").split(",").filter((action) =>
        known ||
        (this.#options.kind === "bearer" && this.#options.anonymousPull &&
          action === "pull")
      ).map((action) => `repository:${match![1]}:${action}`);
    });
    if (!known && granted.length === 0) {
      return new Response(null, { status: 401 });
    }
    const token = crypto.randomUUID();
    this.#tokens.set(token, new Set(granted));
    return Response.json({ token, expires_in: 300 });
  }

  /** Makes every token worthless. */
  forgetTokens(): void {
    this.#tokens.clear();
  }

  #basic(): string {
    if (this.#options.kind === "none") return "";
    const { username, password } = this.#options;
    const bytes = new TextEncoder().encode(`${username}:${password}`);
    return `Basic ${btoa(String.fromCharCode(...bytes))}`;
  }

  #refuse(challenge: string): Response {
    return Response.json({
      errors: [{ code: "UNAUTHORIZED", message: "authentication required" }],
    }, { status: 401, headers: { "www-authenticate": challenge } });
  }
}

function scopesOf(seen: SeenRequest, url: URL): string[] {
  if (seen.repository === "") return [];
  const isRead = seen.method === "GET" || seen.method === "HEAD";
  const from = url.searchParams.get("from");
  return [
    `repository:${seen.repository}:${isRead ? "pull" : "push"}`,
    ...(from ? [`repository:${from}:pull`] : []),
  ];
}
