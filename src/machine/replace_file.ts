/**
 * Files that are replaced whole or not at all.
 *
 * @module
 */

/** How {@linkcode replaceFile} replaces a file. */
export interface ReplaceOptions {
  /**
   * The permission bits of the new file, set when it is created.
   *
   * @default {those of the replaced file if the user owns it, else those that
   * the umask gives}
   */
  readonly mode?: number;
  /**
   * Whether a symbolic link stays, and the file behind it is replaced, as docker
   * does with its config.json. Only links of the user's own or of root are
   * followed.
   *
   * @default {false}, since a link in a shared directory may lead to another
   * user's file
   */
  readonly followLink?: boolean;
}

/** The path of a temporary file, which is renamed to the final path. */
export function temporaryBeside(path: string): string {
  // In the same directory, or the rename would not be atomic.
  return `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
}

/**
 * Writes text to a file, and replaces a file that is there. Anything but a
 * plain file, such as `/dev/stdout`, is not replaced but written to.
 *
 * @throws the error of the system; then no temporary file is left behind
 */
export async function replaceFile(
  path: string,
  pieces: Iterable<string>,
  { mode, followLink = false }: ReplaceOptions = {},
): Promise<void> {
  const there = await Deno.stat(path).catch(() => undefined);
  if (there && !there.isFile) {
    return await writePieces(path, { write: true }, pieces);
  }
  const place = followLink ? await behindLink(path) : path;
  const kept = mode === undefined ? await modeToKeep(place) : undefined;
  const temporary = temporaryBeside(place);
  try {
    await writePieces(
      temporary,
      { write: true, createNew: true, mode: mode ?? kept },
      pieces,
    );
    // The umask may have removed bits.
    if (kept !== undefined) await Deno.chmod(temporary, kept);
    await Deno.rename(temporary, place);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

function isOwn({ uid }: Deno.FileInfo): boolean {
  return uid === null || uid === Deno.uid();
}

/**
 * The target of a link, even one that does not exist yet; else the path itself.
 */
async function behindLink(path: string): Promise<string> {
  const info = await Deno.lstat(path).catch(() => undefined);
  if (!info?.isSymlink || !(isOwn(info) || info.uid === 0)) return path;
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const target = await Deno.readLink(path);
    return await behindLink(
      target.startsWith("/")
        ? target
        : `${path.slice(0, path.lastIndexOf("/") + 1)}${target}`,
    );
  }
}

async function modeToKeep(path: string): Promise<number | undefined> {
  if (Deno.build.os === "windows") return undefined;
  const info = await Deno.lstat(path).catch(() => undefined);
  // Another user's file may allow everyone to write to it.
  return info?.isFile && isOwn(info) && info.mode !== null
    ? info.mode & 0o777
    : undefined;
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
