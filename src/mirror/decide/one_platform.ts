/**
 * Which entry of an index is the one for a platform.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import type { OnePlatform } from "../../lists/entry_settings.ts";
import {
  attestationSubject,
  type Descriptor,
  type IndexManifest,
} from "../../oci/manifest.ts";
import {
  formatPlatform,
  matchesFilter,
  type Platform,
  platformKey,
} from "../../oci/platform.ts";

/**
 * The entry that a machine of this platform would run: one of the same variant,
 * or else the highest one below it. Of several builds of Windows, the newest.
 */
export function findPlatform(
  entries: readonly Descriptor[],
  wanted: OnePlatform,
): Descriptor | undefined {
  const { os, architecture } = wanted;
  const limit = variantOf(wanted);
  const candidates = entries.flatMap((descriptor) => {
    const { platform } = descriptor;
    if (!platform || attestationSubject(descriptor) !== undefined) return [];
    const isSame = matchesFilter(
      { architectures: [{ os, architecture }] },
      platform,
    );
    const variant = variantOf(platform);
    return isSame && variant <= limit && isBuild(platform, wanted)
      ? [{ descriptor, platform, variant }]
      : [];
  });
  // The first of equal ones stays the first.
  return candidates.toSorted((a, b) =>
    b.variant - a.variant || compareBuilds(b.platform, a.platform)
  )[0]?.descriptor;
}

/** `v7` is 7; what is not said is the default of the architecture. */
function variantOf(platform: Platform): number {
  const variant = platformKey({ ...platform, osVersion: undefined }).split("/")
    .at(2) ?? "";
  return Number(/\d+/.exec(variant)?.[0] ?? 0);
}

/** The fourth number of a build is its patch level. */
function isBuild({ os, osVersion }: Platform, wanted: OnePlatform): boolean {
  if (os !== "windows" || wanted.osVersion === undefined) return true;
  const build = (version = "") => version.split(".").slice(0, 3).join(".");
  return build(osVersion) === build(wanted.osVersion);
}

function compareBuilds(a: Platform, b: Platform): number {
  const [x, y] = [a, b].map(({ osVersion = "" }) =>
    osVersion.split(".").map(Number)
  );
  for (let i = 0; i < Math.max(x!.length, y!.length); i++) {
    const order = (x![i] || 0) - (y![i] || 0);
    if (order !== 0) return order;
  }
  return 0;
}

/** The error about an index that lacks the platform. */
export function noPlatform(
  { entries }: IndexManifest,
  wanted: OnePlatform,
  place: string,
): HangarError {
  const names = entries.flatMap(({ platform }) =>
    platform ? [formatPlatform(platform)] : []
  );
  return new HangarError(
    "not-found",
    `source ${place} has no image for ${formatPlatform(wanted)}: there is ${
      [...new Set(names)].join(", ") || "nothing with a platform"
    }`,
  );
}
