import { assertEquals } from "@std/assert";
import { hangar } from "../support/hangar.ts";
import { makeImage, makeMultiArch } from "../support/images.ts";
import {
  interopIgnored,
  pushImage,
  type RealRegistry,
  startDockerRegistry,
} from "./support.ts";

const SHARDS = 8;
const NAMES = [...Array(24).keys()].map((i) => `team${i % 5}/app${i}`);
const LIST = [
  ...NAMES.flatMap((name) => [`${name}:v1`, `${name}:v2`]),
  "team0/none:v1",
].join("\n");

const MAIN = new URL("../../main.ts", import.meta.url).href;

async function fill(source: RealRegistry): Promise<void> {
  for (const [i, repo] of NAMES.entries()) {
    for (const tag of ["v1", "v2"]) {
      const made = i % 2 === 0
        ? makeMultiArch(`${repo} ${tag}`)
        : makeImage({ seed: `${repo} ${tag}` });
      const { manifests, blobs } = made;
      await pushImage(source, { repo, tag, manifests, blobs });
    }
  }
}

/** What every tag holds, byte for byte. */
async function content(registry: RealRegistry): Promise<string[]> {
  return await Promise.all(
    LIST.split("\n").map(async (line) => {
      const [name, tag] = line.split(":");
      const response = await registry.fetch(`/v2/${name}/manifests/${tag}`, {
        headers: {
          accept:
            "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json",
        },
      });
      return `${response.status} ${await response.text()}`;
    }),
  );
}

/** A report without times, and what depends on them and on hosts. */
function comparable(text: string, destination: string): unknown {
  const inTime =
    /^(durationMs|startedAt|finishedAt|requests|peak|cuts|phases|retries|hosts)$/;
  return JSON.parse(
    text.replaceAll(destination, "DESTINATION"),
    (key, value) => inTime.test(key) ? undefined : value,
  );
}

Deno.test({
  name:
    "interop: eight processes over one registry give byte for byte what one gives",
  ignore: interopIgnored,
  fn: async () => {
    await using source = await startDockerRegistry();
    await using one = await startDockerRegistry();
    await using many = await startDockerRegistry();
    const directory = await Deno.makeTempDir();
    try {
      await fill(source);
      const list = `${directory}/images.txt`;
      await Deno.writeTextFile(list, LIST);
      const args = (to: RealRegistry, name: string) => [
        "mirror",
        `--file=${list}`,
        `--source=${source.url}`,
        `--destination=${to.url}`,
        `--failed=${directory}/failed-${name}.txt`,
        `--report=${directory}/report-${name}.json`,
      ];
      const single = await hangar([...args(one, "all"), "--jobs=4"]);
      assertEquals(single.code, 1, single.stderr);
      const codes = await Promise.all(
        [...Array(SHARDS).keys()].map(async (index) => {
          const { code } = await new Deno.Command(Deno.execPath(), {
            args: [
              ...["run", "-A", MAIN],
              ...args(many, `${index}`),
              `--shard=${index}/${SHARDS}`,
            ],
            stdout: "null",
            stderr: "null",
          }).output();
          return code;
        }),
      );
      // The line that fails is in one of them.
      assertEquals(codes.filter((code) => code !== 0), [1]);
      assertEquals(await content(many), await content(one));
      const merged = await hangar([
        "report",
        "merge",
        ...codes.map((_, index) => `${directory}/report-${index}.json`),
        `--output=${directory}/merged.json`,
        `--failed=${directory}/failed.txt`,
      ]);
      assertEquals(merged.code, 0, merged.stderr);
      const read = (name: string) => Deno.readTextFile(`${directory}/${name}`);
      assertEquals(
        comparable(await read("merged.json"), many.host),
        comparable(await read("report-all.json"), one.host),
      );
      const lines = (text: string) =>
        text.split("\n").filter((line) => !line.startsWith("# "));
      assertEquals(
        lines(await read("failed.txt")),
        lines(await read("failed-all.txt")),
      );
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
