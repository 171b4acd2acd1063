import {
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { HangarError } from "../../src/errors.ts";
import {
  matchesFilter,
  parsePlatformFilter,
  type Platform,
  platformKey,
} from "../../src/oci/platform.ts";

function platform(text: string, osVersion?: string): Platform {
  const [os = "", architecture = "", variant] = text.split("/");
  return { os, architecture, variant, osVersion };
}

for (
  const [arch, os, text, want] of [
    ["amd64", "linux", "linux/amd64", true],
    ["AMD64", "Linux", "linux/amd64", true],
    ["x86_64", "linux", "linux/amd64", true],
    ["aarch64", "linux", "linux/arm64/v8", true],
    ["arm64", "linux", "linux/arm64", true],
    ["arm", "linux", "linux/arm/v6", true],
    ["arm/v7", "linux", "linux/arm/v6", false],
    ["arm/v7", "linux", "linux/arm", true],
    ["arm/7", "linux", "linux/arm/v7", true],
    ["armhf", "linux", "linux/arm/v7", true],
    ["armhf", "linux", "linux/arm/v6", false],
    ["arm64/v8", "linux", "linux/arm64", true],
    ["amd64", "linux", "windows/amd64", false],
    ["all", "linux", "linux/s390x", true],
    ["all", "linux", "windows/amd64", false],
    ["amd64", "all", "windows/amd64", true],
    ["amd64", "linux", "unknown/unknown", false],
    ["all", "all", "unknown/unknown", true],
  ] as const
) {
  Deno.test(`--arch ${arch} --os ${os} ${want ? "takes" : "leaves"} ${text}`, () => {
    const filter = parsePlatformFilter({ architectures: [arch], oses: [os] });
    assertEquals(matchesFilter(filter, platform(text)), want);
  });
}

for (
  const [arch, os, message] of [
    ["", "linux", "--arch"],
    ["amd64", "", "--os"],
    ["arm/v7/x", "linux", '"arm/v7/x" for --arch'],
    ["a b", "linux", '"a b" for --arch'],
    ["amd64", "li nux", '"li nux" for --os'],
  ] as const
) {
  Deno.test(`--arch "${arch}" --os "${os}" is refused by name`, () => {
    const error = assertThrows(
      () => parsePlatformFilter({ architectures: [arch], oses: [os] }),
      HangarError,
      message,
    );
    assertEquals(error.code, "usage");
  });
}

for (
  const [a, b] of [
    ["linux/arm64", "linux/arm64/v8"],
    ["linux/arm", "linux/arm/v7"],
    ["linux/amd64", "linux/amd64/v1"],
    ["linux/x86_64", "linux/amd64"],
  ] as const
) {
  Deno.test(`${a} and ${b} are one platform`, () => {
    assertEquals(platformKey(platform(a)), platformKey(platform(b)));
  });
}

for (
  const [a, b] of [
    ["linux/arm/v6", "linux/arm"],
    ["linux/amd64/v2", "linux/amd64"],
    ["linux/amd64", "windows/amd64"],
  ] as const
) {
  Deno.test(`${a} and ${b} are two platforms`, () => {
    assertNotEquals(platformKey(platform(a)), platformKey(platform(b)));
  });
}

Deno.test("Windows builds are one platform by three parts of the version", () => {
  const key = (version: string) =>
    platformKey(platform("windows/amd64", version));
  assertEquals(key("10.0.20348.1"), key("10.0.20348.2322"));
  assertNotEquals(key("10.0.20348.1"), key("10.0.17763.1"));
});

for (
  const [platforms, text, want] of [
    [["linux/amd64"], "linux/amd64", true],
    [["linux/amd64"], "windows/amd64", false],
    [["linux/amd64", "windows/arm64"], "windows/amd64", false],
    [["linux/amd64", "windows/arm64"], "windows/arm64", true],
    [["linux/arm/v7"], "linux/arm/v6", false],
    [["LINUX/aarch64"], "linux/arm64", true],
    [["all"], "windows/s390x", true],
  ] as const
) {
  Deno.test(`--platform ${platforms} ${want ? "takes" : "leaves"} ${text}`, () => {
    const filter = parsePlatformFilter({ platforms });
    assertEquals(matchesFilter(filter, platform(text)), want);
  });
}

Deno.test("--arch os/arch is read as a platform, beside plain architectures", () => {
  const filter = parsePlatformFilter({
    architectures: ["windows/amd64", "arm64"],
  });
  const takes = (text: string) => matchesFilter(filter, platform(text));
  assertEquals(
    ["windows/amd64", "linux/arm64", "linux/amd64", "windows/arm64"].map(takes),
    [true, true, false, false],
  );
});

for (
  const [words, ...says] of [
    [{ architectures: ["amd46"] }, '"amd46" for --arch', "amd64"],
    [{ architectures: ["aarch46"] }, '"aarch46" for --arch', "aarch64"],
    [{ oses: ["linus"] }, '"linus" for --os', "linux"],
    [{ platforms: ["linus/amd64"] }, '"linus/amd64" for --platform', "linux"],
    [{ platforms: ["linux/amd46"] }, '"linux/amd46" for --platform', "amd64"],
    [{ platforms: ["linux"] }, '"linux" for --platform', "linux/amd64"],
    [{ architectures: ["linux"] }, '"linux" for --arch', "linux/amd64"],
    [{ platforms: ["linux/arm/v7/x"] }, "for --platform", "ARCH/VARIANT"],
    [{ platforms: ["linux/arm64"], architectures: ["arm64"] }, "contradicts"],
    [{ platforms: ["linux/arm64"], oses: ["linux"] }, "contradicts --os"],
    [{ architectures: ["linux/arm64"], oses: ["linux"] }, "contradicts --os"],
  ] as const
) {
  Deno.test(`${JSON.stringify(words)} is refused, saying ${says}`, () => {
    const error = assertThrows(() => parsePlatformFilter(words), HangarError);
    assertEquals(error.code, "usage");
    for (const text of says) assertStringIncludes(error.message, text);
  });
}
