/**
 * Byte ranges of a blob (RFC 9110, section 14).
 *
 * @module
 */

/** The bytes that a `Range` header asks for, both ends included. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/**
 * The range of a body of some size: undefined for all of it, which is also the
 * answer to several ranges at once and to other units.
 */
export function parseRange(
  header: string | undefined,
  size: number,
): ByteRange | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ??
    [];
  if (first === "" && last === "") return undefined;
  const range = first === ""
    ? { from: Math.max(0, size - Number(last)), to: size - 1 }
    : {
      from: Number(first),
      to: last === "" ? size - 1 : Math.min(Number(last), size - 1),
    };
  return range.from <= range.to ? range : "unsatisfiable";
}
