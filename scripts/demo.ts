/**
 * The main job on two registries in this process: fills one with generated
 * images, mirrors a list with the real command line, shows what arrived.
 *
 * @module
 */

import { runCli } from "../src/cli/root.ts";
import { processContext } from "../src/cli/context.ts";
import { FakeRegistry } from "../tests/support/fake_registry.ts";
import {
  makeArtifact,
  makeMultiArch,
  randomBytes,
} from "../tests/support/images.ts";

async function hangar(...args: string[]): Promise<void> {
  console.log(`\n$ hangar ${args.join(" ")}`);
  const code = await runCli(args, {
    ...processContext(),
    // No real network and no credentials of yours have a part in this.
    env: () => undefined,
    keychain: {
      env: () => undefined,
      uid: () => undefined,
      readTextFile: () => Promise.resolve(undefined),
      writeSecretFile: () => Promise.resolve(),
      runHelper: () => Promise.reject(new Error("not in the demo")),
    },
  });
  if (code !== 0) throw new Error(`exit code ${code}`);
}

await using source = FakeRegistry.start();
await using destination = FakeRegistry.start();
const base = randomBytes(3_000_000, "base layer");
source.install(
  "library/web",
  "1.27",
  makeMultiArch("web", { attestations: true, layers: [base, 400_000] }),
);
source.install(
  "corp/api",
  "v2.1",
  makeMultiArch("api", { docker: true, layers: [base, 900_000] }),
);
source.install("charts/web", "0.4.0", makeArtifact("web"));

const directory = await Deno.makeTempDir({ prefix: "hangar-demo-" });
try {
  const list = `${directory}/images.txt`;
  const text = `# default format, and mirror format: SOURCE DESTINATION TAG
web:1.27
corp/api platform/api v2.1
charts/web charts/web 0.4.0
`;
  await Deno.writeTextFile(list, text);
  console.log(
    `source registry ${source.host}, destination ${destination.host}`,
  );
  console.log(`\n$ cat ${list}\n${text.trimEnd()}`);
  const run = [
    "mirror",
    "--file",
    list,
    "--source",
    source.host,
    "--destination",
    destination.host,
    "--jobs",
    "4",
    "--failed",
    `${directory}/mirror-failed.txt`,
  ];
  await hangar(...run);
  console.log("\nWhat arrived:");
  let intact = true;
  for (const name of destination.tags()) {
    const [repository = "", tag = ""] = name.split(":");
    const digest = destination.digestOf(repository, tag);
    const { mediaType } = destination.manifest(repository, tag)!;
    console.log(`  ${name}\n    ${digest} ${mediaType}`);
    const from = repository === "platform/api" ? "corp/api" : repository;
    intact &&= digest === source.digestOf(from, tag);
  }
  intact &&= destination.tags().length === 3 &&
    destination.dangling().length === 0;
  console.log(
    intact
      ? "Every digest is that of the source, and nothing is missing below it."
      : "Something is missing or altered.",
  );
  destination.clear();
  await hangar(...run);
  console.log(`\n${destination.requests.length} requests to the destination.`);
  if (!intact) Deno.exitCode = 1;
} finally {
  await Deno.remove(directory, { recursive: true });
}
