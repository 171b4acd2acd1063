import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  AmbiguousJson,
  MAX_JSON_DEPTH,
  parseStrictJson,
} from "../src/strict_json.ts";

const KNOWN = { kind: {}, sites: { "os.kind": {} }, notes: {} };

for (
  const text of [
    '{"kind":1,"Other":2,"other":3}',
    '{"notes":{"kind":1,"Kind":2,"KIND":3}}',
    '{"sites":[{"os.kind":1},{"os.kind":2}]}',
    '{"sites":[{"kind":1}],"kind":{"Sites":1}}',
    '{"other":{"Kind":1,"sıtes":2}}',
    '{"a":"{\\"a\\":1,\\"a\\":2}","b":"\\\\","c":["}","]",","]}',
    '{"":1," ":2,"__proto__":3,"constructor":4}',
    " [ ] ",
    '"kind"',
    "null",
  ]
) {
  Deno.test(`strict JSON: ${text} is read`, () => {
    assertEquals(parseStrictJson(text, KNOWN), JSON.parse(text));
  });
}

for (
  const [text, key] of [
    ['{"kind":1,"kind":1}', '"kind"'],
    ['{"other":1,"other":1}', '"other"'],
    ['{"other":1,"\\u006fther":1}', '"other"'],
    ['{"notes":{"a":1,"a":2}}', '"a"'],
    ['{"a":[[{"b":[],"b":{}}]]}', '"b"'],
    ['{"__proto__":1,"__proto__":2}', '"__proto__"'],
    ['{"\\ud800":1,"\\ud801":2}', '"\ufffd"'],
    ['{"Kind":1}', '"Kind"'],
    ['{"\u212aind":1}', '"\u212aind"'],
    ['{"\\u212aIND":1}', '"\u212aIND"'],
    ['{"\u017fite\u017f":1}', '"\u017fite\u017f"'],
    ['{"sites":{"OS.Kind":1}}', '"OS.Kind"'],
    ['{"sites":[[],{},{"O\u017f.kind":1}]}', '"O\u017f.kind"'],
  ] as const
) {
  Deno.test(`strict JSON: ${text} is refused`, () => {
    const error = assertThrows(
      () => parseStrictJson(text, KNOWN),
      AmbiguousJson,
      key,
    );
    assertEquals(error.message.length < 100, true);
  });
}

Deno.test("strict JSON: what no key is doubled in is read as JSON.parse reads it", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    // JSON.stringify writes each key once.
    const text = JSON.stringify(value, null, 1);
    assertEquals(parseStrictJson(text), JSON.parse(text));
  }));
});

Deno.test("strict JSON: any key twice is found, wherever it is", () => {
  const place = fc.array(fc.constantFrom("list", "object"), { maxLength: 20 });
  fc.assert(
    fc.property(place, fc.string(), fc.jsonValue(), (way, key, value) => {
      const field = `${JSON.stringify(key)}:${JSON.stringify(value)}`;
      const text = way.reduce(
        (inner, kind) => kind === "list" ? `[0,${inner},""]` : `{"x":${inner}}`,
        `{${field},${field}}`,
      );
      assertThrows(() => parseStrictJson(text), AmbiguousJson);
    }),
  );
});

Deno.test("strict JSON: nesting is bounded, and no depth breaks the stack", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  assertEquals(
    JSON.stringify(parseStrictJson(nested(MAX_JSON_DEPTH))),
    nested(MAX_JSON_DEPTH),
  );
  for (const depth of [MAX_JSON_DEPTH + 1, 2_000_000]) {
    assertThrows(
      () => parseStrictJson(nested(depth)),
      AmbiguousJson,
      "deep",
    );
  }
  assertThrows(
    () => parseStrictJson('{"a":'.repeat(500_000) + "1" + "}".repeat(500_000)),
    AmbiguousJson,
    "deep",
  );
});
