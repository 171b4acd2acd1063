import { assertEquals, assertStringIncludes } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import { makeImage } from "../support/images.ts";

Deno.test("inspect: --format is a Go template over the summary, or the config", async () => {
  await using registry = FakeRegistry.start();
  const image = makeImage({ seed: "a", platform: "linux/arm64" });
  registry.install("corp/app", "v1", image);
  registry.install("corp/app", "v2", image);
  const inspect = (...args: string[]) =>
    hangar(["inspect", `${registry.host}/corp/app:v1`, ...args]);
  for (
    const [template, text] of [
      ["{{.Digest}}", image.digest],
      ["{{.Os}}/{{.Architecture}}", "linux/arm64"],
      ["{{.Name}}:{{.Tag}}", `${registry.host}/corp/app:v1`],
      ["{{len .Layers}}", "2"],
      ["{{range .RepoTags}}{{.}} {{end}}", "v1 v2"],
      ["{{.Labels.seed}}", "a"],
      ['{{index .Labels "seed"}}', "a"],
      ["{{json .Labels}}", '{"seed":"a"}'],
      ['{{join .Env ";"}}', "PATH=/bin"],
      ["no action", "no action"],
    ] as const
  ) {
    const { code, stdout, stderr } = await inspect("--format", template);
    assertEquals([code, stdout.trim()], [0, text], `${template}: ${stderr}`);
    assertEquals(stdout.endsWith("\n"), true);
  }
  const config = await inspect("--config", "--format={{.created}}");
  assertEquals(config.stdout, "2024-01-01T00:00:00Z\n");
});

Deno.test("inspect: a --format that cannot be used is exit 2", async () => {
  await using registry = FakeRegistry.start();
  registry.install("corp/app", "v1", makeImage({ seed: "a" }));
  const inspect = (...args: string[]) =>
    hangar(["inspect", `${registry.host}/corp/app:v1`, ...args]);
  for (
    const [template, says] of [
      ["{{.Digest", "not closed"],
      ["{{if .Digest}}x", "not ended"],
      ["{{.Nope}}", "there is no .Nope"],
      ["{{nope .Digest}}", "there is no function nope"],
    ] as const
  ) {
    const { code, stdout, stderr } = await inspect(`--format=${template}`);
    assertEquals([code, stdout], [2, ""], stderr);
    assertStringIncludes(stderr, "for --format: ");
    assertStringIncludes(stderr, says);
  }
  registry.clear();
  const unparsed = await inspect("--format={{");
  assertEquals([unparsed.code, registry.requests.length], [2, 0]);
  const raw = await inspect("--raw", "--format={{.Digest}}");
  assertEquals(raw.code, 2);
  assertStringIncludes(raw.stderr, "give one of them");
});

Deno.test("inspect: what a label says steers no terminal by --format", async () => {
  await using registry = FakeRegistry.start();
  const image = makeImage({ seed: "\u001b[31m\u202ered" });
  registry.install("corp/app", "v1", image);
  const { stdout } = await hangar([
    "inspect",
    `${registry.host}/corp/app:v1`,
    "--format={{.Labels.seed}}",
  ]);
  assertEquals(stdout, "[31m red\n");
});
