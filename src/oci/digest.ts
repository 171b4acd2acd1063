/**
 * Content digests as the image-spec defines them (descriptor.md#digests).
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import { HangarError } from "../errors.ts";

/** A checked digest, `sha256:<64 hex>` or `sha512:<128 hex>`. */
export type Digest = string & { readonly __digest: unique symbol };

/** The algorithms that the image-spec registers and hangar verifies. */
export type DigestAlgorithm = "sha256" | "sha512";

const PATTERN = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** Whether a text is a digest that hangar can verify. */
export function isDigest(text: string): text is Digest {
  return PATTERN.test(text);
}

/**
 * Checks a digest.
 *
 * @throws {HangarError} `invalid-reference` when it is malformed or of an
 * algorithm that cannot be verified.
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new HangarError(
    "invalid-reference",
    `invalid digest ${JSON.stringify(text.slice(0, 160))}`,
    { hint: "want sha256: with 64 or sha512: with 128 lower-case hex digits" },
  );
}

/** The algorithm part of a digest. */
export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

/**
 * Who checks the digests of blobs that go from one store to another: hangar, or
 * where it has shown that it does, the store that they go to.
 */
export const VERIFY_MODES = ["auto", "always"] as const;

/** One of {@linkcode VERIFY_MODES}. */
export type VerifyMode = typeof VERIFY_MODES[number];

/** The digest of some bytes. */
export function digestOf(
  bytes: Uint8Array,
  algorithm: DigestAlgorithm = "sha256",
): Digest {
  const hex = createHash(algorithm).update(bytes).digest("hex");
  return `${algorithm}:${hex}` as Digest;
}

/** The digest and the size that content must have. */
export interface ExpectedContent {
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
}

/** How far apart the points are that a verifier can go back to, in bytes. */
const CHECKPOINT_BYTES = 4 * 1024 * 1024;

/**
 * Hashes and counts content piece by piece, and checks it at the end. It can go
 * back to an earlier point and take the content again from there, and it can
 * leave the digest to somebody else.
 */
export class DigestVerifier {
  readonly #expected: ExpectedContent;
  /** Undefined once only the size is checked. */
  #hash?: Hash;
  #received = 0;
  #checkpoints: { readonly at: number; readonly hash: Hash }[];

  constructor(expected: ExpectedContent) {
    this.#expected = expected;
    const hash = createHash(digestAlgorithm(expected.digest));
    this.#hash = hash;
    this.#checkpoints = [{ at: 0, hash: hash.copy() }];
  }

  /** Bytes seen so far. */
  get received(): number {
    return this.#received;
  }

  /** Whether the digest is checked, not the size alone. */
  get isHashing(): boolean {
    return this.#hash !== undefined;
  }

  /** From now on only the size is checked: somebody else checks the digest. */
  stopHashing(): void {
    this.#hash = undefined;
    this.#checkpoints = [];
  }

  /**
   * Takes the next piece.
   *
   * @throws {HangarError} `content-mismatch` as soon as content is longer than
   * its size.
   */
  update(chunk: Uint8Array): void {
    this.#received += chunk.byteLength;
    if (this.#received > this.#expected.size) {
      throw new HangarError(
        "content-mismatch",
        `content of ${this.#expected.digest} is longer than the announced ${this.#expected.size} bytes`,
      );
    }
    if (!this.#hash) return;
    this.#hash.update(chunk);
    if (this.#received - this.#checkpoints.at(-1)!.at >= CHECKPOINT_BYTES) {
      this.#checkpoints.push({ at: this.#received, hash: this.#hash.copy() });
    }
  }

  /**
   * Goes back to `offset`, or to a point before it.
   *
   * @returns the offset from which content must be given again
   */
  rewind(offset: number): number {
    if (offset >= this.#received) return this.#received;
    if (!this.#hash) return this.#received = offset;
    const kept = this.#checkpoints.filter(({ at }) => at <= offset);
    const { at, hash } = kept.at(-1)!;
    this.#checkpoints = kept;
    this.#hash = hash.copy();
    this.#received = at;
    return at;
  }

  /**
   * Checks all the content that was taken.
   *
   * @throws {HangarError} `network` (temporary) when content ended early,
   * `content-mismatch` when its digest differs.
   */
  finish(): void {
    if (this.#received < this.#expected.size) {
      throw new HangarError(
        "network",
        `content of ${this.#expected.digest} ended after ${this.#received} of ${this.#expected.size} bytes`,
        { temporary: true },
      );
    }
    if (!this.#hash) return;
    const algorithm = digestAlgorithm(this.#expected.digest);
    // A copy, since the content may have to be checked once more.
    const actual = `${algorithm}:${this.#hash.copy().digest("hex")}`;
    if (actual !== this.#expected.digest) {
      throw new HangarError(
        "content-mismatch",
        `content has digest ${actual}, want ${this.#expected.digest}`,
        { hint: "the source is damaged or the content was altered on the way" },
      );
    }
  }
}

/**
 * Checks whole content against its digest and size.
 *
 * @throws {HangarError} as {@linkcode DigestVerifier} does.
 */
export function verifyBytes(
  bytes: Uint8Array,
  expected: ExpectedContent,
): void {
  const verifier = new DigestVerifier(expected);
  verifier.update(bytes);
  verifier.finish();
}
