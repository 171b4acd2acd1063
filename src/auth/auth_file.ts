/**
 * The text of an auth file as types (containers-auth.json(5), docker's
 * config.json). Errors repeat none of its content, which is secret.
 *
 * @module
 */

import { decodeBase64 } from "../base64.ts";
import { isJsonObject } from "../json.ts";

/** The secrets of one entry. */
export interface AuthSecrets {
  readonly username?: string;
  readonly password?: string;
  /** An OAuth2 refresh token. */
  readonly identityToken?: string;
}

/** One member of `auths`. */
export type AuthEntry =
  | { readonly kind: "secrets"; readonly secrets: AuthSecrets }
  /** It has no credentials. */
  | { readonly kind: "empty" }
  /** It cannot be used. That matters only when its registry is needed. */
  | { readonly kind: "malformed"; readonly fault: string };

/** What is used of an auth file. */
export interface AuthFile {
  /** The members of `auths` under their keys as written, in file order. */
  readonly entries: ReadonlyMap<string, AuthEntry>;
  /** `credHelpers`: the helper for a registry, under the keys as written. */
  readonly helpers: ReadonlyMap<string, string>;
  /** `credsStore`: the helper for all registries. */
  readonly store?: string;
}

/** The longest auth file, in UTF-16 units. */
const MAX_AUTH_FILE_LENGTH = 4 * 1024 * 1024;

/** The secrets in `auth`, which is the base64 of `user:password`. */
function decodeAuth(auth: string): AuthSecrets | undefined {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(decodeBase64(auth));
  } catch {
    return undefined;
  }
  const colon = text.indexOf(":");
  if (colon < 0) return undefined;
  // Old docker clients pad the password with NULs.
  let end = text.length;
  while (text[end - 1] === "\0") end--;
  return {
    username: text.slice(0, colon),
    password: text.slice(colon + 1, Math.max(end, colon + 1)),
  };
}

function parseEntry(value: unknown): AuthEntry {
  if (!isJsonObject(value)) {
    return { kind: "malformed", fault: "an entry of auths is not an object" };
  }
  // An empty member counts as none.
  const fields: Record<string, string | undefined> = {};
  for (const name of ["auth", "username", "password", "identitytoken"]) {
    const field = value[name] ?? "";
    if (typeof field !== "string") {
      return { kind: "malformed", fault: `${name} is not a string` };
    }
    fields[name] = field === "" ? undefined : field;
  }
  const { auth, username, password, identitytoken: identityToken } = fields;
  // As in docker, `auth` wins over the separate fields.
  const basic = auth === undefined ? { username, password } : decodeAuth(auth);
  if (basic === undefined) {
    return { kind: "malformed", fault: "auth is not base64 of user:password" };
  }
  if (identityToken !== undefined) {
    return { kind: "secrets", secrets: { ...basic, identityToken } };
  }
  if (!basic.username && !basic.password) return { kind: "empty" };
  if (basic.username === undefined || basic.password === undefined) {
    return {
      kind: "malformed",
      fault: "an entry has only one of username and password",
    };
  }
  return { kind: "secrets", secrets: basic };
}

/**
 * Parses an auth file. Members other than `auths`, `credHelpers` and
 * `credsStore` belong to other programs and are ignored.
 *
 * @param fault makes the error from a text, which repeats nothing of the file
 */
export function parseAuthFile(
  text: string,
  fault: (what: string) => Error,
): AuthFile {
  if (text.length > MAX_AUTH_FILE_LENGTH) throw fault("it is too large");
  // `REGISTRY_AUTH_FILE=/dev/null` is a usual way to say "anonymous".
  if (text.trim() === "") return { entries: new Map(), helpers: new Map() };
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // No cause: the message of a SyntaxError quotes the text.
    throw fault("it is not JSON");
  }
  if (!isJsonObject(document)) throw fault("it is not a JSON object");
  const auths = document["auths"] ?? {};
  if (!isJsonObject(auths)) throw fault("auths is not an object");
  const entries = Object.entries(auths).map(([key, value]) =>
    [key, parseEntry(value)] as const
  );
  const helpers = document["credHelpers"] ?? {};
  if (!isJsonObject(helpers)) throw fault("credHelpers is not an object");
  const store = document["credsStore"] ?? "";
  if (typeof store !== "string") throw fault("credsStore is not a string");
  const names = Object.entries(helpers).map(([key, value]) => {
    if (typeof value !== "string") throw fault("a helper is not a string");
    return [key, value] as const;
  });
  return {
    entries: new Map(entries),
    helpers: new Map(names),
    store: store || undefined,
  };
}
