import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { LiveDisplay } from "../../src/report/live_display.ts";
import { Progress } from "../../src/report/progress.ts";
import { ShownNames } from "../../src/report/shared_names.ts";

const GIB = 1024 ** 3;

function progress(images: number, names: readonly string[] = []) {
  let at = 0;
  const made = new Progress({
    images,
    names: new ShownNames(names),
    now: () => at,
  });
  const start = (image: number) =>
    made.sink({
      type: "image-started",
      image,
      sources: ["src"],
      destination: `registry.example/team/app-${image}:v1`,
    });
  const finish = (image: number, kind: "copied" | "failed") =>
    made.sink({
      type: "image-finished",
      image,
      sources: ["src"],
      destination: "d",
      outcome: { kind, id: image, lines: [image], durationMs: 1 },
    });
  return { made, start, finish, pass: (ms: number) => at += ms };
}

Deno.test("progress: what is done, sent, and how fast", () => {
  const { made, start, finish, pass } = progress(10);
  start(1);
  start(2);
  assertEquals(made.line(), "0/10 images, 2 under way, 0 B sent");
  pass(2000);
  made.sink({ type: "blob-bytes", image: 1, bytes: GIB });
  finish(1, "copied");
  assertEquals(
    made.line(),
    "1/10 images, 1 under way, 1.0 GiB sent, 512.0 MiB/s",
  );
  pass(8000);
  finish(2, "failed");
  assertEquals(
    made.line(),
    "2/10 images, 1 failed, 1.0 GiB sent, 102.4 MiB/s",
  );
  // The rate is that of the last seconds, not of the whole run.
  pass(60_000);
  made.line();
  assert(made.line().endsWith("1.0 GiB sent"));
});

Deno.test("progress: an image keeps its row and its columns until it ends", () => {
  const names = [1, 2, 3, 4].map((i) => `registry.example/team/app-${i}:v1`);
  const { made, start, finish } = progress(4, names);
  start(1);
  start(2);
  const before = made.frame(100, 24);
  finish(1, "copied");
  assertEquals(
    made.frame(100, 24)[1],
    before[1],
    "the first one's row is free",
  );
  start(3);
  made.sink({ type: "phase", image: 3, phase: "copying" });
  const after = made.frame(100, 24);
  assertEquals(after[1], before[1]);
  assert(after[0]!.startsWith("[IMG:3] app-3:v1"), after[0]);
  assertEquals(after[0]!.indexOf("copying"), before[0]!.indexOf("checking"));
  // Nothing is left that could take a free row.
  start(4);
  finish(3, "copied");
  assertEquals(made.frame(100, 24).length, 3);
});

