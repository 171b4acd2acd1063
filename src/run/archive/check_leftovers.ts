/**
 * Checks what a run has left that did not end: it may have been killed, or its
 * disk pulled, between two writes.
 *
 * @module
 */

import { counted } from "../../counted.ts";
import type { Medium } from "../../layout/medium.ts";
import type { Content } from "../../layout/content.ts";
import { type Digest, DigestVerifier } from "../../oci/digest.ts";
import type { Console } from "../../report/console.ts";
import { formatBytes } from "../../report/format.ts";
import type { ArchiveTarget } from "./archive_target.ts";

/**
 * Reads and hashes what an earlier run has left, and gives up what is damaged.
 *
 * @param checked what an earlier call has checked
 * @returns what need not be checked again
 */
export async function checkLeftovers(
  { medium, held }: ArchiveTarget,
  console: Console,
  signal: AbortSignal,
  checked: Iterable<Digest> = [],
): Promise<Set<Digest>> {
  const known = new Set([...held.map(({ digest }) => digest), ...checked]);
  const left: Content[] = [];
  for await (const content of medium.leftovers()) {
    if (known.has(content.digest)) continue;
    known.add(content.digest);
    left.push(content);
  }
  if (left.length === 0) return known;
  const bytes = left.reduce((sum, { size }) => sum + size, 0);
  console.info(
    `${medium.name}: an earlier run has left ${
      formatBytes(bytes)
    } there, which are checked first`,
  );
  let damaged = 0;
  for (const content of left) {
    signal.throwIfAborted();
    if (await isWhole(medium, content)) continue;
    damaged++;
    await medium.forget(content.digest);
  }
  if (damaged === 0) return known;
  console.warn(
    `${medium.name}: ${
      counted(damaged, "blob")
    } of it are damaged, and fetched once more`,
  );
  return known;
}

/** Whether some content has the bytes that its digest promises. */
export async function isWhole(
  medium: Pick<Medium, "open">,
  content: Content,
): Promise<boolean> {
  const reader = await medium.open(content, 0);
  const verifier = new DigestVerifier(content);
  try {
    for (let piece; (piece = await reader.read());) verifier.update(piece);
    verifier.finish();
    return true;
  } catch {
    return false;
  } finally {
    await reader.cancel();
  }
}
