import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parseRegistryAddress } from "../../src/names/address.ts";
import { HangarError } from "../../src/errors.ts";
import { formatReference, parseReference } from "../../src/names/reference.ts";

const SHA = `sha256:${"a".repeat(64)}`;
const SHA512 = `sha512:${"b".repeat(128)}`;

const GOOD: readonly [string, string][] = [
  ["nginx", "docker.io/library/nginx:latest"],
  ["nginx:1.25", "docker.io/library/nginx:1.25"],
  ["cnrancher/hangar", "docker.io/cnrancher/hangar:latest"],
  ["docker.io/nginx", "docker.io/library/nginx:latest"],
  ["index.docker.io/library/nginx", "docker.io/library/nginx:latest"],
  ["registry-1.docker.io/a/b", "docker.io/a/b:latest"],
  ["a/b/c:1", "docker.io/a/b/c:1"],
  ["localhost/a", "localhost/a:latest"],
  ["localhost:5000/a/b:c", "localhost:5000/a/b:c"],
  ["registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.9"],
  ["reg.io:5000/a/b/c/d/e:t", "reg.io:5000/a/b/c/d/e:t"],
  ["[::1]:5000/a", "[::1]:5000/a:latest"],
  ["Quay.IO/a/b", "quay.io/a/b:latest"],
  [`a/b@${SHA}`, `docker.io/a/b@${SHA}`],
  [`a/b:t@${SHA}`, `docker.io/a/b:t@${SHA}`],
  [`reg.io/a@${SHA512}`, `reg.io/a@${SHA512}`],
  ["reg.io/a__b/c-d.e", "reg.io/a__b/c-d.e:latest"],
];

for (const [text, want] of GOOD) {
  Deno.test(`reference ${text.slice(0, 40)} is ${want.slice(0, 40)}`, () => {
    assertEquals(formatReference(parseReference(text)), want);
  });
}

for (
  const text of [
    "",
    ":tag",
    "a:",
    "a:b:c",
    "reg.io/Upper",
    "UPPER",
    "a//b",
    "/a",
    "a/",
    "reg.io/",
    "a_-b",
    "-a",
    "reg.io:99999/a",
    "reg..io/a",
    "a@sha256:abc",
    `a@${SHA}x`,
    `a@md5:${"a".repeat(32)}`,
    "a:" + "t".repeat(129),
    "a:-t",
    "a/../b",
    "a b",
    "a\nb",
    "x".repeat(256),
    "http://reg.io/a",
  ]
) {
  Deno.test(`reference ${JSON.stringify(text.slice(0, 30))} is refused`, () => {
    const error = assertThrows(() => parseReference(text), HangarError);
    assertEquals(error.code, "invalid-reference");
  });
}

Deno.test("reference: what parses, formats to what parses the same", () => {
  const component = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,5})?$/);
  const tag = fc.option(fc.stringMatching(/^\w[\w.-]{0,20}$/), {
    nil: undefined,
  });
  fc.assert(
    fc.property(
      fc.array(component, { minLength: 1, maxLength: 5 }),
      fc.constantFrom("", "docker.io/", "reg.io/", "localhost:5000/"),
      tag,
      fc.boolean(),
      (path, registry, tag, pinned) => {
        const text = registry + path.join("/") + (tag ? `:${tag}` : "") +
          (pinned ? `@${SHA}` : "");
        const parsed = parseReference(text);
        const again = parseReference(formatReference(parsed));
        assertEquals({ ...again, explicitRegistry: true }, {
          ...parsed,
          explicitRegistry: true,
        });
      },
    ),
  );
});

Deno.test("reference: no text makes the parser fail otherwise", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    try {
      parseReference(text);
    } catch (error) {
      if (!(error instanceof HangarError)) throw error;
    }
  }));
});

for (
  const [text, want] of [
    ["reg.io", { host: "reg.io" }],
    ["harbor", { host: "harbor" }],
    ["10.0.0.1:5000", { host: "10.0.0.1:5000" }],
    ["[::1]:5000", { host: "[::1]:5000" }],
    ["http://reg.io:80/", { host: "reg.io:80", scheme: "http" }],
    ["HTTPS://Reg.io", { host: "reg.io", scheme: "https" }],
    ["index.docker.io", { host: "docker.io" }],
  ] as const
) {
  Deno.test(`registry address ${text}`, () => {
    assertEquals(parseRegistryAddress(text, "--source"), want);
  });
}

for (
  const [text, shown = text] of [
    [""],
    ["reg.io/project"],
    ["ftp://reg.io"],
    ["u:p@reg.io", "…@reg.io"],
    ["a:0"],
  ] as const
) {
  Deno.test(`registry address ${JSON.stringify(text)} is refused by flag and value`, () => {
    const error = assertThrows(
      () => parseRegistryAddress(text, "--destination"),
      HangarError,
      `${JSON.stringify(shown)} for --destination`,
    );
    assertEquals(error.code, "usage");
  });
}
