import { assertEquals } from "@std/assert";
import { withoutComments } from "../../scripts/without_comments.ts";

function lines(...text: string[]): string {
  return text.join("\n");
}

Deno.test("comments go and lines stay where they were", () => {
  assertEquals(
    withoutComments(lines("a; // one", "/* two", "three */ b;", "c;")),
    lines("a;  ", " ", " b;", "c;"),
  );
});

for (
  const kept of [
    `const a = "http://host"; b`,
    `const a = 'it\\'s // kept'; b`,
    "const a = `//${b}/*`; c",
    "const a = `${`//${{ x: 1 }.x}`}//`; c",
    `const a = /https?:\\/\\//; b`,
    `const a = /[/"'\`]//*no*/ ? b : c`.replace("/*no*/", ""),
    `return /\\/\\*/.test(x)`,
    `const a = b / c / d`,
  ]
) {
  Deno.test(`nothing is taken out of ${kept}`, () => {
    assertEquals(withoutComments(kept), kept);
  });
}

for (
  const [text, want] of [
    ["`${a}` // x", "`${a}`  "],
    ["`${{ a: 1 }.a /* x */}`", "`${{ a: 1 }.a  }`"],
    ["a / b // x / y", "a / b  "],
    ["f(/'/) // x", "f(/'/)  "],
    ["a /* ' */ + '//'", "a   + '//'"],
  ] as const
) {
  Deno.test(`the comment is taken out of ${text}`, () => {
    assertEquals(withoutComments(text), want);
  });
}
