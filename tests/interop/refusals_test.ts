import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { hangar } from "../support/hangar.ts";
import { makeImage } from "../support/images.ts";
import { interopIgnored, startDockerRegistry } from "./support.ts";
import { FakeRegistry } from "../support/fake_registry.ts";
import { optionalTool } from "./support/tools.ts";

for (
  const [name, program] of [
    ["docker-registry 2.8", "docker-registry"],
    ["distribution v3", optionalTool("registry")],
  ]
) {
  Deno.test({
    name:
      `interop: ${name} refuses foreign layers at once, and takes the images behind them`,
    ignore: interopIgnored || program === undefined,
    fn: async () => {
      await using source = FakeRegistry.start();
      await using destination = await startDockerRegistry({ program });
      const directory = await Deno.makeTempDir();
      try {
        const names = [];
        for (let i = 0; i < 6; i++) {
          const seed = `bad ${i}`;
          const platform = "windows/amd64";
          const image = makeImage({ seed, platform, foreignLayer: true });
          source.install(`corp/bad-${i}`, "v1", image);
          names.push(`corp/bad-${i}:v1`);
        }
        const good = makeImage({ seed: "good", platform: "windows/amd64" });
        source.install("corp/good", "v1", good);
        let now = 0;
        const { code, stderr } = await hangar([
          ...["mirror", "-f-", "-j1", "--os=windows"],
          `--source=http://${source.host}`,
          `--destination=http://${destination.host}`,
          `--failed=${directory}/failed.txt`,
        ], {
          stdin: [...names, "corp/good:v1"].join("\n"),
          now: () => now += 11_000,
        });
        assertEquals(code, 1);
        assertStringIncludes(stderr, "1 copied");
        assertStringIncludes(stderr, "6 failed");
        assertStringIncludes(stderr, "its foreign layers (with `urls`)");
        assert(!stderr.includes("next attempt"), stderr);
        const puts = (await destination.settledRequests()).filter((r) =>
          r.method === "PUT" && r.path.includes("/manifests/")
        );
        assertEquals(puts.length, 7);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  });
}
