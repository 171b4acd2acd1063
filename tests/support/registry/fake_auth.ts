/**
 * Who may do what at a fake registry: everybody, Basic, or tokens.
 *
 * @module
 */

import type { SeenRequest } from "./request_log.ts";

/** How a fake registry asks for credentials. */
export type FakeAuthOptions =
  | { readonly kind: "none" }
  | {
    readonly kind: "basic";
    readonly username: string;
    readonly password: string;
    /** Whether anybody may read who shows no credentials, as at a zot. */
    readonly anonymousPull?: boolean;
  }
  | {
    readonly kind: "bearer";
    readonly username: string;
    readonly password: string;
    /** Whether anybody may pull. @default {false} */
    readonly anonymousPull?: boolean;
    /** The base endpoint asks for credentials only where wrong ones came. */
    readonly openBase?: boolean;
    /** Hands out a token for nobody where the password is wrong. */
    readonly lenientTokens?: boolean;
    /** A new repository is unknown to who may not push to it. */
    readonly hidesNew?: boolean;
    /** Another realm than the registry's own. */
    readonly realm?: string;
    /** Takes this identity token in OAuth2's form, and none but that. */
    readonly identityToken?: string;
    /** Each answer in that form names the token to be used from then on. */
    readonly rotates?: boolean;
  };

/** Checks requests, and hands out tokens. */
export class FakeAuth {
  readonly kind: FakeAuthOptions["kind"];
  readonly #options: FakeAuthOptions;
  readonly #url: string;
  readonly #tokens = new Map<string, ReadonlySet<string>>();
  #identityToken?: string;

  readonly #exists: (repository: string) => boolean;

  constructor(
    options: FakeAuthOptions,
    url: string,
    exists: (repository: string) => boolean = () => true,
  ) {
    this.#exists = exists;
    this.kind = options.kind;
    this.#options = options;
    this.#url = url;
    if (options.kind === "bearer") this.#identityToken = options.identityToken;
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
      const isRead = seen.method === "GET" || seen.method === "HEAD";
      if (this.#options.anonymousPull && given === "" && isRead) {
        return undefined;
      }
      return given === this.#basic()
        ? undefined
        : this.#refuse('Basic realm="fake"');
    }
    if (this.#options.openBase && seen.kind === "ping" && given === "") {
      return undefined;
    }
    const scopes = scopesOf(seen, url);
    const granted = this.#tokens.get(given.replace(/^Bearer /, ""));
    const { repository } = seen;
    const isHidden = this.#options.hidesNew && repository !== "" &&
      !this.#exists(repository) &&
      !granted?.has(`repository:${repository}:push`);
    if (granted && !isHidden && scopes.every((scope) => granted.has(scope))) {
      return undefined;
    }
    const realm = this.#options.realm ?? `${this.#url}/token`;
    return this.#refuse(
      `Bearer realm="${realm}",service="fake"${
        scopes.length > 0 ? `,scope="${scopes.join(" ")}"` : ""
      }`,
    );
  }

  /** Whether a request shows the owner's name and password. */
  isOwner(request: Request): boolean {
    return this.kind === "none" ||
      request.headers.get("authorization") === this.#basic();
  }

  /** The token endpoint. */
  async token(request: Request, url: URL): Promise<Response> {
    if (this.#options.kind !== "bearer") {
      await request.body?.cancel();
      return new Response(null, { status: 404 });
    }
    if (request.method === "POST") return await this.#oauth(request);
    await request.body?.cancel();
    const given = request.headers.get("authorization");
    const known = given === this.#basic();
    if (given !== null && !known) {
      return this.#options.lenientTokens
        ? Response.json({ token: "nobody", expires_in: 300 })
        : new Response(null, { status: 401 });
    }
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

  /** The OAuth2 form of it (distribution's token specification). */
  async #oauth(request: Request): Promise<Response> {
    const form = new URLSearchParams(await request.text());
    if (
      form.get("grant_type") !== "refresh_token" || !form.get("client_id") ||
      form.get("service") !== "fake"
    ) return new Response(null, { status: 400 });
    if (
      this.#identityToken === undefined ||
      form.get("refresh_token") !== this.#identityToken
    ) return new Response(null, { status: 401 });
    const token = crypto.randomUUID();
    const scopes = (form.get("scope") ?? "").split(" ").filter(Boolean);
    this.#tokens.set(
      token,
      new Set(scopes.flatMap((scope) => {
        const [, name, actions = ""] = /^(.+):([a-z,]+)$/.exec(scope) ?? [];
        return actions.split(",").map((action) => `${name}:${action}`);
      })),
    );
    const rotates = this.#options.kind === "bearer" && this.#options.rotates;
    if (rotates) this.#identityToken = crypto.randomUUID();
    return Response.json({
      access_token: token,
      expires_in: 300,
      ...(rotates && { refresh_token: this.#identityToken }),
    });
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
  const access = isRead ? "pull" : seen.method === "DELETE" ? "delete" : "push";
  const from = url.searchParams.get("from");
  return [
    `repository:${seen.repository}:${access}`,
    ...(from ? [`repository:${from}:pull`] : []),
  ];
}
