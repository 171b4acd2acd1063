/**
 * Platforms as regsync writes them: `linux/arm/v7`, `amd64`,
 * `windows/amd64,osver=10.0.17763`.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import {
  parsePlatformFilter,
  type PlatformFilter,
} from "../../oci/platform.ts";
import type { OnePlatform } from "../entry_settings.ts";

/**
 * Parses one platform. A lone architecture is one of linux.
 *
 * @throws {HangarError} `usage`
 */
export function parseOnePlatform(text: string): OnePlatform {
  const [name = "", ...rest] = text.split(",");
  const osVersion = rest.map((part) => /^\s*osver(?:sion)?=(.+)$/.exec(part));
  if (osVersion.some((match) => !match) || osVersion.length > 1) {
    throw new HangarError(
      "usage",
      `${JSON.stringify(text)}: want OS/ARCH, or OS/ARCH,osver=VERSION`,
    );
  }
  const { architectures } = filterOf([name]);
  const [choice] = architectures ?? [];
  if (!choice) {
    throw new HangarError(
      "usage",
      `${JSON.stringify(text)} is not one platform`,
    );
  }
  return {
    os: choice.os ?? "linux",
    architecture: choice.architecture,
    variant: choice.variant,
    osVersion: osVersion[0]?.[1]?.trim(),
  };
}

/**
 * Parses several platforms.
 *
 * @throws {HangarError} `usage`
 */
export function parsePlatforms(texts: readonly string[]): PlatformFilter {
  // Entries without a platform, which "" stands for, are always selected.
  const named = texts.filter((text) => text !== "");
  const choices = named.map(parseOnePlatform);
  const withVersion = choices.find((choice) => choice.osVersion !== undefined);
  if (withVersion || choices.length === 0) {
    throw new HangarError(
      "usage",
      withVersion
        ? "osver is for platform, which names one: platforms takes all builds"
        : "it names no platform",
    );
  }
  return { architectures: choices };
}

function filterOf(names: readonly string[]): PlatformFilter {
  return parsePlatformFilter({
    platforms: names.map((name) => name.includes("/") ? name : `linux/${name}`),
  });
}
