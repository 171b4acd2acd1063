import { assertEquals, assertThrows } from "@std/assert";
import { RegistriesConf } from "../../src/config/registries_conf.ts";
import { HangarError } from "../../src/errors.ts";
import { formatReference, parseReference } from "../../src/names/reference.ts";

function conf(...texts: string[]): RegistriesConf {
  return new RegistriesConf(
    texts.map((text, i) => ({ name: `${i + 1}.conf`, text })),
  );
}

function places(of: RegistriesConf, reference: string): string[] {
  return of.pullFrom(parseReference(reference)).map(
    ({ reference, insecure }) =>
      `${formatReference(reference)}${insecure ? " insecure" : ""}`,
  );
}

Deno.test("registries.conf: without an entry a reference stays as it is", () => {
  assertEquals(places(conf(""), "quay.io/a/b:1"), ["quay.io/a/b:1"]);
  assertEquals(conf("").isEmpty, true);
  assertEquals(conf('unqualified-search-registries = ["x.io"]').isEmpty, true);
});

Deno.test("registries.conf: insecure belongs to each place by itself", () => {
  const of = conf(`
[[registry]]
location = "quay.io"
[[registry.mirror]]
location = "mirror.example/quay"
insecure = true
`);
  assertEquals(places(of, "quay.io/a/b:1"), [
    "mirror.example/quay/a/b:1 insecure",
    "quay.io/a/b:1",
  ]);
  assertEquals(of.isInsecure(parseReference("quay.io/a/b")), false);
});

Deno.test("registries.conf: a wildcard without location changes no name", () => {
  const of = conf('[[registry]]\nprefix = "*.corp.example"\ninsecure = true');
  assertEquals(places(of, "x.corp.example/a:1"), [
    "x.corp.example/a:1 insecure",
  ]);
  assertEquals(places(of, "corp.example/a:1"), ["corp.example/a:1"]);
  assertEquals(places(of, "y.io/x.corp.example/a:1"), [
    "y.io/x.corp.example/a:1",
  ]);
});

Deno.test("registries.conf: a later file replaces a prefix whole", () => {
  const first =
    '[[registry]]\nprefix = "q.io"\nlocation = "a.io"\n[[registry.mirror]]\nlocation = "m.io"';
  const second = '[[registry]]\nprefix = "q.io"\nlocation = "b.io"';
  assertEquals(places(conf(first, second), "q.io/x:1"), ["b.io/x:1"]);
});

Deno.test("registries.conf: what is blocked is neither read nor written", () => {
  const of = conf(
    '[[registry]]\nlocation = "bad.io"\nblocked = true\n[[registry]]\nlocation = "bad.io/good"',
  );
  const reference = parseReference("bad.io/x:1");
  for (
    const ask of [
      () => of.pullFrom(reference),
      () => of.isInsecure(reference),
      () => of.isInsecureHost("bad.io"),
    ]
  ) {
    const error = assertThrows(ask, HangarError, "1.conf blocks bad.io");
    assertEquals(error.code, "blocked");
  }
  assertEquals(places(of, "bad.io/good/x:1"), ["bad.io/good/x:1"]);
});

Deno.test("registries.conf: what cannot be understood is named by file and place", () => {
  const cases: [string, string][] = [
    ["[registries.insecure]\nregistries = ['x']", "1.conf is in version 1"],
    ["[[registry]", "1.conf is not TOML: line 1"],
    ["registry = 1", "1.conf: registry is not a list of tables"],
    ["registry = [1]", "1.conf: registry 1 is not a table"],
    ["[[registry]]\ninsecure = true", "registry 1 has neither prefix nor"],
    ['[[registry]]\nprefix = "a.io"', "registry 1 (a.io) has no location"],
    ['[[registry]]\nlocation = "https://a.io"', "want HOST[:PORT][/PATH]"],
    ["[[registry]]\nlocation = 7", "registry 1: location is not a string"],
    [
      '[[registry]]\nlocation = "a.io"\ninsecure = "yes"',
      "registry 1: insecure is neither true nor false",
    ],
    [
      '[[registry]]\nlocation = "a.io"\npull-from-mirror = "all"',
      "belongs into its mirrors",
    ],
    [
      '[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\ninsecure = true',
      "registry 1: mirror 1 has no location",
    ],
    [
      '[[registry]]\nlocation = "a.io"\n[[registry.mirror]]\nlocation = "m.io"\npull-from-mirror = "some"',
      'pull-from-mirror is "some"',
    ],
    [
      '[[registry]]\nlocation = "a.io"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "m.io"\npull-from-mirror = "all"',
      "exclude each other",
    ],
    [
      '[[registry]]\nlocation = "a.io"\ninsecure = true\n[[registry]]\nprefix = "b.io"\nlocation = "a.io"',
      "a.io is insecure for a.io and not for b.io",
    ],
  ];
  for (const [text, want] of cases) {
    const error = assertThrows(() => conf(text), HangarError, want);
    assertEquals(error.code, "file", text);
  }
});

Deno.test("registries.conf: a location that gives no reference is an error, not a guess", () => {
  const of = conf('[[registry]]\nprefix = "a.io"\nlocation = "A B"');
  assertThrows(
    () => of.pullFrom(parseReference("a.io/x:1")),
    HangarError,
    "which is not a reference",
  );
});
