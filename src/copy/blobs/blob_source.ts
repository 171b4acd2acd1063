/**
 * A blob that is read from its source: checked while it is read, unless who gets
 * it checks it, and continued after a break.
 *
 * @module
 */

import type { Attempts } from "../../attempts.ts";
import type { ByteReader } from "../../bytes.ts";
import { DigestVerifier } from "../../oci/digest.ts";
import type { Descriptor } from "../../oci/manifest.ts";
import type { UploadSource } from "../../oci/store.ts";

/**
 * After so many new bytes, a broken transfer counts its attempts from the
 * start.
 */
const PROGRESS_BYTES = 64 * 1024;

/** Options of a {@linkcode BlobSource}. */
export interface BlobSourceOptions {
  readonly blob: Descriptor;
  /** Opens the content from an offset on; called again after a break. */
  readonly open: (offset: number, signal: AbortSignal) => Promise<ByteReader>;
  readonly attempts: Attempts;
  readonly signal: AbortSignal;
  /**
   * Whether the digest is checked by whoever gets the content; asked with each
   * piece. Then only the size is checked here.
   *
   * @default {it is not}
   */
  readonly isCheckedElsewhere?: () => boolean;
  /** Called with the number of bytes that go out. */
  readonly onBytes?: (count: number) => void;
  /** Called with the number of bytes that are about to go out again. */
  readonly onResent?: (count: number) => void;
}

/** Reads one blob, as often as it has to be sent. */
export class BlobSource implements UploadSource {
  readonly #options: BlobSourceOptions;
  readonly #verifier: DigestVerifier;
  #reader?: ByteReader;
  /** The reader that the last piece came from. */
  #giver?: ByteReader;
  #fault?: { readonly error: unknown };
  /** The offset of the next piece to hand on. */
  #position = 0;
  /** The highest offset up to which bytes went out. */
  #sent = 0;
  #sinceBreak = 0;
  /** The number of the reader that may read. */
  #turn = 0;

  constructor(options: BlobSourceOptions) {
    this.#options = options;
    this.#verifier = new DigestVerifier(options.blob);
  }

  /** Whether all that was read was checked against the digest here. */
  get isHashed(): boolean {
    return this.#verifier.isHashing;
  }

  get fault(): { readonly error: unknown } | undefined {
    return this.#fault;
  }

  async openAt(offset: number): Promise<ByteReader> {
    if (offset !== this.#verifier.received) await this.#close();
    const turn = ++this.#turn;
    this.#verifier.rewind(offset);
    this.#position = offset;
    return {
      read: () => this.#read(turn),
      cancel: async () => {
        if (turn !== this.#turn) return;
        this.#turn++;
        await this.#close();
      },
      release: (piece) => this.#giver?.release?.(piece),
    };
  }

  sent(offset: number, count: number): void {
    const again = Math.min(count, Math.max(0, this.#sent - offset));
    if (again > 0) this.#options.onResent?.(again);
    this.#sent = Math.max(this.#sent, offset + count);
    this.#options.onBytes?.(count);
  }

  async #read(turn: number): Promise<Uint8Array | undefined> {
    const { signal, attempts } = this.#options;
    while (true) {
      this.#checkTurn(turn);
      try {
        signal.throwIfAborted();
        const chunk = await this.#next(turn);
        if (!chunk) return undefined;
        this.#sinceBreak += chunk.byteLength;
        const handed = this.#handOn(chunk);
        if (handed) return handed;
        this.#giver?.release?.(chunk);
      } catch (error) {
        this.#checkTurn(turn);
        await this.#close();
        if (this.#sinceBreak >= PROGRESS_BYTES) attempts.progressed();
        this.#sinceBreak = 0;
        await attempts.failed(error, signal).catch((final) => {
          this.#fault = { error: final };
          throw final;
        });
      }
    }
  }

  async #next(turn: number): Promise<Uint8Array | undefined> {
    const { open, signal } = this.#options;
    if (!this.#reader) {
      const opened = await open(this.#verifier.received, signal);
      if (turn !== this.#turn) await opened.cancel();
      this.#checkTurn(turn);
      this.#reader = opened;
    }
    this.#giver = this.#reader;
    const chunk = await this.#reader.read();
    this.#checkTurn(turn);
    if (this.isHashed && this.#options.isCheckedElsewhere?.()) {
      this.#verifier.stopHashing();
    }
    if (chunk) this.#verifier.update(chunk);
    else this.#verifier.finish();
    return chunk;
  }

  /** A broken request may still ask for more when the next one has begun. */
  #checkTurn(turn: number): void {
    if (turn !== this.#turn) throw new Error("this reader is closed");
  }

  /** The part of a piece that was not handed on before a rewind. */
  #handOn(chunk: Uint8Array): Uint8Array | undefined {
    const end = this.#verifier.received;
    const fresh = end - this.#position;
    if (fresh <= 0) return undefined;
    this.#position = end;
    return fresh < chunk.byteLength
      ? chunk.subarray(chunk.byteLength - fresh)
      : chunk;
  }

  async #close(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    await reader?.cancel();
  }
}
