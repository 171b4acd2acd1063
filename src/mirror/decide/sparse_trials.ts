/**
 * Which registries take an index while they lack entries of it: learned from
 * their answers.
 *
 * @module
 */

import { KeyedLock } from "../../copy/keyed_lock.ts";
import { HangarError, isRefusal } from "../../errors.ts";

/** Codes by which registries say that an index names what they do not hold. */
const LACKING = new Set([
  "BLOB_UNKNOWN",
  "MANIFEST_BLOB_UNKNOWN",
  "MANIFEST_UNKNOWN",
]);

/** Statuses that may mean the same, and may mean something else. */
const DOUBTFUL = new Set([400, 404, 422]);

/** A registry did not take an index of which it lacks entries. */
export class IndexRefused extends Error {
  /** Whether the answer can mean nothing else. */
  readonly isCertain: boolean;

  /** @param reason the registry's answer */
  constructor(reason: HangarError) {
    super(reason.message, { cause: reason });
    this.isCertain = reason.registryCodes.some((code) => LACKING.has(code));
  }

  /** The status and the codes of the answer. */
  get answer(): string {
    const { cause } = this;
    if (!(cause instanceof HangarError)) return this.message;
    return [cause.status, ...new Set(cause.registryCodes)].filter(Boolean)
      .join(" ");
  }
}

/** What is known, in this run, of registries that were sent such indexes. */
export class SparseTrials {
  readonly #refusing = new Set<string>();
  readonly #taking = new Set<string>();
  readonly #lock = new KeyedLock();

  /** Whether a store is known to refuse them. */
  refuses(storeId: string): boolean {
    return this.#refusing.has(storeId);
  }

  /** Notes that a store refuses them; gives whether that is new. */
  learn(storeId: string): boolean {
    const isNew = !this.#refusing.has(storeId);
    this.#refusing.add(storeId);
    return isNew;
  }

  /**
   * Pushes one. Until it is known whether the store takes them, one push is tried
   * at a time.
   *
   * @throws {IndexRefused} when the store refuses it, as it may refuse others
   */
  async put(
    storeId: string,
    signal: AbortSignal,
    put: () => Promise<void>,
  ): Promise<void> {
    if (this.#taking.has(storeId)) return await attempt(put);
    await this.#lock.run(storeId, signal, async () => {
      if (this.refuses(storeId)) {
        throw new IndexRefused(
          new HangarError("registry", "it refused another one", {
            registryCodes: ["MANIFEST_BLOB_UNKNOWN"],
          }),
        );
      }
      await attempt(put);
      this.#taking.add(storeId);
    });
  }
}

async function attempt(put: () => Promise<void>): Promise<void> {
  try {
    await put();
  } catch (error) {
    throw isSparseRefusal(error) ? new IndexRefused(error) : error;
  }
}

function isSparseRefusal(error: unknown): error is HangarError {
  if (!(error instanceof HangarError)) return false;
  return error.registryCodes.some((code) => LACKING.has(code)) ||
    isRefusal(error) && DOUBTFUL.has(error.status);
}
