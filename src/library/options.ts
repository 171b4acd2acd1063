/**
 * The options of programs: how registries are reached, and what is to be done.
 *
 * @module
 */

import type { MirrorEvent } from "../mirror/events.ts";
import type { FetchFunction } from "../transport/host_client.ts";

/** The credentials for a registry. */
export type RegistryCredentials =
  | { readonly username: string; readonly password: string }
  /** An OAuth2 refresh token, which auth files call `identitytoken`. */
  | { readonly identityToken: string };

/**
 * Finds the credentials for a registry; undefined where there are none.
 *
 * @param host `host[:port]`; Docker Hub is `docker.io`
 * @param repository the path within the registry, where it is known
 */
export type CredentialsFunction = (
  host: string,
  repository?: string,
) =>
  | RegistryCredentials
  | undefined
  | Promise<RegistryCredentials | undefined>;

/** The certificates of one registry, in PEM. */
export interface RegistryCertificates {
  /** CAs to trust in addition to the usual ones. */
  readonly ca?: readonly string[];
  /** The client certificate, and its key. */
  readonly client?: { readonly certificate: string; readonly key: string };
}

/** How registries are reached. */
export interface RegistryOptions {
  /**
   * Finds credentials; `false` for none.
   *
   * @default {the auth files and helpers of the user, as for the command}
   */
  readonly credentials?: CredentialsFunction | false;
  /**
   * Sends every request. It must then take care of certificates and proxies
   * itself.
   *
   * @default {clients of hangar's own, which follow the proxy variables}
   */
  readonly fetch?: FetchFunction;
  /**
   * Certificates of single registries, by `host[:port]`.
   *
   * @default {those in the certs.d of the user and the system}
   */
  readonly certificates?: Readonly<Record<string, RegistryCertificates>>;
  /**
   * CAs in PEM to trust everywhere, in addition to those of Deno and the
   * system.
   */
  readonly caCertificates?: readonly string[];
  /**
   * `true` requires HTTPS and valid certificates everywhere, `false` neither.
   *
   * @default {valid HTTPS, but plain HTTP on loopback}
   */
  readonly tlsVerify?: boolean;
  /**
   * The most requests under way at one registry host. How many it really is
   * depends on how the host answers.
   *
   * @default {32}
   */
  readonly maxPerHost?: number;
  /**
   * A transfer is given up and tried again after this time without a byte, in
   * ms; 0 for no limit.
   *
   * @default {60_000}
   */
  readonly stallTimeoutMs?: number;
  /** How temporary faults are tried again. */
  readonly retry?: RetryOptions;
  /** Ends the work. */
  readonly signal?: AbortSignal;
  /**
   * Receives the log, line by line. If it throws, it is not called again; the
   * work goes on.
   */
  readonly onLog?: (line: string) => void;
}

/** How a step is tried again after a temporary fault. */
export interface RetryOptions {
  /**
   * How often.
   *
   * @default {4, but 9 at a host that answers other requests}
   */
  readonly times?: number;
  /**
   * The wait before the first retry, in ms; each further one is twice as long.
   *
   * @default {500}
   */
  readonly delayMs?: number;
}

/** A policy.json: its path, or what is in it; `"insecure"` accepts everything. */
export type Policy =
  | "insecure"
  | { readonly file: string }
  | { readonly json: unknown };

/** An encrypted private key, and its passphrase. */
export interface KeySigner {
  /** In PEM, as `hangar generate-sigstore-key` and cosign write it. */
  readonly key: string;
  /** Its passphrase. */
  readonly password: string;
  /**
   * A `.sig` tag as cosign writes it, or a Sigstore bundle as a referrer.
   *
   * @default {"cosign"}
   */
  readonly format?: "cosign" | "bundle";
}