Deno.test("progress: each row says the phase, and only words have colours", () => {
  const { made, start } = progress(1);
  start(1);
  const row = (color = false) => made.frame(100, 24, { color })[0]!;
  assert(row().endsWith(" checking"), row());
  made.sink({ type: "phase", image: 1, phase: "copying" });
  made.sink({ type: "blob-started", image: 1, size: 10 });
  made.sink({ type: "blob-waits", image: 1, waits: true });
  assertMatch(row(), / waiting .*0% of 10 B$/);
  assert(row(true).includes(" \x1b[33mwaiting\x1b[0m "), row(true));
  // deno-lint-ignore no-control-regex
  assertEquals(row(true).replace(/\x1b\[\d*m/g, ""), row());
  made.sink({ type: "blob-waits", image: 1, waits: false });
  assertMatch(row(), / copying /);
});

Deno.test("progress: images for which there is no room are told by their phase", () => {
  const { made, start } = progress(20);
  for (let i = 1; i <= 20; i++) start(i);
  for (const image of [18, 19]) {
    made.sink({ type: "phase", image, phase: "tagging" });
  }
  const lines = made.frame(80, 24);
  assertEquals(lines.at(-2), "and 10 more: 8 checking, 2 tagging");
  assertEquals(lines.length, 12);
});

Deno.test("progress: an image's bar counts what is settled and what is moving", () => {
  const { made, start } = progress(1);
  start(1);
  const share = () => /(\d+)% of (.*)$/.exec(made.frame(120, 24)[0]!)?.slice(1);
  made.sink({ type: "blob-started", image: 1, size: 600 });
  made.sink({ type: "blob-started", image: 1, size: 400 });
  assertEquals(share(), ["0", "1000 B"]);
  made.sink({ type: "blob-bytes", image: 1, bytes: 300 });
  assertEquals(share(), ["30", "1000 B"]);
  made.sink({ type: "blob-resent", image: 1, bytes: 200 });
  assertEquals(share(), ["10", "1000 B"]);
  made.sink({ type: "blob-bytes", image: 1, bytes: 500 });
  made.sink({
    type: "blob-finished",
    image: 1,
    digest: "d",
    size: 600,
    how: "sent",
  });
  assertEquals(share(), ["60", "1000 B"]);
  made.sink({
    type: "blob-finished",
    image: 1,
    digest: "e",
    size: 400,
    how: "mounted",
  });
  assertEquals(share(), ["100", "1000 B"]);
});

Deno.test("progress: a frame fits its window, whatever its size", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 220 }),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 0, max: 20 }),
      (columns, rows, jobs) => {
        const { made, start } = progress(100);
        for (let i = 1; i <= jobs; i++) {
          start(i);
          made.sink({ type: "blob-started", image: i, size: i * 1000 });
          made.sink({ type: "blob-bytes", image: i, bytes: i * 100 });
        }
        const lines = made.frame(columns, rows);
        assert(lines.every((line) => line.length < Math.max(2, columns)));
        assert(lines.length <= Math.max(2, rows / 2), `${lines.length}`);
      },
    ),
  );
});

/** As much of a terminal as the display asks for. */
class Screen {
  lines: string[] = [""];
  row = 0;
  column = 0;
  columns = 40;

  write(text: string): void {
    // deno-lint-ignore no-control-regex
    for (const [token] of text.matchAll(/\x1b\[\??(\d*)([A-Za-z])|[^]/g)) {
      const escape = /\[(\??)(\d*)([A-Za-z])$/.exec(token);
      if (token === "\n") {
        this.row++;
        this.column = 0;
        this.lines[this.row] ??= "";
      } else if (token === "\r") this.column = 0;
      else if (token.length === 1) {
        const line = this.lines[this.row]!;
        this.lines[this.row] = line.slice(0, this.column).padEnd(this.column) +
          token + line.slice(this.column + 1);
        this.column++;
      } else if (escape?.[3] === "A") this.row -= Number(escape[2]);
      else if (escape?.[3] === "K") {
        this.lines[this.row] = this.lines[this.row]!.slice(0, this.column);
      } else if (escape?.[3] === "J") {
        this.lines[this.row] = this.lines[this.row]!.slice(0, this.column);
        this.lines.length = this.row + 1;
      } else if (escape?.[1] !== "?") throw new Error(`unknown: ${token}`);
    }
    assert(this.row >= 0, "painted above the top");
  }
}

Deno.test("live display: the log stays whole above what is painted, and nothing stays behind", () => {
  const step = fc.oneof(
    fc.array(fc.stringMatching(/^[a-z ]{0,30}$/), { maxLength: 5 }).map((
      lines,
    ) => ({ paint: lines })),
    fc.stringMatching(/^[A-Z]{1,30}$/).map((log) => ({ log })),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
    const screen = new Screen();
    const display = new LiveDisplay({
      write: (text) => screen.write(text),
      size: () => ({ columns: screen.columns, rows: 24 }),
    });
    const logged: string[] = [];
    let painted: string[] = [];
    for (const step of steps) {
      if ("log" in step) {
        display.log(`${step.log}\n`);
        logged.push(step.log);
      } else {
        display.paint(step.paint);
        painted = step.paint;
      }
      assertEquals(
        screen.lines.map((line) => line.trimEnd()),
        [...logged, ...painted.length > 0 ? painted : [""]].map((line) =>
          line.trimEnd()
        ),
      );
    }
    display.clear();
    assertEquals(screen.lines, [...logged, ""]);
  }));
});
