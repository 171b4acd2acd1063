import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar, type HangarOptions } from "../support/hangar.ts";
import { makeArtifact, makeImage, makeMultiArch } from "../support/images.ts";
import { parse } from "yaml";

async function withReport(
  fn: (
    report: (
      name: string,
      flags?: string[],
      options?: HangarOptions,
    ) => Promise<{ code: number; stderr: string; text: string }>,
    digests: string[],
  ) => Promise<void>,
): Promise<void> {
  await using registry = FakeRegistry.start();
  const made = [
    makeMultiArch("app", { attestations: true }),
    makeImage({ seed: "one", platform: "linux/arm/v7" }),
    makeArtifact("chart"),
  ];
  made.forEach((image, i) => registry.install(`corp/app-${i}`, "v1", image));
  const directory = await Deno.makeTempDir();
  const list = "corp/app-0:v1\ncorp/app-1:v1\ncorp/app-2:v1\ncorp/none:v1\n";
  try {
    await fn(async (name, flags = [], options = {}) => {
      const path = `${directory}/${name}`;
      const { code, stderr } = await hangar([
        "inspect",
        "list",
        "-f-",
        "-s",
        registry.host,
        "-o",
        path,
        ...flags,
      ], { stdin: list, ...options });
      const text = await Deno.readTextFile(path).catch(() => "");
      return { code, stderr, text };
    }, made.map((image) => image.digest));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("inspect list: the same rows as JSON and YAML, in list order, failures among them", async () => {
  await withReport(async (report, digests) => {
    const json = await report("report.json");
    assertEquals(json.code, 1);
    const rows = JSON.parse(json.text);
    assertEquals(
      rows.map((row: { digest?: string }) => row.digest),
      [...digests, undefined],
    );
    assertEquals(
      rows.map((row: { platforms?: string[] }) => row.platforms),
      [["linux/amd64", "linux/arm64"], ["linux/arm/v7"], [], undefined],
    );
    assertStringIncludes(rows[3].error, "has no tag v1");
    assertEquals(parse((await report("report.yaml")).text), rows);
  });
});

Deno.test("inspect list: text and CSV have a line for each image", async () => {
  await withReport(async (report, [first]) => {
    const txt = (await report("report.txt")).text.trimEnd().split("\n");
    assertEquals(txt.length, 4);
    assertStringIncludes(txt[0]!, `${first} linux/amd64,linux/arm64`);
    assertStringIncludes(txt[3]!, "FAILED");
    const csv = (await report("x", ["--format=csv"])).text.trimEnd();
    assertEquals(csv.split("\n").length, 5);
    assert(csv.startsWith("image,digest,mediaType,platforms,error\n"));
  });
});

Deno.test("inspect list: asks before it overwrites, and -y does not", async () => {
  await withReport(async (report) => {
    const { text } = await report("r.json");
    const alone = await report("r.json", ["--format=csv"]);
    assertEquals([alone.code, alone.text], [2, text]);
    const no = await report("r.json", ["--format=csv"], { answers: () => "n" });
    assertEquals([no.code, no.text], [2, text]);
    const yes = await report("r.json", ["--format=csv"], {
      answers: () => "y",
    });
    assertEquals(yes.code, 1);
    assert(yes.text !== text);
    assertEquals((await report("r.json", ["-y"])).text, text);
  });
});
