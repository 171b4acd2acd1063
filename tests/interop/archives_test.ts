/**
 * Archives of hangar read by other tools, and archives of other tools read by
 * hangar.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { gzipSync } from "node:zlib";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import {
  makeImage,
  makeMultiArch,
  makeReferrer,
  makeSignatures,
  randomBytes,
} from "../support/images.ts";
import {
  interopIgnored,
  type RealRegistry,
  startDockerRegistry,
} from "./support.ts";
import { containerdImport } from "./support/containerd_importer.ts";
import { pushImage } from "./support/push_image.ts";
import { optionalTool, run, runChecked } from "./support/tools.ts";

// Other tools want layers that are really compressed.
const gzipped = (size: number, seed: string) =>
  new Uint8Array(gzipSync(randomBytes(size, seed)));
const base = gzipped(5000, "base");
const APP = makeMultiArch("app", {
  attestations: true,
  layers: [base, gzipped(700, "app")],
  platforms: ["linux/amd64", "linux/arm64", "linux/arm/v7"],
});
const SINGLE = makeImage({ seed: "single", layers: [base] });
const SBOM = makeReferrer(SINGLE, "sbom");
const NAMES = "docker.io/corp/app:v1\ndocker.io/corp/single:v1\n";

/** Archives, and a registry that other tools put their images into. */
class World implements AsyncDisposable {
  readonly directory: string;
  readonly registry: RealRegistry;
  readonly env: Record<string, string>;

  private constructor(directory: string, registry: RealRegistry) {
    this.directory = directory;
    this.registry = registry;
    this.env = { HOME: directory, REGCTL_CONFIG: `${directory}/regctl.json` };
  }

  static async start(): Promise<World> {
    const directory = await Deno.makeTempDir({ prefix: "hangar-archives-" });
    const world = new World(directory, await startDockerRegistry());
    const regctl = optionalTool("regctl");
    if (regctl) {
      const words = ["registry", "set", "--tls", "disabled"];
      await world.tool("regctl", ...words, world.registry.host);
    }
    return world;
  }

  /** Saves the images under the names of Docker Hub. */
  async save(archive: string, list: string, flags: readonly string[] = []) {
    await using source = FakeRegistry.start({ referrers: true });
    source.install("corp/app", "v1", APP);
    source.install(
      "corp/app",
      `${APP.digest.replace(":", "-")}.sig`,
      makeSignatures(APP.digest, ["me"]),
    );
    source.install("corp/single", "v1", SINGLE);
    source.install("corp/single", undefined, SBOM);
    const conf = `${this.directory}/registries.conf`;
    await Deno.writeTextFile(
      conf,
      `[[registry]]\nprefix = "docker.io"\nlocation = "${source.host}"\ninsecure = true\n`,
    );
    const { code, stderr } = await hangar([
      "save",
      "-f-",
      `-d=${this.directory}/${archive}`,
      `--failed=${this.directory}/failed.txt`,
      ...flags,
    ], { stdin: list, env: { CONTAINERS_REGISTRIES_CONF: conf } });
    assertEquals(code, 0, stderr);
  }

  /** Runs another tool in the directory of the archives. */
  async tool(program: string, ...args: string[]): Promise<string> {
    const { directory, env } = this;
    return await runChecked(program, args, { cwd: directory, env });
  }

  /** The digest under a tag of the registry. */
  async digestOf(repository: string): Promise<string | null> {
    const response = await this.registry.fetch(
      `/v2/${repository}/manifests/v1`,
      { headers: { accept: `${APP.mediaType}, ${SINGLE.mediaType}` } },
    );
    await response.body?.cancel();
    return response.headers.get("docker-content-digest");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.registry[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
  }
}

function interop(
  name: string,
  tools: readonly string[],
  test: (world: World) => Promise<void>,
): void {
  Deno.test({
    name: `archives: ${name}`,
    ignore: interopIgnored ||
      tools.some((tool) => optionalTool(tool) === undefined),
    // undici, for a registry that is insecure, looks at the time for a second
    // longer.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      await using world = await World.start();
      await test(world);
    },
  });
}

