/**
 * The operating systems and architectures that Go knows, and so images name
 * (image-spec, config.md: `GOOS` and `GOARCH`).
 *
 * @module
 */

import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** Go's `internal/syslist`, and `wasi`, which Docker writes for WebAssembly. */
export const OSES: readonly string[] = [
  ...["linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "solaris"],
  ...["aix", "android", "dragonfly", "hurd", "illumos", "ios", "js", "nacl"],
  ...["plan9", "wasip1", "wasi", "zos"],
];

/** Go's `internal/syslist`. */
export const ARCHITECTURES: readonly string[] = [
  ...["amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64"],
  ...["mips64le", "mips64", "mipsle", "mips", "loong64", "ppc64", "wasm"],
  ...["amd64p32", "arm64be", "armbe", "mips64p32", "mips64p32le", "ppc"],
  ...["riscv", "s390", "sparc", "sparc64"],
];

/** The known name nearest to a mistyped one; undefined where none is near. */
export function nearestName(
  word: string,
  names: readonly string[],
): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  // A long text is not a typo, and would take long to compare.
  if (word.length > 32) return undefined;
  for (const name of names) {
    const distance = levenshteinDistance(word, name);
    if (distance < least && distance < name.length) {
      [best, least] = [name, distance];
    }
  }
  return best;
}
