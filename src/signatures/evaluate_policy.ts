/**
 * Whether a policy accepts an image (containers-policy.json(5)).
 *
 * @module
 */

import {
  type Policy,
  type Requirement,
  requirementsFor,
  type SignedIdentity,
  type Source,
} from "../config/policy.ts";
import { setImmediate } from "node:timers/promises";
import { describeError, HangarError } from "../errors.ts";
import { formatReference, type Reference } from "../names/reference.ts";
import type { Digest } from "../oci/digest.ts";
import { sharedWork } from "../shared_work.ts";
import { allOf } from "../together.ts";
import type { OpenedMessage } from "./gpg.ts";
import { matchesIdentity } from "./identity.ts";
import { readSignatures, type SignatureStore } from "./read_signatures.ts";
import {
  type Claim,
  parsePayload,
  type PayloadType,
} from "./simple_signing.ts";
import {
  type AcceptedSignature,
  loadChecker,
  namesOf,
  type SigstoreChecker,
  type SigstoreSigned,
} from "./trusted_keys.ts";

/** The most reasons in a message. */
const MAX_REASONS = 3;

/** What a {@linkcode PolicyJudge} needs from the machine. */
export interface PolicyEnvironment {
  /** A file that the policy names. */
  readFile(path: string): Promise<Uint8Array>;
  /** The GPG signatures of an image, from the place that registries.d names. */
  lookaside(
    image: Reference,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<readonly Uint8Array[]>;
}

/** An image for the policy. */
export interface JudgedImage {
  /** As the user named it, by tag or by digest. */
  readonly reference: Reference;
  /** The manifest: of an index, a child. */
  readonly digest: Digest;
  /** Where its signatures are. */
  readonly place: SignatureStore;
}

type SignedBy = Requirement & { readonly type: "signedBy" };

/** Judges images by a policy. */
export class PolicyJudge {
  /** Of the policy's text. */
  readonly digest: Digest;
  readonly #policy: Policy;
  readonly #environment: PolicyEnvironment;
  // Keys and certificates are read once, at their first use.
  readonly #checkers = new Map<Requirement, Promise<SigstoreChecker>>();
  readonly #keyrings = new Map<Requirement, Promise<OpenKeyring>>();

  /** @param digest of the policy's text */
  constructor(
    policy: Policy,
    digest: Digest,
    environment: PolicyEnvironment,
  ) {
    this.#policy = policy;
    this.digest = digest;
    this.#environment = environment;
  }

  /** Whether the policy accepts an image without reading its signatures. */
  isTrivialFor(reference: Reference): boolean {
    return requirementsFor(this.#policy, reference)
      .every(({ type }) => type === "insecureAcceptAnything");
  }

  /**
   * Judges an image.
   *
   * @returns the signatures it has that the policy asks for
   * @throws {HangarError} `rejected` when a requirement is not met; `file`,
   * `key` or any fault of a registry when a file or signature cannot be read
   */
  async judge(
    image: JudgedImage,
    signal: AbortSignal,
  ): Promise<AcceptedSignature[]> {
    const accepted: AcceptedSignature[] = [];
    for (const one of requirementsFor(this.#policy, image.reference)) {
      const signature = await this.#require(one, image, signal);
      if (signature) accepted.push(signature);
    }
    return accepted;
  }

  async #require(
    requirement: Requirement,
    image: JudgedImage,
    signal: AbortSignal,
  ): Promise<AcceptedSignature | undefined> {
    switch (requirement.type) {
      case "insecureAcceptAnything":
        return undefined;
      case "reject":
        return reject(image, "it is rejected by name");
      case "never":
        return reject(image, requirement.why);
      case "sigstoreSigned":
        return await this.#sigstoreSigned(requirement, image, signal);
      case "signedBy":
        return await this.#signedBy(requirement, image, signal);
    }
  }

  async #sigstoreSigned(
    requirement: SigstoreSigned,
    image: JudgedImage,
    signal: AbortSignal,
  ): Promise<AcceptedSignature> {
    const reasons: string[] = [];
    const signatures = await readSignatures(
      image.place,
      image.digest,
      signal,
      (reason) => reasons.push(describeError(reason)),
    );
    const checker = await sharedWork(
      this.#checkers,
      requirement,
      () => loadChecker(requirement, (source) => this.#load(source)),
    );
    return await oneOf(image, signal, signatures, reasons, (signature) => {
      const accepted = checker(signature);
      if (!accepted) throw bad("it is not made by a trusted key");
      checkClaim(
        parsePayload(signature.payload),
        "cosign container image signature",
        requirement.identity,
        image,
      );
      return accepted;
    });
  }

  async #signedBy(
    requirement: SignedBy,
    image: JudgedImage,
    signal: AbortSignal,
  ): Promise<AcceptedSignature> {
    const signatures = await this.#environment.lookaside(
      image.reference,
      image.digest,
      signal,
    );
    const open = await sharedWork(this.#keyrings, requirement, async () => {
      const { Keyring } = await import("./gpg.ts");
      const files = await allOf(
        requirement.keys.map((source) => this.#load(source)),
      );
      const keyring = await Keyring.read(files, namesOf(requirement.keys));
      return (bytes: Uint8Array) => keyring.open(bytes);
    });
    return await oneOf(image, signal, signatures, [], async (signature) => {
      const { data, fingerprint } = await open(signature);
      checkClaim(
        parsePayload(data),
        "atomic container signature",
        requirement.identity,
        image,
      );
      return { signer: { gpg: fingerprint } };
    });
  }

  async #load(source: Source): Promise<Uint8Array> {
    if ("data" in source) return source.data;
    try {
      return await this.#environment.readFile(source.path);
    } catch (cause) {
      throw new HangarError(
        "file",
        `cannot read ${source.path}, which the policy names: ${
          cause instanceof Error ? cause.message : cause
        }`,
        { cause },
      );
    }
  }
}

type OpenKeyring = (signature: Uint8Array) => Promise<OpenedMessage>;

function bad(why: string): HangarError {
  return new HangarError("invalid-signature", why);
}

function reject(image: JudgedImage, why: string): never {
  throw new HangarError(
    "rejected",
    `the policy does not accept ${image.digest} of ${
      formatReference(image.reference)
    }: ${why}`,
    { hint: "see policy.json, or leave it out with --insecure-policy" },
  );
}

/** One good signature is enough. */
async function oneOf<T, R>(
  image: JudgedImage,
  signal: AbortSignal,
  signatures: readonly T[],
  reasons: readonly string[],
  check: (signature: T) => R | Promise<R>,
): Promise<R> {
  const why = [...reasons];
  for (const signature of signatures) {
    // Checking takes time: an interrupt must be seen in between.
    await setImmediate();
    signal.throwIfAborted();
    try {
      return await check(signature);
    } catch (error) {
      // The next signature may be good.
      if (!(error instanceof HangarError)) throw error;
      why.push(describeError(error));
    }
  }
  const told = [...new Set(why)].slice(0, MAX_REASONS).join("; ");
  return reject(image, told || "a signature is wanted, and there is none");
}

function checkClaim(
  claim: Claim,
  type: PayloadType,
  identity: SignedIdentity,
  image: JudgedImage,
): void {
  if (claim.type !== type) throw bad("it is of another type");
  if (!matchesIdentity(identity, image.reference, claim.reference)) {
    throw bad(
      `it is made for ${JSON.stringify(claim.reference.slice(0, 300))}`,
    );
  }
  if (claim.digest !== image.digest) throw bad(`it is over ${claim.digest}`);
}
