/**
 * The flags of the commands on images that are in place: those of a list, with
 * the names that Go hangar has for them too.
 *
 * @module
 */

import type { PlatformFilter } from "../../oci/platform.ts";
import { AUTO_YES_FLAG } from "../commands/image/confirm.ts";
import type { FlagSpec, FlagValues } from "./flags.ts";
import { LIST_FLAGS, PLATFORM_FLAGS, platformFilterOf } from "./list_flags.ts";
import { SIGN_FLAGS } from "./sign_options.ts";

/** What differs from the flags of the same names elsewhere. */
const OTHERWISE: Readonly<Record<string, Partial<FlagSpec>>> = {
  "arch": {
    default: ["all"],
    help: "architecture list of the parts of multi-arch images",
  },
  "os": {
    default: ["all"],
    help: "OS list of the parts of multi-arch images",
  },
  "destination": { alsoNamed: ["registry"] },
  "destination-project": { alsoNamed: ["project"] },
  "report": { short: "r" },
  "sigstore-private-key": {
    short: "p",
    // -k and --sigstore-key up to 1.8, -p and --key from 1.9 on.
    alsoShort: "k",
    alsoNamed: ["key", "sigstore-key"],
    help: "sign images by this sigstore private key",
  },
  "sigstore-passphrase-file": { alsoNamed: ["passphrase-file"] },
};

const inPlace = (flags: readonly FlagSpec[]): FlagSpec[] =>
  flags.map((flag) => ({ ...flag, ...OTHERWISE[flag.name] }));

/** Flags of `sign` and `sign validate`. */
export const IN_PLACE_FLAGS: readonly FlagSpec[] = inPlace([
  ...LIST_FLAGS,
  ...PLATFORM_FLAGS,
  AUTO_YES_FLAG,
]);

/** Flags of `sign`. */
export const SIGN_IN_PLACE_FLAGS: readonly FlagSpec[] = [
  ...inPlace(SIGN_FLAGS),
  {
    name: "tlog-upload",
    type: "bool",
    default: false,
    help:
      "record signatures in Sigstore's public log, or in that of --rekor-url (with --sign-format bundle)",
  },
];

/** Which parts of multi-arch images are meant; undefined for all of them. */
export function partsFilterOf(values: FlagValues): PlatformFilter | undefined {
  const isGiven = PLATFORM_FLAGS.some(({ name }) => values.given(name));
  return isGiven ? platformFilterOf(values, ["all"]) : undefined;
}
