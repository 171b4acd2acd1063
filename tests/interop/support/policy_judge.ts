/**
 * containers/image, the library that skopeo and podman judge images by, where
 * Go is at hand to build a program around it (Debian's skopeo has sigstore
 * signatures switched off).
 *
 * @module
 */

import { requireGo } from "./tools.ts";

/** What is to be judged. */
export interface JudgedCase {
  readonly policy: string;
  readonly registriesD: string;
  readonly reference: string;
}

/** A verdict, and why. */
export interface Verdict {
  readonly verdict: string;
  readonly why: string;
}

const SOURCE = new URL("../judge", import.meta.url).pathname;
// What else containers/image can do needs C libraries.
const TAGS = [
  "containers_image_openpgp",
  "exclude_graphdriver_btrfs",
  "exclude_graphdriver_devicemapper",
];

/** The library's verdicts; undefined where Go is not at hand. */
export async function policyJudge(
  cases: readonly JudgedCase[],
): Promise<Verdict[] | undefined> {
  const go = requireGo();
  if (!go) return undefined;
  const binary = await Deno.makeTempFile();
  try {
    const built = await new Deno.Command(go, {
      args: ["build", "-tags", TAGS.join(), "-o", binary, "."],
      cwd: SOURCE,
    }).output();
    if (!built.success) {
      throw new Error(new TextDecoder().decode(built.stderr));
    }
    const child = new Deno.Command(binary, {
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    const lines = cases.map(({ policy, registriesD, reference }) =>
      `${policy}\t${registriesD}\t${reference}\t\n`
    );
    await writer.write(new TextEncoder().encode(lines.join("")));
    await writer.close();
    const { stdout } = await child.output();
    return new TextDecoder().decode(stdout).trimEnd().split("\n").map(
      (line) => {
        const [verdict = "", why = ""] = line.split("\t");
        return { verdict, why };
      },
    );
  } finally {
    await Deno.remove(binary);
  }
}
