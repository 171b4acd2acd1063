/**
 * Receipts: what a registry on the far side was seen to hold. `save --since`
 * leaves that out. The schema is `docs/receipt.schema.json`; within one
 * `schemaVersion` fields are only added.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import { canonicalHost, parseRepository } from "../names/reference.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { optionalString } from "../oci/descriptor.ts";
import { parseJsonObject } from "../oci/json.ts";
import type { KnownKeys } from "../strict_json.ts";

/** The largest receipt that is read, in bytes: some million digests. */
export const MAX_RECEIPT_BYTES = 128 * 1024 * 1024;

/** What one repository holds. */
export interface HeldRepository {
  /** Its path, such as `library/nginx`. */
  readonly repository: string;
  readonly manifests: readonly Digest[];
  /** Configs and layers. */
  readonly blobs: readonly Digest[];
}

/** What is written. */
export interface MadeReceipt {
  readonly tool: { readonly name: "hangar"; readonly version: string };
  /** `host[:port]` */
  readonly registry: string;
  /** RFC 3339. */
  readonly madeAt: string;
  /** What the list's references point at there, in list order. */
  readonly images: readonly {
    /** With the tag or the digest. */
    readonly reference: string;
    readonly digest: Digest;
  }[];
  /** References of the list that are not there, in list order. */
  readonly absent: readonly string[];
  readonly repositories: readonly HeldRepository[];
}

/** What is read. */
export interface Receipt {
  readonly registry: string;
  /** As it was written. */
  readonly madeAt: string;
  /** The repositories that hold each digest. */
  readonly digests: ReadonlyMap<Digest, readonly string[]>;
}

const KEYS: KnownKeys = {
  schemaVersion: {},
  kind: {},
  tool: { name: {}, version: {} },
  registry: {},
  madeAt: {},
  images: { reference: {}, digest: {} },
  absent: {},
  repositories: { repository: {}, manifests: {}, blobs: {} },
};
const KIND = "receipt";

/** The JSON of a receipt. Repositories and digests are in order. */
export function receiptJson(receipt: MadeReceipt): JsonObject {
  const { tool, registry, madeAt, images, absent } = receipt;
  const repositories = receipt.repositories.map((held) => ({
    repository: held.repository,
    manifests: [...held.manifests].sort(),
    blobs: [...held.blobs].sort(),
  })).sort((a, b) => a.repository < b.repository ? -1 : 1);
  return {
    schemaVersion: 1,
    kind: KIND,
    tool,
    registry,
    madeAt,
    images,
    absent,
    repositories,
  };
}

/** Whether JSON says that it is a receipt, of whatever version. */
export function isReceipt(json: JsonObject): boolean {
  return json["kind"] === KIND;
}

function refuse(what: string): never {
  throw new HangarError("invalid-manifest", what, {
    hint: "make it again with hangar receipt",
  });
}

/**
 * Reads a receipt, which came from elsewhere.
 *
 * @param name of the file, for messages
 * @throws {HangarError} `invalid-manifest` when it is none, or of a version
 * that hangar does not know; `too-large`
 */
export function parseReceipt(bytes: Uint8Array, name: string): Receipt {
  if (bytes.byteLength > MAX_RECEIPT_BYTES) {
    throw new HangarError(
      "too-large",
      `the receipt ${name} has ${bytes.byteLength} bytes, the limit is ${MAX_RECEIPT_BYTES}`,
    );
  }
  const what = `the receipt ${name}`;
  const json = parseJsonObject(bytes, what, KEYS);
  if (!isReceipt(json)) return refuse(`${what} is none`);
  if (json["schemaVersion"] !== 1) {
    return refuse(
      `${what} has the schemaVersion ${
        (JSON.stringify(json["schemaVersion"]) ?? "none").slice(0, 40)
      }, and hangar reads 1`,
    );
  }
  const registry = canonicalHost(optionalString(json, "registry") ?? "");
  if (registry === undefined) return refuse(`${what} names no registry`);
  const digests = new Map<Digest, string[]>();
  const { repositories } = json;
  if (!Array.isArray(repositories)) {
    return refuse(`${what} has no list of repositories`);
  }
  for (const item of repositories) {
    const repository = repositoryOf(item, registry, what);
    for (const digest of digestsOf(item, `${what}: ${repository}`)) {
      const known = digests.get(digest);
      if (!known) digests.set(digest, [repository]);
      else if (known.at(-1) !== repository) known.push(repository);
    }
  }
  return { registry, madeAt: optionalString(json, "madeAt") ?? "", digests };
}

function repositoryOf(item: unknown, registry: string, what: string): string {
  const path = isJsonObject(item) ? item["repository"] : undefined;
  if (typeof path !== "string") {
    return refuse(`${what} has a repository without a name`);
  }
  try {
    // Docker Hub's bare names are written with their library/.
    return parseRepository(`${registry}/${path}`).repository;
  } catch (cause) {
    if (!(cause instanceof HangarError)) throw cause;
    return refuse(`${what}: ${cause.message}`);
  }
}

function* digestsOf(item: JsonObject, what: string): Generator<Digest> {
  for (const key of ["manifests", "blobs"]) {
    const list = item[key];
    if (!Array.isArray(list)) return refuse(`${what}: ${key} is no list`);
    for (const digest of list) {
      if (typeof digest !== "string" || !isDigest(digest)) {
        return refuse(
          `${what}: ${key} has the invalid digest ${
            (JSON.stringify(digest) ?? "none").slice(0, 160)
          }`,
        );
      }
      yield digest;
    }
  }
}
