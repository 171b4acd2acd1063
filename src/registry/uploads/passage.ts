/**
 * One attempt to bring a blob to an upload, and what its failure says.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import { isTemporaryStatus } from "../../transport/retry.ts";
import { StreamRefused } from "./upload.ts";

/** How far one attempt to send the rest of an upload has come. */
export interface Passage {
  /** Bytes that went out. */
  sent: number;
  /** Whether the request that ends the upload has begun. */
  isFinishing: boolean;
  /** Whether that request carries the content, as a stream. */
  isStreamedPut: boolean;
  /** The size of its chunks; undefined for a stream. */
  chunkBytes?: number;
}

/** Whether a registry does not take a request of this kind. */
export function refusesKind(error: unknown): boolean {
  if (error instanceof StreamRefused) return true;
  if (!(error instanceof HangarError)) return false;
  const { status, temporary } = error;
  return !temporary && status !== undefined &&
    ![401, 403].includes(status);
}

/** Whether an upload has certainly not changed: no byte went out. */
export function isUntouched(error: unknown, passage: Passage): boolean {
  const { sent, isFinishing, isStreamedPut } = passage;
  if (sent > 0 || isFinishing && !isStreamedPut) return false;
  return error instanceof HangarError && error.status !== undefined &&
    (error.status === 401 || isTemporaryStatus(error.status));
}
