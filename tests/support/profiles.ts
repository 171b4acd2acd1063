/**
 * Registries as their documentation describes them, for the fake registry: what
 * each does in its own way.
 *
 * @module
 */

import type { FakeRegistryOptions, Quirks } from "./fake_registry.ts";

/** The account of every profile that wants one. */
export const ACCOUNT = { username: "robot", password: "profile-pa55" };

const BASIC = { kind: "basic", ...ACCOUNT } as const;
const BEARER = { kind: "bearer", ...ACCOUNT } as const;

/** The repositories that the scenario pushes to. */
export const REPOSITORIES = ["team/web", "team/api", "team/old", "team/chart"];

/** A registry, by name. */
export interface Profile {
  readonly name: string;
  readonly options: () => FakeRegistryOptions;
  /** What the scenario meets there that it does not meet elsewhere. */
  readonly differs?: {
    /** OCI indexes are refused: images that have one fail. */
    readonly refusesOciIndex?: boolean;
    /** The status and code for a tag that is there with other content. */
    readonly immutable?: { readonly status: number; readonly code: string };
  };
}

const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const ECR_IMMUTABLE = { status: 400, code: "TAG_INVALID" };
const HARBOR_IMMUTABLE = { status: 412, code: "PRECONDITION" };

/** What all versions of distribution do, as they come. */
const DISTRIBUTION: Quirks = {
  locationQuery: "_state=c2lnbmVk%3D%3D",
  answersSha256: true,
  refusesForeignLayers: true,
  ignoresPutRange: true,
  ignoresPostDigest: true,
  badReferenceStatus: 500,
};

/** All of them. */
export const PROFILES: readonly Profile[] = [
  {
    // Tokens by another service, new repositories hidden from readers, a quota.
    name: "Docker Hub",
    options: () => ({
      auth: { ...BEARER, hidesNew: true },
      referrers: true,
      quirks: {
        headers: () => ({
          "ratelimit-limit": "200;w=21600",
          "ratelimit-remaining": "150;w=21600",
        }),
      },
    }),
  },
  {
    // Absolute Location with a state that counts, no referrers, broken uploads
    // forgotten, tags all at once.
    name: "distribution 2.8",
    options: () => ({
      auth: BASIC,
      quirks: {
        ...DISTRIBUTION,
        forgetBrokenUploads: true,
        countedLocation: 404,
        appendsAnyChunk: true,
        breaksBadRanges: true,
        ignoresTagPaging: true,
        deletes: "digests",
      },
    }),
  },
  {
    // The same with pages of tags; a broken upload can be continued.
    name: "distribution 3",
    options: () => ({
      auth: BASIC,
      quirks: { ...DISTRIBUTION, countedLocation: 416 },
    }),
  },
  {
    name: "Harbor",
    options: () => ({
      auth: BEARER,
      referrers: true,
      harbor: { projects: new Set(["team"]) },
      quirks: { locationQuery: "_state=x", immutableTags: HARBOR_IMMUTABLE },
    }),
    differs: { immutable: HARBOR_IMMUTABLE },
  },
  {
    // Repositories are made first, nothing is mounted, tags may be immutable.
    name: "ECR",
    options: () => ({
      auth: BASIC,
      quirks: {
        knownRepositories: REPOSITORIES,
        ignoreMounts: true,
        refuseChunkedPut: 411,
        immutableTags: ECR_IMMUTABLE,
      },
    }),
    differs: { immutable: ECR_IMMUTABLE },
  },
  {
    // Uploads have a path of their own, and take no chunks without a length.
    name: "GAR",
    options: () => ({
      auth: BEARER,
      quirks: {
        uploadPath: "/artifacts-uploads/namespaces/",
        relativeLocation: true,
        locationQuery: "uploads_state=AF%2Bx",
        refuseStream: 411,
        refuseChunkedPut: 411,
        bareAccepted: true,
      },
    }),
  },
  {
    // Relative Location with a query that must come back, OAuth2 tokens.
    name: "ACR",
    options: () => ({
      auth: BEARER,
      referrers: true,
      quirks: {
        relativeLocation: true,
        locationQuery: "_nouploadcache=false&_state=a%2Fb",
      },
    }),
  },
  {
    // An unknown repository is answered 401, and digests are left out.
    name: "Quay",
    options: () => ({
      auth: { ...BEARER, hidesNew: true },
      quirks: { omitDigestHeader: true, bareAccepted: true },
    }),
  },
  {
    name: "GitLab",
    options: () => ({
      auth: BEARER,
      tagPageSize: 1,
      quirks: { locationQuery: "_state=gitlab", maxBody: 300_000 },
    }),
  },
  {
    name: "one that takes Docker's lists alone",
    options: () => ({ quirks: { refusesTypes: [OCI_INDEX] } }),
    differs: { refusesOciIndex: true },
  },
  {
    name: "one that wants chunks of a size",
    options: () => ({
      quirks: { refuseStream: 413, minChunk: 64 * 1024, ignoreMounts: true },
    }),
  },
];
