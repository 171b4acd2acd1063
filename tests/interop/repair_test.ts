import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import {
  type MadeImage,
  makeFallback,
  makeMultiArch,
  makeReferrer,
  makeSha512,
  makeSignatures,
} from "../support/images.ts";
import {
  interopIgnored,
  pushImage,
  type RealRegistry,
  skopeo,
  startDockerRegistry,
} from "./support.ts";
import { ChildServer } from "./support/child_server.ts";
import { optionalTool } from "./support/tools.ts";

const REPO = "corp/app";

/** How a registry's disk can fail. */
const HARMS = {
  gone: undefined,
  truncated: (bytes: Uint8Array) => bytes.subarray(0, bytes.length >> 1),
  flipped: (bytes: Uint8Array) => bytes.with(bytes.length >> 1, 88),
} as const;

function tagOf(digest: string, suffix = ""): string {
  return digest.replace(":", "-") + suffix;
}

/** An image with a signature, and an SBOM with a signature. */
function makeAttached() {
  const app = makeMultiArch("app");
  const sbom = makeReferrer(app, "sbom");
  const tagged = new Map<string, MadeImage>([
    [tagOf(app.digest, ".sig"), makeSignatures(app.digest, ["one"])],
    [tagOf(sbom.digest, ".sig"), makeSignatures(sbom.digest, ["of sbom"])],
    [tagOf(app.digest), makeFallback([sbom])],
    ["v1", app],
  ]);
  const [child = app] = app.manifests;
  const [layer = ""] = app.blobs.keys();
  const [signature = app, second = app] = [...tagged.values()];
  const first = ({ blobs }: MadeImage) => [...blobs.keys()][0]!;
  return {
    tagged,
    signatureTag: tagOf(app.digest, ".sig"),
    parts: {
      "a layer": layer,
      "a child's manifest": child.digest,
      "a signature's payload": first(signature),
      "a signature's manifest": signature.digest,
      "an SBOM": [...sbom.blobs.keys()].at(-1)!,
      "an SBOM's manifest": sbom.digest,
      "the payload of an SBOM's signature": first(second),
    },
  };
}

function fileOf({ storageDir }: RealRegistry, digest: string): string {
  const hex = digest.slice("sha256:".length);
  return `${storageDir}/docker/registry/v2/blobs/sha256/${
    hex.slice(0, 2)
  }/${hex}/data`;
}

/** Harms a file; the function that comes back undoes it. */
async function harm(file: string, how: keyof typeof HARMS) {
  const whole = await Deno.readFile(file);
  const change = HARMS[how];
  if (change) await Deno.writeFile(file, change(whole));
  else await Deno.remove(file);
  return () => Deno.writeFile(file, whole);
}

/** What fails of pulling all with skopeo. */
async function pull(registry: RealRegistry, tags: Iterable<string>) {
  const errors: string[] = [];
  for (const tag of tags) {
    const directory = await Deno.makeTempDir();
    const { code, stderr } = await skopeo([
      "copy",
      "--all",
      "--src-tls-verify=false",
      `docker://${registry.host}/${REPO}:${tag}`,
      `dir:${directory}`,
    ]);
    if (code !== 0) errors.push(`${tag}: ${stderr}`);
    await Deno.remove(directory, { recursive: true });
  }
  return errors;
}

const SERVERS = [
  ["docker-registry 2.8", undefined],
  ["distribution v3", optionalTool("registry")],
] as const;

function isIgnored(name: string, program: string | undefined): boolean {
  return interopIgnored ||
    name === "distribution v3" && program === undefined;
}

for (const [name, program] of SERVERS) {
  for (const how of ["gone", "truncated", "flipped"] as const) {
    Deno.test({
      name:
        `interop: ${name}: whatever is ${how} is named, and repaired or a failure`,
      ignore: isIgnored(name, program),
      fn: () => tryDamage(how, program),
    });
  }
}

