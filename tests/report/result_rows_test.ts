import { assert, assertEquals } from "@std/assert";
import { Console } from "../../src/report/console.ts";
import { ResultRows } from "../../src/report/result_rows.ts";
import { ShownNames } from "../../src/report/shared_names.ts";

const NAMES = ["h/p/short:1", "h/p/mirrored-ingress-nginx-controller:v1.20.0"];

/** The lines of three results on a terminal of a width. */
function lines(columns: number, color = false): string[] {
  let text = "";
  const console = new Console((line) => text += line, {
    color,
    now: () => new Date(2026, 0, 2, 17, 0, 5),
  });
  const rows = new ResultRows(() => columns);
  rows.begin(new ShownNames(NAMES), 12);
  const outcome = (id: number) => ({ id, durationMs: 61_000 });
  const copied = rows.row("copied", "good", NAMES[0]!, outcome(3), 5_000_000);
  console.info(copied.text, 3, copied);
  const held = rows.row("up to date", "dim", NAMES[1]!, outcome(12), 0);
  console.info(held.text, 12, held);
  const why = "cannot read it from source a.example/b: 404; check the name";
  const failed = rows.failure("failed", "bad", NAMES[0]!, 4, why);
  console.error(failed.text, 4, failed);
  return text.trimEnd().split("\n");
}

Deno.test("result rows: fixed columns, without what all names begin with", () => {
  const [copied, held, failed] = lines(120);
  assertEquals(
    copied,
    `[17:00:05] [INFO] [IMG:3]  copied      ${"short:1".padEnd(41)}${
      "4.8 MiB".padStart(12)
    }${"1m1s".padStart(8)}`,
  );
  assertEquals(
    held,
    `[17:00:05] [INFO] [IMG:12] up to date  ${"mirrored-ingress-nginx-controller:v1.20.0"}${
      "1m1s".padStart(20)
    }`,
  );
  assertEquals(
    failed,
    "[17:00:05] [ERRO] [IMG:4]  failed      short:1: cannot read it from source a.example/b: 404; check the name",
  );
});

Deno.test("result rows: one line each, whatever the width", () => {
  for (let columns = 64; columns < 200; columns++) {
    for (const line of lines(columns)) {
      assert(line.length < columns, `${columns}: ${line}`);
    }
  }
});

Deno.test("result rows: the word alone is coloured, a failure in red", () => {
  const [copied, , failed] = lines(120, true);
  assert(copied!.includes(" \x1b[32mcopied\x1b[0m      short:1 "), copied);
  assert(failed!.includes(" \x1b[31mfailed\x1b[0m      short:1: "), failed);
});
