/**
 * Files that are replaced whole or not at all.
 *
 * @module
 */

/** The file to write to before it takes its place. */
export function temporaryBeside(path: string): string {
  // In the same directory, or the rename would not be atomic.
  return `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
}

/**
 * Puts text in the place of whatever file is there. A symbolic link to a file is
 * replaced and never followed: in a shared directory it may lead into somebody
 * else's. What is no plain file, such as `/dev/stdout`, is written to.
 *
 * @param options `mode` is that of a file that is made, from the start
 * @throws what the system says; then nothing is left behind
 */
export async function replaceFile(
  path: string,
  pieces: Iterable<string>,
  options: { readonly mode?: number } = {},
): Promise<void> {
  const there = await Deno.stat(path).catch(() => undefined);
  if (there && !there.isFile) {
    return await writePieces(path, { write: true }, pieces);
  }
  const temporary = temporaryBeside(path);
  try {
    const created = { ...options, write: true, createNew: true };
    await writePieces(temporary, created, pieces);
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

async function writePieces(
  path: string,
  options: Deno.OpenOptions,
  pieces: Iterable<string>,
): Promise<void> {
  using file = await Deno.open(path, options);
  const encoder = new TextEncoder();
  for (const piece of pieces) {
    let bytes = encoder.encode(piece);
    while (bytes.length > 0) bytes = bytes.subarray(await file.write(bytes));
  }
}
