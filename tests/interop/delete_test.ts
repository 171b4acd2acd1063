import { assertEquals, assertStringIncludes } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import { makeImage } from "../support/images.ts";
import { interopIgnored, startDockerRegistry } from "./support.ts";
import { optionalTool } from "./support/tools.ts";

for (
  const [name, program, deletesTags] of [
    ["docker-registry 2.8", "docker-registry", false],
    ["distribution v3", optionalTool("registry"), true],
  ] as const
) {
  Deno.test({
    name: `interop: ${name} deletes one tag, and a digest with all of them`,
    ignore: interopIgnored || program === undefined,
    fn: async () => {
      await using source = FakeRegistry.start();
      await using real = await startDockerRegistry({
        program,
        deleteEnabled: true,
      });
      const shared = makeImage({ seed: "shared" });
      for (const tag of ["v1", "stable"]) source.install("app", tag, shared);
      source.install("app", "old", makeImage({ seed: "old" }));
      const digest = source.digestOf("app", "v1")!;
      const app = `${real.host}/app`;
      const tags = async () => {
        const { stdout } = await hangar(["list-tags", `http://${app}`]);
        return stdout.trim().split("\n").filter(Boolean).sort();
      };
      const remove = (reference: string) =>
        hangar(["delete", `http://${app}${reference}`, "-y"]);
      const mirrored = await hangar([
        "mirror",
        "-f-",
        `-s=http://${source.host}`,
        `-d=http://${real.host}`,
      ], {
        stdin: ["v1", "stable", "old"].map((tag) =>
          `${source.host}/app ${app} ${tag}`
        ).join("\n"),
      });
      assertEquals(mirrored.code, 0, mirrored.stderr);

      const old = await remove(":old");
      assertEquals(old.code, 0, old.stderr);
      assertEquals(await tags(), ["stable", "v1"]);
      const one = await remove(":v1");
      if (deletesTags) {
        assertEquals(one.code, 0, one.stderr);
        assertEquals(await tags(), ["stable"]);
      } else {
        assertEquals(one.code, 1);
        assertStringIncludes(one.stderr, `${digest} is also stable`);
        assertEquals(await tags(), ["stable", "v1"]);
      }
      const all = await remove(`@${digest}`);
      assertEquals(all.code, 0, all.stderr);
      assertEquals(await tags(), []);
    },
  });

  Deno.test({
    name: `interop: ${name} that deletes nothing says so`,
    ignore: interopIgnored || program === undefined,
    fn: async () => {
      await using source = FakeRegistry.start();
      await using real = await startDockerRegistry({ program });
      source.install("app", "v1", makeImage({ seed: "a" }));
      await hangar(["mirror", "-f-"], {
        stdin: `${source.host}/app ${real.host}/app v1\n`,
      });
      const digest = source.digestOf("app", "v1")!;
      const { code, stderr } = await hangar([
        "delete",
        // The newer one takes away tags all the same.
        `${real.host}/app${deletesTags ? `@${digest}` : ":v1"}`,
        "-y",
      ]);
      assertEquals(code, 1);
      assertStringIncludes(stderr, "405 UNSUPPORTED");
      assertStringIncludes(stderr, "they are switched off there");
    },
  });
}
