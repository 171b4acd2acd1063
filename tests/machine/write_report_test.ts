import { assertEquals } from "@std/assert";
import { reportText } from "../../src/machine/write_report.ts";
import type { MirrorReport } from "../../src/report/json_report.ts";

const image = (id: number) => ({
  id,
  lines: [id],
  sources: [{ reference: `reg.io/a\n"images": []:${id}` }],
  destination: { reference: "d.io/a:1" },
  warnings: ["x".repeat(1000)],
});

for (const count of [0, 1, 2, 500]) {
  Deno.test(`report: its pieces are one JSON text, with ${count} images`, () => {
    const report = {
      schemaVersion: 1,
      command: "mirror",
      images: Array.from({ length: count }, (_, i) => image(i)),
      invalidLines: [{ line: 3, text: '"images": [', reason: "no" }],
    } as unknown as MirrorReport;
    const pieces = [...reportText(report)];
    const { images, ...rest } = report;
    assertEquals(
      pieces.join(""),
      `${JSON.stringify({ ...rest, images }, null, 2)}\n`,
    );
    if (count === 500) assertEquals(pieces.length > 5, true);
  });
}