interop("skopeo reads a tar and a directory by name", [], async (world) => {
  await world.save("full.tar", NAMES, ["--arch=all"]);
  await world.save("part", NAMES);
  const { host } = world.registry;
  const words = [
    "--insecure-policy",
    "copy",
    "--preserve-digests",
    "--dest-tls-verify=false",
  ];
  const app = "docker.io/corp/app:v1";
  await world.tool(
    "skopeo",
    ...words,
    "--all",
    `oci-archive:full.tar:${app}`,
    `docker://${host}/skopeo/app:v1`,
  );
  assertEquals(await world.digestOf("skopeo/app"), APP.digest);
  // Of an archive with some platforms, it takes the one of its machine.
  await world.tool(
    "skopeo",
    ...words,
    "--override-arch=arm64",
    `oci:part:${app}`,
    `docker://${host}/skopeo/part:v1`,
  );
  assertEquals(
    await world.digestOf("skopeo/part"),
    APP.manifests[1]!.digest,
  );
  await world.tool(
    "skopeo",
    ...words,
    "oci:part:docker.io/corp/single:v1",
    `docker://${host}/skopeo/single:v1`,
  );
  assertEquals(await world.digestOf("skopeo/single"), SINGLE.digest);
});

interop("regctl reads a directory by digest and a tar by name", [
  "regctl",
], async (world) => {
  await world.save("full.tar", NAMES, ["--arch=all"]);
  await world.save("part", NAMES);
  const { host } = world.registry;
  await world.tool(
    "regctl",
    "image",
    "copy",
    "--referrers",
    `ocidir://part@${SINGLE.digest}`,
    `${host}/regctl/single:v1`,
  );
  assertEquals(await world.digestOf("regctl/single"), SINGLE.digest);
  const referrers = await world.tool(
    "regctl",
    "artifact",
    "list",
    `${host}/regctl/single:v1`,
  );
  assertStringIncludes(referrers, SBOM.digest);
  await world.tool(
    "regctl",
    "image",
    "import",
    `${host}/regctl/app:v1`,
    "full.tar",
    "--name",
    "docker.io/corp/app:v1",
  );
  assertEquals(await world.digestOf("regctl/app"), APP.digest);
});

interop("oras reads both by digest, and finds referrers", [
  "oras",
], async (world) => {
  await world.save("full.tar", NAMES, ["--arch=all"]);
  await world.save("part", NAMES);
  const { host } = world.registry;
  for (
    const [name, from, digest] of [
      ["single", `part@${SINGLE.digest}`, SINGLE.digest],
      ["app", `full.tar@${APP.digest}`, APP.digest],
    ] as const
  ) {
    await world.tool(
      "oras",
      "copy",
      "--from-oci-layout",
      from,
      "--to-plain-http",
      `${host}/oras/${name}:v1`,
    );
    assertEquals(await world.digestOf(`oras/${name}`), digest);
  }
  assertStringIncludes(
    await world.tool(
      "oras",
      "discover",
      "--oci-layout",
      `part@${SINGLE.digest}`,
    ),
    SBOM.digest,
  );
});

interop("crane pushes a directory with one image", ["crane"], async (world) => {
  await world.save("one", "docker.io/corp/app:v1", [
    "--arch=all",
    "--remove-signatures",
  ]);
  const { host } = world.registry;
  await world.tool("crane", "push", "one", `${host}/crane/app:v1`);
  assertEquals(await world.digestOf("crane/app"), APP.digest);
});

interop(
  "containerd imports every image under its name",
  ["go"],
  async (world) => {
    await world.save("part.tar", NAMES);
    await world.save("one.tar", "docker.io/corp/single:v1", [
      "--remove-signatures",
    ]);
    const imported = await containerdImport(
      ["part.tar", "one.tar"].map((name) => `${world.directory}/${name}`),
    );
    assert(imported);
    const [part, one] = imported;
    const named = part!.filter(({ name }) => /:v1$/.test(name));
    assertEquals(
      named.map(({ name, digest, fault }) => [name, digest, fault]),
      [
        ["docker.io/corp/app:v1", APP.digest, "<nil>"],
        ["docker.io/corp/single:v1", SINGLE.digest, "<nil>"],
      ],
    );
    assertEquals(one!.map(({ name }) => name), ["docker.io/corp/single:v1"]);
  },
);

/** Loads an archive of another tool, and looks at it. */
async function load(
  world: World,
  archive: string,
  list?: string,
): Promise<FakeRegistry> {
  const path = `${world.directory}/${archive}`;
  const verified = await hangar(["archive", "verify", path]);
  assertEquals(verified.code, 0, verified.stderr);
  const far = FakeRegistry.start();
  const { code, stderr } = await hangar([
    "load",
    `-s=${path}`,
    `-d=http://${far.host}`,
    `--failed=${world.directory}/failed.txt`,
    "--arch=all",
    ...list === undefined ? [] : ["-f-"],
  ], { stdin: list });
  assertEquals(code, 0, stderr);
  return far;
}