async function tryDamage(
  how: keyof typeof HARMS,
  program: string | undefined,
): Promise<void> {
  await using source = await startDockerRegistry();
  await using destination = await startDockerRegistry({ program });
  const { tagged, parts, signatureTag } = makeAttached();
  for (const [tag, image] of tagged) {
    await pushImage(source, { repo: REPO, tag, ...image });
  }
  const directory = await Deno.makeTempDir();
  const run = (words: string[], ...flags: string[]) =>
    hangar([
      ...words,
      "-f-",
      `--source=${source.host}`,
      `--destination=${destination.host}`,
      `--failed=${directory}/failed.txt`,
      ...flags,
    ], { stdin: `${REPO}:v1` });
  const validate = (...flags: string[]) =>
    run(["mirror", "validate"], ...flags);
  const first = await run(["mirror"]);
  assertEquals(first.code, 0, first.stderr);
  for (const [what, digest] of Object.entries(parts)) {
    const file = fileOf(destination, digest);
    const undo = await harm(file, how);
    const found = await validate("--deep=bytes");
    assertEquals(found.code, 1, `${what}: ${found.stderr}`);
    // A tag's manifest is known by its tag.
    const name = digest === tagged.get(signatureTag)?.digest
      ? signatureTag
      : digest;
    assertStringIncludes(found.stderr, name, what);
    const deep = await validate("--deep");
    const isSeen = how !== "flipped" || what.includes("manifest");
    assertEquals(deep.code, isSeen ? 1 : 0, `${what}: ${deep.stderr}`);

    const repair = await run(["mirror"], "--overwrite");
    if (how === "gone") {
      assertEquals(repair.code, 0, `${what}: ${repair.stderr}`);
    } else {
      // This server keeps what it has under a digest, whatever it is sent.
      assertEquals(repair.code, 1, `${what}: ${repair.stderr}`);
      assertStringIncludes(repair.stderr, name, what);
      assertStringIncludes(
        repair.stderr,
        // A tag that cannot be read may hold what only the destination has.
        name === signatureTag ? "delete the tag there" : "did not replace",
        what,
      );
      assert((await pull(destination, tagged.keys())).length > 0, what);
      await Deno.remove(file);
      const again = await run(["mirror"], "--overwrite");
      assertEquals(again.code, 0, `${what}: ${again.stderr}`);
    }
    assertEquals(await pull(destination, tagged.keys()), [], what);
    const sound = await validate("--deep=bytes");
    assertEquals(sound.code, 0, `${what}: ${sound.stderr}`);
    await undo();
  }
  await Deno.remove(directory, { recursive: true });
}

/** Mirrors an image by sha512, and gives the run with what validate says. */
async function mirrorSha512(host: string) {
  await using source = FakeRegistry.start();
  const directory = await Deno.makeTempDir();
  source.install(REPO, "v1", makeSha512([600_000, 300]));
  const run = (words: string[]) =>
    hangar([
      ...words,
      "-f-",
      `--source=http://${source.host}`,
      `--destination=http://${host}`,
      "--skip-login",
      `--failed=${directory}/failed.txt`,
    ], { stdin: `${REPO}:v1` });
  const mirrored = await run(["mirror"]);
  const valid = await run(["mirror", "validate", "--deep=bytes"]);
  await Deno.remove(directory, { recursive: true });
  return { mirrored, valid };
}

for (const [name, program] of SERVERS) {
  Deno.test({
    name: `interop: ${name} keeps what it is given by sha512`,
    ignore: isIgnored(name, program),
    fn: async () => {
      await using registry = await startDockerRegistry({ program });
      const { mirrored, valid } = await mirrorSha512(registry.host);
      assertEquals([mirrored.code, valid.code], [0, 0], mirrored.stderr);
    },
  });
}

const crane = optionalTool("crane");

for (const onDisk of [false, true]) {
  Deno.test({
    name: `interop: go-containerregistry's server ${
      onDisk ? "on disk does not keep" : "in memory keeps"
    } what it is given by sha512, and that is said`,
    ignore: crane === undefined,
    fn: async () => {
      const directory = await Deno.makeTempDir();
      const { promise: port, resolve } = Promise.withResolvers<string>();
      const server = new ChildServer(crane!, {
        args: ["registry", "serve", "--address", "127.0.0.1:0"].concat(
          onDisk ? ["--disk", directory] : [],
        ),
        onStdout: () => {},
        onStderr: (line) => {
          const port = /serving on port (\d+)/.exec(line)?.[1];
          if (port !== undefined) resolve(port);
        },
      });
      try {
        const { mirrored, valid } = await mirrorSha512(
          `127.0.0.1:${await port}`,
        );
        assertEquals(mirrored.code, onDisk ? 1 : 0, mirrored.stderr);
        assertEquals(valid.code, onDisk ? 1 : 0, valid.stderr);
        assertEquals(
          mirrored.stderr.includes("does not keep sha512 content"),
          onDisk,
        );
      } finally {
        await server.stop();
        await Deno.remove(directory, { recursive: true });
      }
    },
  });
}
