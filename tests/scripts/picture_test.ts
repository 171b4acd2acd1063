import { assert, assertEquals, assertThrows } from "@std/assert";
import { recordingSvg } from "../../scripts/recording_svg.ts";
import { Screen } from "../../scripts/screen.ts";

const textOf = (screen: Screen) =>
  screen.lines().map((runs) => runs.map(({ text }) => text).join(""));

Deno.test("screen: lines are painted over, wrap, and move up", () => {
  const screen = new Screen(10, 3);
  screen.write("one\ntwo\r\x1b[1A\x1b[KONE\x1b[J");
  assertEquals(textOf(screen), ["ONE"]);
  screen.write("\n0123456789ab\nlast");
  assertEquals(textOf(screen), ["0123456789", "ab", "last"]);
});

Deno.test("screen: colours belong to their text", () => {
  const screen = new Screen(20, 2);
  screen.write("a \x1b[31mred\x1b[0m end");
  assertEquals(screen.lines()[0], [
    { text: "a ", color: 0 },
    { text: "red", color: 31 },
    { text: " end", color: 0 },
  ]);
});

Deno.test("screen: what it does not know is not passed over", () => {
  assertThrows(() => new Screen(9, 9).write("\x1b[2J1\x1b[5n"), Error, "[5n");
});

Deno.test("recording: each line is drawn once, and markup is text", () => {
  const line = [{ text: "  <b> & c", color: 31 }];
  const svg = recordingSvg([
    { at: 0, lines: [line] },
    { at: 1000, lines: [[{ text: "new", color: 0 }], line] },
  ], { columns: 20, rows: 2, title: "a <title>", holdMs: 500 });
  assertEquals(svg.match(/&lt;b> &amp; c<\/text>/g)?.length, 1);
  assert(!svg.includes("<b>") && svg.includes("a &lt;title>"));
  // Two frames with three lines, of which two are the same.
  assertEquals(svg.match(/<use /g)?.length, 3);
  assertEquals(svg.match(/<g id="l\d+">/g)?.length, 2);
  assert(svg.includes("play 1500ms"), svg);
  assert(svg.includes("66.67%{transform:translateY(-36px)}"), svg);
});