interop("hangar loads what skopeo wrote", [], async (world) => {
  const { registry } = world;
  await pushImage(registry, { repo: "corp/app", tag: "v1", ...APP });
  const words = [
    "--insecure-policy",
    "copy",
    "--all",
    "--preserve-digests",
    "--src-tls-verify=false",
    `docker://${registry.host}/corp/app:v1`,
  ];
  await world.tool("skopeo", ...words, "oci:directory:v1");
  await world.tool(
    "skopeo",
    ...words,
    "oci-archive:a.tar:docker.io/corp/app:v1",
  );
  await world.tool("skopeo", ...words, "oci-archive:unnamed.tar");
  {
    await using far = await load(world, "directory", "corp/mine:v1");
    assertEquals(far.digestOf("corp/mine", "v1"), APP.digest);
  }
  {
    await using far = await load(world, "a.tar");
    assertEquals(far.digestOf("corp/app", "v1"), APP.digest);
  }
  await using far = await load(
    world,
    "unnamed.tar",
    `corp/app:pin@${APP.digest}`,
  );
  assertEquals(far.digestOf("corp/app", "pin"), APP.digest);
});

interop("hangar loads what regctl, oras and crane wrote", [
  "regctl",
  "oras",
  "crane",
], async (world) => {
  const { registry } = world;
  await pushImage(registry, { repo: "corp/app", tag: "v1", ...APP });
  const from = `${registry.host}/corp/app:v1`;
  await world.tool("regctl", "image", "copy", from, "ocidir://regctl:v1");
  await world.tool("regctl", "image", "export", from, "regctl.tar");
  await world.tool(
    "oras",
    "copy",
    from,
    "--from-plain-http",
    "--to-oci-layout",
    "oras:v1",
  );
  await world.tool("crane", "pull", "--format=oci", from, "crane");
  for (
    const [archive, list] of [
      ["regctl", "corp/app:v1"],
      ["regctl.tar", undefined],
      ["oras", "corp/app:v1"],
      ["crane", `corp/app:v1@${APP.digest}`],
    ] as const
  ) {
    await using far = await load(world, archive, list);
    assertEquals(far.digestOf("corp/app", "v1"), APP.digest, archive);
  }
});

interop("hangar finds the referrers in what oras and regctl wrote", [
  "oras",
  "regctl",
], async (world) => {
  const { registry } = world;
  await pushImage(registry, { repo: "corp/single", tag: "v1", ...SINGLE });
  const from = `${registry.host}/corp/single`;
  const attach = async (subject: string, name: string) => {
    await Deno.writeTextFile(`${world.directory}/${name}`, name);
    const output = await world.tool(
      "oras",
      "attach",
      "--plain-http",
      "--format=json",
      `--artifact-type=application/${name}`,
      `${from}@${subject}`,
      name,
    );
    return String(JSON.parse(output).digest);
  };
  const sbom = await attach(SINGLE.digest, "sbom");
  await attach(sbom, "signature");
  await world.tool(
    "oras",
    "copy",
    "--recursive",
    "--from-plain-http",
    `${from}:v1`,
    "--to-oci-layout",
    "oras:v1",
  );
  await world.tool(
    "regctl",
    "image",
    "copy",
    "--referrers",
    `${from}:v1`,
    "ocidir://regctl:v1",
  );
  for (const archive of ["oras", "regctl"]) {
    await using far = await load(world, archive, "corp/single:v1");
    assertEquals(
      far.tags(),
      [SINGLE.digest, sbom]
        .map((digest) => `corp/single:${digest.replace(":", "-")}`)
        .sort()
        .concat("corp/single:v1"),
      archive,
    );
  }
});

interop("tar(1) lists and unpacks an archive", [], async (world) => {
  await world.save("a.tar", NAMES);
  const { code, stdout, stderr } = await run("tar", ["-tvf", "a.tar"], {
    cwd: world.directory,
  });
  assertEquals([code, stderr], [0, ""]);
  assertStringIncludes(stdout, "index.json");
  await Deno.mkdir(`${world.directory}/out`);
  await world.tool("tar", "-xf", "a.tar", "-C", "out");
  const { code: verified } = await hangar([
    "archive",
    "verify",
    `${world.directory}/out`,
  ]);
  assertEquals(verified, 0);
});
