import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseImageList } from "../../src/lists/image_list.ts";
import { formatReference } from "../../src/names/reference.ts";

Deno.test("list: both formats, comments, BOM, CRLF and tabs", () => {
  const { entries, invalid } = parseImageList(
    "\ufeffnginx:1 # web\r\n" +
      "# comment\r\n" +
      "   // comment\r\n" +
      "\r\n" +
      "  quay.io/a/b\t reg.io/c/d \tv1\t# moved\r\n" +
      "two fields\r\n" +
      "a b c d\n" +
      "src:tag dst v1\n" +
      "last",
    "images.txt",
  );
  assertEquals(
    entries.map((e) => [e.line, e.ordinal, formatReference(e.source)]),
    [
      [1, 1, "docker.io/library/nginx:1"],
      [5, 2, "quay.io/a/b:v1"],
      [9, 3, "docker.io/library/last:latest"],
    ],
  );
  assertEquals(entries[0]!.text, "nginx:1 # web");
  assertEquals(entries[1]!.destination, {
    registry: "reg.io",
    repository: "c/d",
    explicitRegistry: true,
  });
  assertEquals(invalid.map((i) => i.line), [6, 7, 8]);
});

for (
  const [line, reason] of [
    [
      "q.io:5000/a/b:1 h.io/c 1",
      "invalid line: SOURCE has a tag, and in SOURCE DESTINATION TAG only TAG names one",
    ],
    [
      "q.io/a h.io:5000/c/d:1 1",
      "invalid line: DESTINATION has a tag, and in SOURCE DESTINATION TAG only TAG names one",
    ],
    [
      `q.io/a@sha256:${"a".repeat(64)} h.io/c 1`,
      "invalid line: SOURCE has a digest, and in SOURCE DESTINATION TAG only TAG names one",
    ],
    [
      "https://q.io/a:1 h.io/c 1",
      'invalid reference "https://q.io/a:1": "https:" is not a registry',
    ],
  ] as const
) {
  Deno.test(`list: ${line.slice(0, 30)} is told why it is none`, () => {
    const { entries, invalid } = parseImageList(line, "x");
    assertEquals(entries, []);
    assertEquals(invalid, [{ line: 1, text: line, reason }]);
  });
}

Deno.test("list: every line that says something is an entry, a choice or invalid", () => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "nginx",
      "a b c",
      "# x",
      "",
      "//",
      "a b",
      "UPPER",
      "a:*",
      " ",
    ),
  );
  fc.assert(fc.property(fc.array(line), (lines) => {
    const list = parseImageList(lines.join("\n"), "x");
    const { entries, choices = [], invalid } = list;
    const text = lines.join("\n").split("\n");
    const saying = text.filter((l) => {
      const trimmed = l.trim();
      return trimmed !== "" && !/^(#|\/\/)/.test(trimmed);
    });
    const items = [...entries, ...choices].sort((a, b) => a.line - b.line);
    assertEquals(items.length + invalid.length, saying.length);
    assertEquals(items.map((e) => e.ordinal), items.map((_, i) => i + 1));
  }));
});

Deno.test("list: a hundred thousand lines are read in a moment", () => {
  const text = Array.from({ length: 100_000 }, (_, i) => `team/app-${i}:v${i}`)
    .join("\n");
  const { entries } = parseImageList(text, "x");
  assertEquals(entries.length, 100_000);
  assert(entries.at(-1)!.line === 100_000);
});
