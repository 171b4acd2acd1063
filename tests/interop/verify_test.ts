/**
 * Large blobs whose digests real registries check.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import { makeImage } from "../support/images.ts";
import { interopIgnored, startDockerRegistry } from "./support.ts";
import {
  distributionProgram,
  startDistribution,
} from "./support/distribution.ts";
import {
  gcrRegistryProgram,
  startGcrRegistry,
} from "./support/gcr_registry.ts";

interface Server extends AsyncDisposable {
  readonly host: string;
}

const KINDS: readonly [string, boolean, () => Promise<Server>][] = [
  ["docker-registry 2.8", true, () => startDockerRegistry()],
  [
    "docker-registry 2.8 by TLS",
    true,
    () => startDockerRegistry({ tls: true }),
  ],
  ["distribution v3", distributionProgram !== undefined, startDistribution],
  [
    "go-containerregistry's",
    gcrRegistryProgram !== undefined,
    startGcrRegistry,
  ],
];

const MIB = 1024 * 1024;
const LINES = ["first:v1", "second:v1", "third:v1"];

for (const [name, isAtHand, start] of KINDS) {
  Deno.test({
    name:
      `verify interop: ${name} is left the digests of large blobs, and refuses a damaged one`,
    ignore: interopIgnored || !isAtHand,
    // undici looks at the time for a second longer.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      await using destination = await start();
      await using source = FakeRegistry.start();
      for (const [i, line] of LINES.entries()) {
        const layers = [(20 + i) * MIB, 3 * MIB + i, 2 * MIB];
        const image = makeImage({ seed: line, layers });
        source.install(`corp/${line.split(":")[0]}`, "v1", image);
        if (i < 2) continue;
        const [damaged] = [...image.blobs]
          .find(([, bytes]) => bytes.byteLength === layers[0])!;
        source.flip(damaged);
      }
      const directory = await Deno.makeTempDir();
      try {
        const run = (words: string[], lines: string[], flags: string[]) =>
          hangar([
            ...words,
            "-f-",
            `-shttp://${source.host}`,
            `-d${destination.host}`,
            "--tls-verify=false",
            `--failed=${directory}/failed.txt`,
            `--report=${directory}/report.json`,
            ...flags,
          ], { stdin: lines.map((line) => `corp/${line}`).join("\n") });
        const { code, stderr } = await run(["mirror"], LINES, ["-j1"]);
        assertEquals(code, 1, stderr);
        assertStringIncludes(stderr, "2 copied");
        assertStringIncludes(stderr, `from source ${source.host}/corp/third`);
        const { hosts } = JSON.parse(
          await Deno.readTextFile(`${directory}/report.json`),
        );
        const use = hosts.find(({ host }: { host: string }) =>
          host === destination.host
        );
        assertEquals(use.checksDigests, true);
        const held = await run(
          ["mirror", "validate"],
          LINES.slice(0, 2),
          ["--deep=bytes"],
        );
        assertEquals(held.code, 0, held.stderr);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  });
}
