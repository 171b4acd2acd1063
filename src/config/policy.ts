/**
 * Which images are accepted: policy.json (containers-policy.json(5)).
 *
 * @module
 */

import { decodeBase64 } from "../base64.ts";
import { HangarError, printable } from "../errors.ts";
import type { Reference } from "../names/reference.ts";
import { scopesOf } from "./scopes.ts";
import { AmbiguousJson, parseStrictJson } from "../strict_json.ts";
import { StrictObject } from "./strict_object.ts";

/** A file, or its content. */
export type Source =
  | { readonly path: string }
  | { readonly data: Uint8Array };

/** Which name a signature must bear. */
export type SignedIdentity =
  | { readonly type: "matchExact" }
  | { readonly type: "matchRepoDigestOrExact" }
  | { readonly type: "matchRepository" }
  | { readonly type: "exactReference"; readonly reference: string }
  | { readonly type: "exactRepository"; readonly repository: string }
  | {
    readonly type: "remapIdentity";
    readonly prefix: string;
    readonly signedPrefix: string;
  };

/** Whose sigstore signatures count. */
export type SigstoreTrust =
  | { readonly kind: "keys"; readonly keys: readonly Source[] }
  | {
    readonly kind: "fulcio";
    readonly ca: Source;
    readonly oidcIssuer: string;
    readonly subjectEmail: string;
  }
  | {
    readonly kind: "pki";
    readonly roots: Source;
    readonly intermediates?: Source;
    readonly subjectEmail?: string;
    readonly subjectHostname?: string;
  };

/** A requirement for an image. */
export type Requirement =
  | { readonly type: "insecureAcceptAnything" }
  | { readonly type: "reject" }
  | {
    readonly type: "signedBy";
    readonly keys: readonly Source[];
    readonly identity: SignedIdentity;
  }
  | {
    readonly type: "sigstoreSigned";
    readonly trust: SigstoreTrust;
    /** Keys of the log that must have recorded the signature. @default {no log} */
    readonly rekorKeys?: readonly Source[];
    readonly identity: SignedIdentity;
  }
  /** The format has it, and no image satisfies it here. */
  | { readonly type: "never"; readonly why: string };

/** A policy. */
export interface Policy {
  readonly default: readonly Requirement[];
  /** By scope; `""` for all images of registries. */
  readonly docker: ReadonlyMap<string, readonly Requirement[]>;
}

/**
 * Reads a policy.
 *
 * @param name what it is called in messages
 * @throws {HangarError} `file` when a part of it is not known or malformed
 */
export function parsePolicy(text: string, name: string): Policy {
  let json: unknown;
  try {
    json = parseStrictJson(text);
  } catch (cause) {
    const what = cause instanceof AmbiguousJson ? "ambiguous" : "not JSON";
    const why = cause instanceof Error ? printable(cause.message) : "";
    throw new HangarError("file", `${name} is ${what}: ${why}`, { cause });
  }
  const top = new StrictObject(json, name);
  const fallback = top.take("default");
  if (fallback === undefined) top.refuse("default is missing");
  const docker = new Map<string, readonly Requirement[]>();
  const transports = top.take("transports");
  if (transports !== undefined) {
    const all = new StrictObject(transports, `${name}: transports`);
    for (const [transport, scopes] of all.rest()) {
      const path = `${name}: transports.${transport}`;
      for (const [scope, list] of new StrictObject(scopes, path).rest()) {
        const requirements = requirementList(list, `${path}[${scope}]`);
        if (transport === "docker") docker.set(scope, requirements);
      }
    }
  }
  top.end();
  return {
    default: requirementList(fallback, `${name}: default`),
    docker,
  };
}

/** The requirements for an image: those of the narrowest scope. */
export function requirementsFor(
  policy: Policy,
  reference: Reference,
): readonly Requirement[] {
  for (const scope of [...scopesOf(reference), ""]) {
    const found = policy.docker.get(scope);
    if (found) return found;
  }
  return policy.default;
}

/** Whether a policy asks for the signatures of any image. */
export function readsSignatures(
  { default: fallback, docker }: Policy,
): boolean {
  return [fallback, ...docker.values()].flat().some(({ type }) =>
    type === "signedBy" || type === "sigstoreSigned"
  );
}

function requirementList(value: unknown, path: string): Requirement[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw new HangarError("file", `${path} is not a list of requirements`);
  }
  return value.map((item, i) => {
    const object = new StrictObject(item, `${path}[${i}]`);
    const requirement = requirementOf(object);
    object.end();
    return requirement;
  });
}

function requirementOf(object: StrictObject): Requirement {
  const type = object.wanted("type");
  switch (type) {
    case "insecureAcceptAnything":
    case "reject":
      return { type };
    case "signedBy":
      return signedBy(object);
    case "signedBaseLayer":
      identityOf(object.take("baseLayerIdentity"), object);
      return { type: "never", why: "signedBaseLayer is not supported" };
    case "sigstoreSigned":
      return sigstoreSigned(object);
    default:
      return object.refuse(
        `${JSON.stringify(type)} is not a known requirement`,
      );
  }
}

const KEY_TYPES = [
  "GPGKeys",
  "signedByGPGKeys",
  "X509Certificates",
  "signedByX509CAs",
];

