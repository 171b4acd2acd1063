/**
 * What hangar attests of a manifest that it mirrored. The schema of the
 * predicate is `docs/attestation.schema.json`.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../json.ts";
import type { AcceptedSigner } from "../trusted_keys.ts";

/** The predicate type of hangar's attestations. */
export const MIRROR_PREDICATE = "https://jsr.io/@hangar/mirror/attestation/v1";

/** A reference, and what it pointed at. */
export interface AttestedReference {
  /** In full, with registry and tag or digest. */
  readonly reference: string;
  readonly digest: string;
}

/** An image of the manifest, or the manifest itself. */
export interface AttestedPlatform {
  /** `os/arch[/variant]`; an artifact has none. */
  readonly platform?: string;
  readonly digest: string;
}

/** The policy that accepted it. */
export interface AttestedPolicy {
  /** Of the policy.json. */
  readonly digest: string;
  /** Whether it asked for signatures, or accepted anything. */
  readonly enforced: boolean;
  /** By whose signatures each image was accepted. */
  readonly accepted: readonly {
    readonly digest: string;
    readonly signers: readonly AcceptedSigner[];
  }[];
}

/** What is attested. */
export interface MirrorPredicate {
  /** Where it came from, in list order: several where sources were merged. */
  readonly sources: readonly AttestedReference[];
  /** Where it went. */
  readonly destination: AttestedReference;
  /** What of it was mirrored. */
  readonly platforms: readonly AttestedPlatform[];
  /** @default {none was in force} */
  readonly policy?: AttestedPolicy;
  /** RFC 3339. */
  readonly mirroredAt: string;
  readonly mirroredBy: { readonly name: string; readonly version: string };
}

/** The most entries of a list that are read: indexes have some dozens. */
const MAX_ITEMS = 1_000;

/** Reads a predicate; undefined where it is none of hangar's. */
export function parseMirrorPredicate(
  json: JsonObject,
): MirrorPredicate | undefined {
  const { destination, mirroredAt, mirroredBy, policy } = json;
  const sources = listOf(json["sources"], referenceOf);
  const platforms = listOf(json["platforms"], platformOf);
  const to = referenceOf(destination);
  const by = isJsonObject(mirroredBy) ? mirroredBy : {};
  const { name, version } = by;
  const enforcedBy = policy === undefined ? undefined : policyOf(policy);
  if (
    !sources || sources.length === 0 || !platforms || !to ||
    typeof mirroredAt !== "string" || Number.isNaN(Date.parse(mirroredAt)) ||
    typeof name !== "string" || typeof version !== "string" ||
    policy !== undefined && !enforcedBy
  ) {
    return undefined;
  }
  return {
    sources,
    destination: to,
    platforms,
    ...(enforcedBy && { policy: enforcedBy }),
    mirroredAt,
    mirroredBy: { name, version },
  };
}

/** Undefined where a value is no list, or one of its items is none. */
function listOf<T>(
  value: unknown,
  read: (item: unknown) => T | undefined,
): T[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_ITEMS) return undefined;
  const items = value.map(read);
  return items.every((item) => item !== undefined) ? items : undefined;
}

function referenceOf(value: unknown): AttestedReference | undefined {
  if (!isJsonObject(value)) return undefined;
  const { reference, digest } = value;
  return typeof reference === "string" && typeof digest === "string"
    ? { reference, digest }
    : undefined;
}

function platformOf(value: unknown): AttestedPlatform | undefined {
  if (!isJsonObject(value)) return undefined;
  const { platform, digest } = value;
  if (typeof digest !== "string") return undefined;
  return typeof platform === "string" ? { platform, digest } : { digest };
}

function policyOf(value: unknown): AttestedPolicy | undefined {
  if (!isJsonObject(value)) return undefined;
  const { digest, enforced } = value;
  const accepted = listOf(value["accepted"], (item) => {
    if (!isJsonObject(item) || typeof item["digest"] !== "string") {
      return undefined;
    }
    const signers = listOf(item["signers"], signerOf);
    return signers && { digest: item["digest"], signers };
  });
  return typeof digest === "string" && typeof enforced === "boolean" && accepted
    ? { digest, enforced, accepted }
    : undefined;
}

function signerOf(value: unknown): AcceptedSigner | undefined {
  if (!isJsonObject(value)) return undefined;
  const text = (key: keyof AcceptedSigner) => {
    const given = value[key];
    return typeof given === "string" ? { [key]: given } : {};
  };
  return {
    ...text("key"),
    ...text("identity"),
    ...text("issuer"),
    ...text("gpg"),
  };
}
