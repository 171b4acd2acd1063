/**
 * Tars as anyone may make them (POSIX ustar).
 *
 * @module
 */

/** An entry of a tar. */
export interface TarredFile {
  readonly name: string;
  /** @default {none} */
  readonly bytes?: Uint8Array;
  /** `0` file, `1` hard link, `2` link, `3` device, `5` directory. @default {"0"} */
  readonly type?: string;
  /** Where a link leads. */
  readonly link?: string;
  /** What the header says of the size. @default {the size} */
  readonly claimedSize?: number;
}

/** Writes a tar. */
export function writeTar(
  files: readonly TarredFile[],
): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (const { name, bytes, type = "0", link = "", claimedSize } of files) {
    const content = new Uint8Array(bytes ?? new Uint8Array(0));
    const header = new Uint8Array(512);
    const put = (text: string, at: number) =>
      header.set(new TextEncoder().encode(text), at);
    const octal = (value: number, digits: number) =>
      `${value.toString(8).padStart(digits, "0")}\0`;
    put(name, 0);
    put(octal(0o644, 7), 100);
    put(octal(0, 7), 108);
    put(octal(0, 7), 116);
    put(octal(claimedSize ?? content.byteLength, 11), 124);
    put(octal(0, 11), 136);
    put("        ", 148);
    put(type, 156);
    put(link, 157);
    put("ustar\x0000", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    const padding = (512 - content.byteLength % 512) % 512;
    pieces.push(header, content, new Uint8Array(padding));
  }
  pieces.push(new Uint8Array(1024));
  const whole = new Uint8Array(
    pieces.reduce((sum, piece) => sum + piece.byteLength, 0),
  );
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}