function signedBy(object: StrictObject): Requirement {
  const keyType = object.wanted("keyType");
  if (!KEY_TYPES.includes(keyType)) {
    object.refuse(`${JSON.stringify(keyType)} is not a known keyType`);
  }
  const keys = sources(object, "key", { plural: false });
  if (!keys) object.refuse("want one of keyPath, keyPaths and keyData");
  const identity = identityOf(object.take("signedIdentity"), object, true);
  return keyType === "GPGKeys"
    ? { type: "signedBy", keys, identity }
    : { type: "never", why: `keyType ${keyType} is not supported` };
}

function sigstoreSigned(object: StrictObject): Requirement {
  const keys = sources(object, "key", { plural: true });
  const fulcio = object.take("fulcio");
  const pki = object.take("pki");
  const given = [keys, fulcio, pki].filter((trust) => trust !== undefined);
  if (given.length !== 1) {
    object.refuse(
      "want one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki",
    );
  }
  const rekorKeys = sources(object, "rekorPublicKey", { plural: true });
  if (fulcio !== undefined && !rekorKeys) {
    object.refuse("fulcio is given without a rekorPublicKey");
  }
  if (pki !== undefined && rekorKeys) {
    object.refuse("pki is given with a rekorPublicKey");
  }
  const trust: SigstoreTrust = keys
    ? { kind: "keys", keys }
    : fulcio !== undefined
    ? fulcioTrust(new StrictObject(fulcio, `${object.path}.fulcio`))
    : pkiTrust(new StrictObject(pki, `${object.path}.pki`));
  return {
    type: "sigstoreSigned",
    trust,
    rekorKeys,
    identity: identityOf(object.take("signedIdentity"), object, true),
  };
}

function fulcioTrust(object: StrictObject): SigstoreTrust {
  const trust = {
    kind: "fulcio",
    ca: oneSource(object, "ca") ??
      object.refuse("want one of caPath and caData"),
    oidcIssuer: object.wanted("oidcIssuer"),
    subjectEmail: object.wanted("subjectEmail"),
  } as const;
  object.end();
  return trust;
}

function pkiTrust(object: StrictObject): SigstoreTrust {
  const trust = {
    kind: "pki",
    roots: oneSource(object, "caRoots") ??
      object.refuse("want one of caRootsPath and caRootsData"),
    intermediates: oneSource(object, "caIntermediates"),
    subjectEmail: object.text("subjectEmail"),
    subjectHostname: object.text("subjectHostname"),
  } as const;
  if (!trust.subjectEmail && !trust.subjectHostname) {
    object.refuse("want subjectEmail or subjectHostname");
  }
  object.end();
  return trust;
}

/** `<name>Path` or `<name>Data`. */
function oneSource(object: StrictObject, name: string): Source | undefined {
  const path = object.text(`${name}Path`);
  const data = object.text(`${name}Data`);
  if (path !== undefined && data !== undefined) {
    object.refuse(`both ${name}Path and ${name}Data are given`);
  }
  if (path !== undefined) return { path };
  return data === undefined
    ? undefined
    : { data: decode(data, `${name}Data`, object) };
}

/** `<name>Path`, `<name>Data` or `<name>Paths`, and with `plural` `<name>Datas`. */
function sources(
  object: StrictObject,
  name: string,
  { plural }: { readonly plural: boolean },
): Source[] | undefined {
  const one = oneSource(object, name);
  const paths = object.texts(`${name}Paths`)?.map((path) => ({ path }));
  const datas = plural
    ? object.texts(`${name}Datas`)?.map((data) => ({
      data: decode(data, `${name}Datas`, object),
    }))
    : undefined;
  const given = [one && [one], paths, datas].filter((s) => s !== undefined);
  if (given.length > 1) object.refuse(`more than one kind of ${name} is given`);
  return given[0];
}

function decode(
  base64: string,
  field: string,
  object: StrictObject,
): Uint8Array {
  try {
    return decodeBase64(base64);
  } catch {
    return object.refuse(`${field} is not base64`);
  }
}

// As in containers/image: a host, or a full name without tag and digest.
const PREFIX =
  /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d+)?(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/i;

function identityOf(
  value: unknown,
  parent: StrictObject,
  optional = false,
): SignedIdentity {
  if (value === undefined && optional) {
    return { type: "matchRepoDigestOrExact" };
  }
  const object = new StrictObject(value, `${parent.path}.signedIdentity`);
  const type = object.wanted("type");
  const identity = ((): SignedIdentity => {
    switch (type) {
      case "matchExact":
      case "matchRepoDigestOrExact":
      case "matchRepository":
        return { type };
      case "exactReference":
        return { type, reference: object.wanted("dockerReference") };
      case "exactRepository":
        return { type, repository: object.wanted("dockerRepository") };
      case "remapIdentity": {
        const prefix = object.wanted("prefix");
        const signedPrefix = object.wanted("signedPrefix");
        for (const text of [prefix, signedPrefix]) {
          if (!PREFIX.test(text)) {
            object.refuse(`${JSON.stringify(text)} is not a prefix of a name`);
          }
        }
        return { type, prefix, signedPrefix };
      }
      default:
        return object.refuse(`${JSON.stringify(type)} is not a known identity`);
    }
  })();
  object.end();
  return identity;
}
