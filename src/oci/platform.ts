/**
 * Platforms as an index names them (image-spec, image-index.md), and the
 * choice of platforms that the user makes with `--platform`, or `--arch` and
 * `--os`.
 *
 * @module
 */

import { HangarError, invalidFlag } from "../errors.ts";
import { ARCHITECTURES, nearestName, OSES } from "./platform_names.ts";

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

/** An architecture as the user writes it, `[os/]arch[/variant]`. */
export interface ArchitectureChoice {
  /** Where it is given, the OSes of the filter do not count. */
  readonly os?: string;
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
    throw invalidFlag(flag, values.join(","), "it names nothing");
  }
  return words;
}

/** A choice of platforms in the user's words; what is not given is default. */
export interface PlatformWords {
  /** `--platform`, which replaces the others. */
  readonly platforms?: readonly string[];
  /** `--arch`. @default {["amd64", "arm64"]} */
  readonly architectures?: readonly string[];
  /** `--os`. @default {["linux"]} */
  readonly oses?: readonly string[];
}

/** The choice that is used by default. */
export const DEFAULT_WORDS: Required<Omit<PlatformWords, "platforms">> = {
  architectures: ["amd64", "arm64"],
  oses: ["linux"],
};

/**
 * Parses the values of `--platform`, `--arch` and `--os`.
 *
 * @throws {HangarError} `usage`, naming the flag and the value, and the name
 * that was probably meant
 */
export function parsePlatformFilter(words: PlatformWords): PlatformFilter {
  const { platforms, architectures, oses } = words;
  if (platforms) {
    if (architectures || oses) {
      throw new HangarError(
        "usage",
        `--platform contradicts ${
          architectures ? "--arch" : "--os"
        }: it says both, so give it alone`,
      );
    }
    const texts = wordsOf(platforms, "--platform");
    return texts.includes("all") ? {} : {
      architectures: texts.map((text) => parsePlatform(text, "--platform")),
    };
  }
  const archWords = wordsOf(
    architectures ?? DEFAULT_WORDS.architectures,
    "--arch",
  );
  const choices = archWords.filter((word) => word !== "all").map((word) =>
    isOs(word.split("/")[0]!)
      ? parsePlatform(word, "--arch")
      : parseArchitecture(word, "--arch", word.split("/"))
  );
  const whole = choices.find((choice) => choice.os !== undefined);
  if (whole && oses) {
    throw new HangarError(
      "usage",
      `--arch ${
        formatPlatform({ ...whole, os: whole.os! })
      } names an OS, which contradicts --os: give --platform alone`,
    );
  }
  const osWords = wordsOf(oses ?? DEFAULT_WORDS.oses, "--os");
  const names = osWords.filter((word) => word !== "all").map((word) =>
    checkOs(word, "--os", word)
  );
  return {
    architectures: archWords.includes("all") ? undefined : choices,
    oses: osWords.includes("all") ? undefined : names,
  };
}

function isOs(word: string): boolean {
  return OSES.includes(normalizeOs(word));
}

function checkOs(word: string, flag: string, text: string): string {
  if (isOs(word)) return normalizeOs(word);
  throw unknownName(flag, text, word, "OS", [
    ...OSES,
    ...Object.keys(OS_ALIASES),
  ]);
}

/** `os/arch[/variant]` */
function parsePlatform(text: string, flag: string): ArchitectureChoice {
  const [os = "", ...rest] = text.split("/");
  if (rest.length === 0) {
    throw invalidFlag(
      flag,
      text,
      "want OS/ARCH or OS/ARCH/VARIANT, such as linux/amd64 or linux/arm/v7",
    );
  }
  const name = checkOs(os, flag, text);
  return { ...parseArchitecture(text, flag, rest), os: name };
}

/** `arch[/variant]`, the parts of it given. */
function parseArchitecture(
  text: string,
  flag: string,
  [word = "", variant, ...rest]: readonly string[],
): ArchitectureChoice {
  if (
    rest.length > 0 || !WORD.test(word) ||
    (variant !== undefined && (!WORD.test(variant) || isOs(variant)))
  ) {
    throw invalidFlag(
      flag,
      text,
      "want ARCH or ARCH/VARIANT, such as amd64 or arm/v7",
      variant !== undefined && isOs(variant)
        ? { hint: `give --platform ${variant}/${word}` }
        : {},
    );
  }
  const choice = normalizeArchitecture(word, variant);
  if (ARCHITECTURES.includes(choice.architecture)) return choice;
  throw unknownName(flag, text, word, "architecture", [
    ...ARCHITECTURES,
    ...Object.keys(ARCHITECTURE_ALIASES),
  ]);
}

function unknownName(
  flag: string,
  text: string,
  word: string,
  what: string,
  names: readonly string[],
): HangarError {
  const near = nearestName(word, names);
  return invalidFlag(
    flag,
    text,
    `${JSON.stringify(word)} is no ${what}${
      near === undefined ? "" : `; did you mean ${near}?`
    }`,
  );
}

/** A filter in words: `linux/amd64, linux/arm64`. */
export function formatFilter(filter: PlatformFilter): string {
  const { architectures, oses } = filter;
  if (!architectures) {
    return oses ? oses.map((os) => `${os}/*`).join(", ") : "all";
  }
  return architectures.flatMap(({ os, architecture, variant }) =>
    (os === undefined ? oses ?? ["*"] : [os]).map((os) =>
      formatPlatform({ os, architecture, variant })
    )
  ).join(", ");
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
    choice.architecture === architecture && choice.variant !== undefined &&
    (choice.os === undefined || choice.os === normalizeOs(platform.os))
  ) ?? false;
}

/** Whether a platform is among those wanted. */
export function matchesFilter(
  filter: PlatformFilter,
  platform: Platform,
): boolean {
  const os = normalizeOs(platform.os);
  const isOsWanted = filter.oses?.includes(os) ?? true;
  if (!filter.architectures) return isOsWanted;
  const { architecture, variant } = normalizeArchitecture(
    platform.architecture,
    platform.variant,
  );
  return filter.architectures.some((choice) =>
    choice.architecture === architecture &&
    (choice.os === undefined ? isOsWanted : choice.os === os) &&
    (choice.variant === undefined ||
      choice.variant === (variant ?? DEFAULT_VARIANTS[architecture] ?? ""))
  );
}

/**
 * A key that is equal for platforms that count as one in an index: a missing
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

/**
 * A platform as messages show it: `linux/arm/v7`, `windows/amd64 10.0.20348.1`.
 */
export function formatPlatform(platform: Platform): string {
  const name = [platform.os, platform.architecture, platform.variant]
    .filter(Boolean).join("/");
  return platform.osVersion ? `${name} ${platform.osVersion}` : name;
}
