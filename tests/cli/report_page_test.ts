import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { hangar } from "../support/hangar.ts";
import { makeMultiArch } from "../support/images.ts";
import { Pair } from "../support/pair.ts";
import { makeReport } from "../support/reports.ts";

const app = makeMultiArch("app");

function dataOf(page: string) {
  return JSON.parse(/id="report">(.*?)<\/script>/s.exec(page)![1]!);
}

for (
  const [command, name] of [["mirror", "r.html"], [
    "validate",
    "r.HTM",
  ]] as const
) {
  Deno.test(`report page: ${command} --report ${name} writes one`, async () => {
    await using pair = new Pair();
    pair.source.install("corp/app", "v1", app);
    const path = `${pair.directory}/${name}`;
    const { code } = await pair[command]("corp/app:v1\ncorp/none:v1", [
      `--report=${path}`,
    ]);
    assertEquals(code, 1);
    const page = await Deno.readTextFile(path);
    assertStringIncludes(page, "<!doctype html>");
    const { images, exitCode } = dataOf(page);
    assertEquals(exitCode, 1);
    assertEquals(images.length, 2);
    assertEquals(images[1].error.code, "not-found");
  });
}

Deno.test("report page: report html makes the same page from the JSON", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const json = `${directory}/report.json`;
    const report = makeReport(30);
    await Deno.writeTextFile(json, JSON.stringify(report));
    const html = `${directory}/all.html`;
    const made = await hangar(["report", "html", json, "-o", html]);
    assertEquals(made.code, 0, made.stderr);
    assertEquals(made.stdout, "");
    const page = await Deno.readTextFile(html);
    assertEquals(dataOf(page), JSON.parse(JSON.stringify(report)));
    const printed = await hangar(["report", "html", json, "-o-"]);
    assertEquals(printed.code, 0);
    assertEquals(printed.stdout, page);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("report page: what is no report is refused, and nothing is written", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const json = `${directory}/report.json`;
    await Deno.writeTextFile(json, "[1, 2]");
    const html = `${directory}/report.html`;
    const bad = await hangar(["report", "html", json, "-o", html]);
    assertEquals(bad.code, 2);
    assertStringIncludes(bad.stderr, `${json} is no report of hangar`);
    const none = await hangar(["report", "html", `${json}.none`, "-o", html]);
    assertEquals(none.code, 2);
    assertStringIncludes(none.stderr, "no such file");
    await Deno.writeTextFile(json, JSON.stringify(makeReport(1)));
    const itself = await hangar(["report", "html", json, "-o", json]);
    assertEquals(itself.code, 2);
    assertStringIncludes(itself.stderr, "--output");
    const nowhere = await hangar([
      "report",
      "html",
      json,
      "-o",
      `${directory}/none/r.html`,
    ]);
    assertEquals(nowhere.code, 2);
    assert(!nowhere.stderr.includes("os error"), nowhere.stderr);
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
    assertEquals(names, ["report.json"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
