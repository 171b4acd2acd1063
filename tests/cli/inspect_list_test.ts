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
    place: { readonly registry: FakeRegistry; readonly failed: string },
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
  const failed = `${directory}/failed.txt`;
  const list = "corp/app-0:v1\ncorp/app-1:v1\ncorp/app-2:v1\ncorp/none:v1\n";
  try {
    await fn(
      async (name, flags = [], options = {}) => {
        const path = `${directory}/${name}`;
        const { code, stderr } = await hangar([
          "inspect",
          "list",
          "-f-",
          "-s",
          registry.host,
          "-r",
          path,
          "-o",
          failed,
          ...flags,
        ], { stdin: list, ...options });
        const text = await Deno.readTextFile(path).catch(() => "");
        return { code, stderr, text };
      },
      made.map((image) => image.digest),
      { registry, failed },
    );
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

Deno.test("inspect list: the failed list holds the lines that failed, and goes after a clean run", async () => {
  await withReport(async (report, _digests, { failed }) => {
    const { code, stderr } = await report("r.txt", [], {
      stdin: "corp/app-0:v1\na b\ncorp/none:v1\n",
    });
    assertEquals(code, 1);
    assertStringIncludes(stderr, `2 lines failed; they are in ${failed}`);
    const text = await Deno.readTextFile(failed);
    assertEquals(
      text.split("\n").filter((line) => line && !line.startsWith("#")),
      ["a b", "corp/none:v1"],
    );
    assertStringIncludes(text, "has no tag v1");
    const clean = await report("r.txt", ["-y"], { stdin: "corp/app-0:v1\n" });
    assertEquals(clean.code, 0);
    assertEquals(await Deno.stat(failed).catch(() => undefined), undefined);
  });
});

Deno.test("inspect list: --registry and --project, and the names that they had", async () => {
  await withReport(async (report, _digests, { registry }) => {
    for (
      const flags of [
        ["--project=corp"],
        [`--source=${registry.host}`, "--source-project=corp"],
        // The last one counts, and an empty one is none.
        ["--project=corp", "--registry="],
      ]
    ) {
      const { code, text } = await report("r.json", ["-y", ...flags], {
        stdin: `${registry.host}/other/app-0:v1\n`,
      });
      const [row] = JSON.parse(text);
      assertEquals([code, row.image], [0, `${registry.host}/corp/app-0:v1`]);
    }
  });
});

Deno.test("inspect list: an image that takes too long fails alone", async () => {
  await withReport(async (report, _digests, { registry }) => {
    registry.fault({
      match: { kind: "manifest", repository: "corp/app-1" },
      action: { stall: true },
    });
    const { code, text } = await report(
      "r.json",
      ["--timeout=2s", "-j4", "-y"],
      { stdin: "corp/app-0:v1\ncorp/app-1:v1\n" },
    );
    assertEquals(code, 1);
    const rows = JSON.parse(text);
    assertEquals(rows[0].error, undefined);
    assertStringIncludes(rows[1].error, "not finished within the --timeout");
  });
});

Deno.test("inspect list: the report and the failed list are two files", async () => {
  await withReport(async (report, _digests, { failed }) => {
    const { code, stderr } = await report("r.txt", [`--report=${failed}`]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "the failed list goes to the same file");
  });
});

Deno.test("inspect list: -o is the failed list, which is a file", async () => {
  const { code, stderr } = await hangar(["inspect", "list", "-f-", "-o-"], {
    stdin: "nginx\n",
  });
  assertEquals(code, 2);
  assertStringIncludes(stderr, 'invalid value "-" for --failed');
});
