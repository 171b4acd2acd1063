/**
 * Platforms as an index names them (image-spec, image-index.md), and the
 * choice of platforms that the user makes with `--arch` and `--os`.
 *
 * @module
 */

import { HangarError } from "../errors.ts";

/** What an image runs on. Names as in Go's `GOOS` and `GOARCH`. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  /** `os.version`: on Windows the build, such as `10.0.20348.2322`. */
  readonly osVersion?: string;
  /** `os.features`, such as `win32k`. */
  readonly osFeatures?: readonly string[];
}

/** An architecture as the user writes it, `arch` or `arch/variant`. */
export interface ArchitectureChoice {
  readonly architecture: string;
  readonly variant?: string;
}

/** Which platforms are wanted; `undefined` stands for all. */
export interface PlatformFilter {
  readonly architectures?: readonly ArchitectureChoice[];
  readonly oses?: readonly string[];
}

// The names that uname, Debian and RPM use for what Go calls otherwise; the
// same set as containerd's platforms package normalizes.
const ARCHITECTURE_ALIASES: Readonly<Record<string, ArchitectureChoice>> = {
  "x86_64": { architecture: "amd64" },
  "x86-64": { architecture: "amd64" },
  "aarch64": { architecture: "arm64" },
  "armhf": { architecture: "arm", variant: "v7" },
  "armv7l": { architecture: "arm", variant: "v7" },
  "armv7": { architecture: "arm", variant: "v7" },
  "armel": { architecture: "arm", variant: "v6" },
  "armv6l": { architecture: "arm", variant: "v6" },
  "armv6": { architecture: "arm", variant: "v6" },
  "i386": { architecture: "386" },
  "i686": { architecture: "386" },
  "x86": { architecture: "386" },
  "ppc64el": { architecture: "ppc64le" },
  "mips64el": { architecture: "mips64le" },
  "mipsel": { architecture: "mipsle" },
};

const OS_ALIASES: Readonly<Record<string, string>> = { "macos": "darwin" };

// A missing variant means this one (image-spec; containerd/platforms).
const DEFAULT_VARIANTS: Readonly<Record<string, string>> = {
  "amd64": "v1",
  "arm": "v7",
  "arm64": "v8",
};

const WORD = /^[a-z0-9][a-z0-9._-]*$/;

function normalizeVariant(variant: string): string {
  const lower = variant.toLowerCase();
  return /^\d+$/.test(lower) ? `v${lower}` : lower;
}

function normalizeArchitecture(
  architecture: string,
  variant: string | undefined,
): ArchitectureChoice {
  const lower = architecture.toLowerCase();
  const known = ARCHITECTURE_ALIASES[lower] ?? { architecture: lower };
  return variant
    ? { architecture: known.architecture, variant: normalizeVariant(variant) }
    : known;
}

function normalizeOs(os: string): string {
  const lower = os.toLowerCase();
  return OS_ALIASES[lower] ?? lower;
}

function wordsOf(values: readonly string[], flag: string): string[] {
  const words = values.map((value) => value.trim().toLowerCase());
  if (words.length === 0 || words.includes("")) {
    throw new HangarError(
      "usage",
      `invalid value ${
        JSON.stringify(values.join(","))
      } for ${flag}: it names nothing`,
    );
  }
  return words;
}

/**
 * Parses the values of `--arch` and `--os`.
 *
 * @throws {HangarError} `usage`, naming the flag and the value.
 */
export function parsePlatformFilter(
  architectures: readonly string[],
  oses: readonly string[],
): PlatformFilter {
  const archWords = wordsOf(architectures, "--arch");
  const osWords = wordsOf(oses, "--os");
  const refuse = (flag: string, word: string, want: string): never => {
    throw new HangarError(
      "usage",
      `invalid value ${JSON.stringify(word)} for ${flag}: want ${want}`,
    );
  };
  const choices = archWords.filter((word) => word !== "all").map((word) => {
    const [architecture = "", variant, ...rest] = word.split("/");
    if (
      rest.length > 0 || !WORD.test(architecture) ||
      (variant !== undefined && !WORD.test(variant))
    ) {
      refuse("--arch", word, "ARCH or ARCH/VARIANT, such as amd64 or arm/v7");
    }
    return normalizeArchitecture(architecture, variant);
  });
  const names = osWords.filter((word) => word !== "all").map((word) => {
    if (!WORD.test(word)) refuse("--os", word, "a name such as linux");
    return normalizeOs(word);
  });
  return {
    architectures: archWords.includes("all") ? undefined : choices,
    oses: osWords.includes("all") ? undefined : names,
  };
}

/** Whether a filter lets everything through. */
export function selectsEverything(filter: PlatformFilter): boolean {
  return filter.architectures === undefined && filter.oses === undefined;
}

/**
 * Whether judging a platform of this OS and architecture needs its variant:
 * only where the user asked for one.
 */
export function filterNeedsVariant(
  filter: PlatformFilter,
  platform: Platform,
): boolean {
  const { architecture } = normalizeArchitecture(platform.architecture, "");
  return filter.architectures?.some((choice) =>
    choice.architecture === architecture && choice.variant !== undefined
  ) ?? false;
}

/** Whether a platform is among those wanted. */
export function matchesFilter(
  filter: PlatformFilter,
  platform: Platform,
): boolean {
  if (filter.oses && !filter.oses.includes(normalizeOs(platform.os))) {
    return false;
  }
  if (!filter.architectures) return true;
  const { architecture, variant } = normalizeArchitecture(
    platform.architecture,
    platform.variant,
  );
  return filter.architectures.some((choice) =>
    choice.architecture === architecture &&
    (choice.variant === undefined ||
      choice.variant === (variant ?? DEFAULT_VARIANTS[architecture] ?? ""))
  );
}

/**
 * A key that is equal for platforms of which an index holds one: a missing
 * variant is the default one, and a Windows build counts by the first three
 * parts of its version (the fourth is the patch level).
 */
export function platformKey(platform: Platform): string {
  const os = normalizeOs(platform.os);
  const { architecture, variant } = normalizeArchitecture(
    platform.architecture,
    platform.variant,
  );
  const parts = [
    os,
    architecture,
    variant ?? DEFAULT_VARIANTS[architecture] ?? "",
  ];
  if (os === "windows") {
    parts.push((platform.osVersion ?? "").split(".").slice(0, 3).join("."));
  } else if (platform.osVersion || platform.osFeatures?.length) {
    parts.push(platform.osVersion ?? "");
    parts.push([...(platform.osFeatures ?? [])].sort().join(","));
  }
  return parts.join("/");
}

/** A platform for people: `linux/arm/v7`, `windows/amd64 10.0.20348.1`. */
export function formatPlatform(platform: Platform): string {
  const name = [platform.os, platform.architecture, platform.variant]
    .filter(Boolean).join("/");
  return platform.osVersion ? `${name} ${platform.osVersion}` : name;
}