/** Signs with a key that hangar does not see, such as that of a KMS. */
export interface SignerRole {
  /** SubjectPublicKeyInfo in PEM. */
  readonly publicKey: string;
  /** As for {@linkcode KeySigner.format}. @default {"cosign"} */
  readonly format?: "cosign" | "bundle";
  /** The signature over some bytes: for ECDSA and RSA, over their SHA-256. */
  sign(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** Which parts of an image are copied, and how. */
export interface ContentOptions extends RegistryOptions {
  /**
   * Architectures, as `arch` or `arch/variant`, or `all`.
   *
   * @default {["amd64", "arm64"]}
   */
  readonly arch?: readonly string[];
  /**
   * Operating systems, or `all`.
   *
   * @default {["linux"]}
   */
  readonly os?: readonly string[];
  /** Platforms, as `os/arch` or `os/arch/variant`, or `all`; instead of both. */
  readonly platform?: readonly string[];
  /**
   * What becomes of a source's index of which only a part is selected:
   * - `"rebuild"`: the tag gets an index of what was selected
   * - `"whole"`: nothing is left out, whatever platforms were chosen
   * - `"sparse"`: the tag gets the source's own index, so that its digest and its
   *   signatures hold, and what was selected of it is copied. At a registry that
   *   does not take such an index, it is rebuilt, with a warning.
   *
   * @default {"rebuild"}
   */
  readonly index?: "rebuild" | "whole" | "sparse";
  /**
   * What one image may take, in ms; 0 for no limit.
   *
   * @default {600_000}
   */
  readonly timeoutMs?: number;
  /**
   * Ignore what destination tags hold, and recheck all content there: it is
   * read and hashed, and sent again where it is missing or different.
   *
   * @default {false}
   */
  readonly overwrite?: boolean;
  /**
   * Who checks the digests of large blobs: the destination, once it has refused a
   * wrong one in this run, or hangar in any case.
   *
   * @default {"auto"}
   */
  readonly verify?: "auto" | "always";
  /**
   * Whether signatures and referrers come along.
   *
   * @default {true}
   */
  readonly signatures?: boolean;
  /**
   * Whether BuildKit's attestations come along.
   *
   * @default {true}
   */
  readonly provenance?: boolean;
  /**
   * The policy that must accept an image before any part of it is copied.
   *
   * @default {the policy.json of the user or the system, if there is one}
   */
  readonly policy?: Policy;
  /** Signs what is copied. A validation looks for its signatures. */
  readonly signer?: KeySigner | SignerRole;
  /**
   * Attests where images came from and which policy accepted them, signed as
   * `signer` says. A validation looks for that too.
   *
   * @default {false}
   */
  readonly attest?: boolean;
  /**
   * Receives events as they happen. If it throws, it is not called again; the
   * work goes on.
   */
  readonly onEvent?: (event: MirrorEvent) => void;
  /**
   * Which events `onEvent` sees: how images begin and end, with warnings and
   * notes; or every request, retry and blob too.
   *
   * @default {"images"}
   */
  readonly events?: "images" | "all";
}

/** Which images are mirrored, from where to where. */
export interface MirrorOptions extends ContentOptions {
  /** The lines of an image list, in either format. */
  readonly images: readonly string[];
  /** The source registry, instead of those in the lines: `[scheme://]host[:port]`. */
  readonly source?: string;
  /** The project of every source. */
  readonly sourceProject?: string;
  /** The destination registry, or several: every image goes to each. */
  readonly destination?: string | readonly string[];
  /** The project of every destination. */
  readonly destinationProject?: string;
  /**
   * Images at once, 1 to 20.
   *
   * @default {1}
   */
  readonly jobs?: number;
  /**
   * Start without asking the destinations first whether they accept the
   * credentials. If one refuses them, its images fail and nothing is thrown.
   *
   * @default {false}
   */
  readonly skipLogin?: boolean;
  /**
   * Leave images alone whose tag is at the destination.
   *
   * @default {false}
   */
  readonly missing?: boolean;
  /**
   * The part of the list to take, where several machines share it: `index`,
   * from 0, of `count` parts. Images of one destination repository are in one
   * part.
   *
   * @default {the whole list}
   */
  readonly shard?: { readonly index: number; readonly count: number };
}

/** How mirroring is run. */
export interface MirrorRunOptions extends MirrorOptions {
  /**
   * Report what would be done, and write nothing.
   *
   * @default {false}
   */
  readonly dryRun?: boolean;
}

/** How deep a validation looks. */
export interface ValidateOptions extends MirrorOptions {
  /**
   * Compare manifests, look for every blob too, or pull and hash every blob.
   *
   * @default {"manifests"}
   */
  readonly depth?: "manifests" | "blobs" | "bytes";
}

/** Which image is copied, and where to. */
export interface CopyOptions extends ContentOptions {
  /** A reference: `[scheme://][REGISTRY/]NAME[:TAG][@DIGEST]`. */
  readonly source: string;
  /** The same without a digest. Its tag is that of the source by default. */
  readonly destination: string;
}

/** How an image is inspected. */
export interface InspectOptions extends RegistryOptions {
  /**
   * For an index: the platform whose config is read, `os/arch[/variant]`.
   *
   * @default {none: no config is read for an index}
   */
  readonly platform?: string;
}
