import { assertEquals, assertStringIncludes } from "@std/assert";
import { HangarError } from "../../../src/errors.ts";
import { parsePlatformFilter } from "../../../src/oci/platform.ts";
import { archiveFiles } from "../../../src/machine/archive_files.ts";
import type { ArchiveFiles } from "../../../src/layout/files.ts";
import { runSave } from "../../../src/run/archive/run_save.ts";
import { denoKeychainEnvironment } from "../../../src/machine/keychain_environment.ts";
import { makeImage, randomBytes, sha256 } from "../../support/images.ts";
import { Carry } from "./support.ts";

/** A disk with so many bytes, of which a run is told another number. */
function disk(
  { told, room }: { readonly told: number; readonly room: () => number },
): ArchiveFiles {
  const limited = async (opening: ReturnType<ArchiveFiles["change"]>) => {
    const file = await opening;
    const write = file.write.bind(file);
    file.write = async (offset, bytes) => {
      if (offset + bytes.length > room()) {
        throw new HangarError("disk-full", "no space left on the disk");
      }
      await write(offset, bytes);
    };
    return file;
  };
  return {
    ...archiveFiles,
    free: () => Promise.resolve(told),
    change: (path) => limited(archiveFiles.change(path)),
    create: (path) => limited(archiveFiles.create(path)),
  };
}

/** Saves three images of 100,000 bytes each. */
async function save(carry: Carry, files: ArchiveFiles) {
  const lines = [0, 1, 2].map((i) => {
    const layers = [randomBytes(100_000, `${i}`)];
    carry.source.install(
      `corp/n${i}`,
      "v1",
      makeImage({ seed: `${i}`, layers }),
    );
    return `corp/n${i}:v1`;
  });
  let stderr = "";
  const env = () => undefined;
  const code = await runSave({
    archive: carry.path("a.tar"),
    files,
    filter: parsePlatformFilter({ platforms: ["all"] }),
    provenance: true,
    signatures: true,
    dryRun: false,
    autoYes: false,
    input: { file: "-" },
    failed: carry.path("failed.txt"),
    source: { host: carry.source.host, scheme: "http" },
    jobs: 1,
    timeoutMs: 0,
    skipLogin: true,
    warnings: [],
    maxPerHost: 8,
    retryDelayMs: 1,
    stallTimeoutMs: 0,
    debug: false,
    logFormat: "text",
  }, {
    stdout: () => {},
    stderr: (text) => {
      stderr += text;
    },
    stdin: () => Promise.resolve(new TextEncoder().encode(lines.join("\n"))),
    env,
    prompt: () => Promise.resolve(undefined),
    color: false,
    onInterrupt: () => () => {},
    keychain: { ...denoKeychainEnvironment(), env },
  }).catch((error) => {
    stderr += error.message;
    return 2;
  });
  return { code, stderr };
}

Deno.test("archives: what does not fit is refused before the first blob, with both numbers", async () => {
  await using carry = new Carry();
  const files = disk({ told: 200_000, room: () => Infinity });
  const { code, stderr } = await save(carry, files);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "200000 bytes");
  assertEquals(/takes .*\((3\d{5}) bytes\) more/.test(stderr), true, stderr);
  // Configs are read to see of which platform the images are.
  const layers = [0, 1, 2].map((i) => sha256(randomBytes(100_000, `${i}`)));
  for (const reference of layers) {
    assertEquals(carry.source.count({ kind: "blob", reference }), 0);
  }
  assertEquals([...Deno.readDirSync(carry.directory)].map((e) => e.name), []);
});

Deno.test("archives: a disk that fills leaves no archive, and the same command goes on", async () => {
  await using carry = new Carry();
  let room = 230_000;
  const files = disk({ told: 1e9, room: () => room });
  const full = await save(carry, files);
  assertEquals(full.code, 1, full.stderr);
  assertStringIncludes(full.stderr, "no space left");
  assertStringIncludes(full.stderr, "it goes on");
  assertEquals(await archiveFiles.look(carry.path("a.tar")), undefined);
  room = Infinity;
  carry.source.clear();
  const again = await save(carry, files);
  assertEquals(again.code, 0, again.stderr);
  const fetched = carry.source.requests.filter(({ kind, method }) =>
    kind === "blob" && method === "GET"
  );
  // A layer and a config of the last image, and what was on its way.
  assertEquals(fetched.length <= 3, true, `${fetched.length} blobs`);
  assertEquals((await carry.load()).code, 0);
});
