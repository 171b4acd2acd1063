import { assertEquals, assertStringIncludes } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar, type HangarResult } from "../support/hangar.ts";
import { type MadeImage, makeImage, sha256 } from "../support/images.ts";
import { type TarredFile, writeTar } from "../support/archives/tar.ts";
import { attack } from "./attack.ts";

const GOOD = makeImage({ seed: "good" });
const BAD = makeImage({ seed: "bad" });
const [LAYER = ""] = BAD.blobs.keys();
const SECRET = new TextEncoder().encode("a secret of this machine\n");

const encode = (json: unknown) =>
  new TextEncoder().encode(JSON.stringify(json));
const pathOf = (digest: string) => `blobs/${digest.replace(":", "/")}`;

function entryOf(name: string, { mediaType, digest, bytes }: MadeImage) {
  return {
    mediaType,
    digest,
    size: bytes.byteLength,
    annotations: { "org.opencontainers.image.ref.name": name },
  };
}

const INDEX = {
  schemaVersion: 2,
  mediaType: "application/vnd.oci.image.index.v1+json",
  manifests: [
    entryOf("docker.io/corp/good:v1", GOOD),
    entryOf("docker.io/corp/bad:v1", BAD),
  ],
};

/** The files of a layout with both images. */
function filesOf(index: unknown = INDEX): TarredFile[] {
  return [
    ...[GOOD, BAD].flatMap((image) => [
      { name: pathOf(image.digest), bytes: image.bytes },
      ...[...image.blobs].map(([digest, bytes]) => ({
        name: pathOf(digest),
        bytes,
      })),
    ]),
    { name: "oci-layout", bytes: encode({ imageLayoutVersion: "1.0.0" }) },
    { name: "index.json", bytes: encode(index) },
  ];
}

/** A machine with a secret, and a registry that it loads into. */
class Machine implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync();
  readonly secret = `${this.directory}/secret`;
  readonly registry = FakeRegistry.start();

  constructor() {
    Deno.writeFileSync(this.secret, SECRET);
  }

  path(name: string): string {
    return `${this.directory}/${name}`;
  }

  async tar(files: readonly TarredFile[]): Promise<string> {
    const path = this.path("a.tar");
    await Deno.writeFile(path, writeTar(files));
    return path;
  }

  /** The layout as a directory. */
  async layout(files = filesOf()): Promise<string> {
    const path = this.path("layout");
    await Deno.mkdir(`${path}/blobs/sha256`, { recursive: true });
    for (const { name, bytes } of files) {
      await Deno.writeFile(`${path}/${name}`, bytes!);
    }
    return path;
  }

  load(archive: string): Promise<HangarResult> {
    return hangar([
      "load",
      `-s=${archive}`,
      `-d=http://${this.registry.host}`,
      `--failed=${this.path("failed.txt")}`,
    ]);
  }

  /** Loads, verifies, lists, exports and merges; gives what load did. */
  async tryAll(archive: string): Promise<HangarResult> {
    const before = this.files();
    const results: HangarResult[] = [];
    for (
      const words of [
        ["archive", "verify", archive],
        ["archive", "ls", archive],
        ["archive", "merge", `-f=${archive}`, `-o=${this.path("out")}`],
        [
          "archive",
          "export",
          "-f-",
          `-s=${archive}`,
          `-d=${this.path("out.tar")}`,
          `--failed=${this.path("failed.txt")}`,
        ],
      ]
    ) {
      const result = await hangar(words, {
        stdin: "corp/good:v1\ncorp/bad:v1",
      });
      // No crash, no stack: one line says it.
      assertEquals(/TypeError|at async|\.ts:/.test(result.stderr), false);
      results.push(result);
    }
    const loaded = await this.load(archive);
    const made = new Set(["out", "out.tar", "failed.txt"]);
    assertEquals(this.files().filter((f) => !made.has(f)), before);
    assertEquals(this.holdsSecret(), false);
    assertEquals(
      results.every(({ stdout }) => !stdout.includes("secret")),
      true,
    );
    return loaded;
  }

  files(): string[] {
    return [...Deno.readDirSync(this.directory)].map((e) => e.name).sort();
  }

  holdsSecret(): boolean {
    return this.registry.requests.some(({ path }) =>
      path.includes(sha256(SECRET))
    );
  }

  /** Whether the good image was loaded, and the bad one not. */
  assertOnlyGood({ code, stderr }: HangarResult): void {
    assertEquals(code, 1, stderr);
    assertEquals(this.registry.digestOf("corp/good", "v1"), GOOD.digest);
    assertEquals(this.registry.digestOf("corp/bad", "v1"), undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.registry[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
    assertEquals(this.registry.dangling(), []);
  }
}

attack(
  "a blob of a directory is a link to a file of this machine",
  async () => {
    await using machine = new Machine();
    const layout = await machine.layout();
    await Deno.remove(`${layout}/${pathOf(LAYER)}`);
    await Deno.symlink(machine.secret, `${layout}/${pathOf(LAYER)}`);
    machine.assertOnlyGood(await machine.tryAll(layout));
  },
);

attack(
  "a link of a directory leads to just the content that its name promises",
  async () => {
    // A manifest may name a file of this machine by its digest.
    const bad = new TextDecoder().decode(BAD.bytes)
      .replace(LAYER, sha256(SECRET)).replace(
        /"size": 1000\b/,
        `"size": ${SECRET.byteLength}`,
      );
    const bytes = new TextEncoder().encode(bad);
    const image = { ...BAD, bytes, digest: sha256(bytes) };
    await using machine = new Machine();
    const layout = await machine.layout(filesOf({
      ...INDEX,
      manifests: [INDEX.manifests[0], entryOf("docker.io/corp/bad:v1", image)],
    }));
    await Deno.writeFile(`${layout}/${pathOf(image.digest)}`, bytes);
    await Deno.symlink(machine.secret, `${layout}/${pathOf(sha256(SECRET))}`);
    const { code, stderr } = await machine.load(layout);
    assertEquals(code, 1, stderr);
    assertEquals(machine.registry.digestOf("corp/bad", "v1"), undefined);
  },
);

for (
  const name of [".hangar", ".hangar/incoming", "blobs", "blobs/sha256"]
) {
  attack(`${name} of a directory is a link`, async () => {
    await using machine = new Machine();
    const layout = await machine.layout(filesOf());
    const elsewhere = machine.path("elsewhere");
    await Deno.mkdir(`${elsewhere}/incoming`, { recursive: true });
    const theirs = [`${elsewhere}/1`, `${elsewhere}/incoming/1`];
    for (const path of theirs) await Deno.writeTextFile(path, "not ours");
    await Deno.mkdir(`${layout}/.hangar`);
    await Deno.remove(`${layout}/${name}`, { recursive: true }).catch(() => {});
    await Deno.symlink(elsewhere, `${layout}/${name}`);
    const { code, stderr } = await machine.load(layout);
    assertEquals(code, 1, stderr);
    const synced = await hangar([
      "sync",
      "-f-",
      `-d=${layout}`,
      `--source=http://${machine.registry.host}`,
      `--failed=${machine.path("failed.txt")}`,
    ], { stdin: "corp/app:v1" });
    assertEquals(synced.code, 1, synced.stderr);
    assertStringIncludes(synced.stderr, `${layout}/${name} is not a directory`);
    for (const path of theirs) await Deno.stat(path);
    assertEquals([...Deno.readDirSync(elsewhere)].length, 2);
  });
}

for (
  const [what, type] of [["link", "2"], ["hard link", "1"], ["device", "3"]]
) {
  attack(`a blob of a tar is a ${what}`, async () => {
    await using machine = new Machine();
    const files = filesOf().map((file) =>
      file.name === pathOf(LAYER)
        ? { name: file.name, type, link: machine.secret }
        : file
    );
    const { code, stderr } = await machine.tryAll(await machine.tar(files));
    assertEquals(code, 1, stderr);
    assertEquals(machine.registry.digestOf("corp/bad", "v1"), undefined);
  });
}

attack("the names in a tar lead out of it", async () => {
  await using machine = new Machine();
  const evil = encode("evil");
  const archive = await machine.tar([
    { name: "../evil", bytes: evil },
    { name: "../../../../../../../../tmp/hangar-evil", bytes: evil },
    { name: `${machine.directory}/evil`, bytes: evil },
    { name: "blobs/sha256/../../../evil", bytes: evil },
    { name: "..\\evil", bytes: evil },
    ...filesOf(),
  ]);
  const { code, stderr } = await machine.tryAll(archive);
  assertEquals(code, 0, stderr);
  assertEquals(machine.files().includes("evil"), false);
});

attack("the references in an index lead somewhere else", async () => {
  await using machine = new Machine();
  const names = [
    "docker.io/corp/good:v1",
    "../../secret",
    "docker.io/../../secret:v1",
    "user:pass@evil.example/x:v1",
    "docker.io/corp/bad:v1\nINFO nothing to see\u001b[2K",
  ];
  const index = {
    ...INDEX,
    manifests: names.map((name, i) => entryOf(name, i === 0 ? GOOD : BAD)),
  };
  const { stderr } = await machine.tryAll(await machine.tar(filesOf(index)));
  assertEquals(machine.registry.digestOf("corp/good", "v1"), GOOD.digest);
  assertEquals(machine.registry.tags(), ["corp/good:v1"]);
  // deno-lint-ignore no-control-regex
  assertEquals(/\u001b|^INFO/m.test(stderr), false);
});

attack(
  "an index that two readers read differently, or that is none",
  async () => {
    const text = JSON.stringify(INDEX);
    for (
      const json of [
        `{"manifests":[],${text.slice(1)}`,
        text.replace('"manifests"', '"Manifests"'),
        text.replace('"schemaVersion":2', '"schemaVersion":1'),
        "[]",
        "{",
        `${"[".repeat(5000)}${"]".repeat(5000)}`,
      ]
    ) {
      await using machine = new Machine();
      const files = [
        ...filesOf().slice(0, -1),
        { name: "index.json", bytes: new TextEncoder().encode(json) },
      ];
      const { code, stderr } = await machine.tryAll(await machine.tar(files));
      assertEquals(code > 0, true, stderr);
      assertStringIncludes(stderr, machine.path("a.tar"));
      assertEquals(machine.registry.tags(), []);
    }
  },
);

attack("sizes that are not those of the content", async () => {
  for (const size of [-1, 0, 1, 1e15, 2 ** 60, 1.5, "475"]) {
    await using machine = new Machine();
    const index = {
      ...INDEX,
      manifests: [INDEX.manifests[0], { ...INDEX.manifests[1], size }],
    };
    const archive = await machine.tar(filesOf(index));
    const { code, stderr } = await machine.tryAll(archive);
    assertEquals(code > 0, true, `${size}: ${stderr}`);
    assertEquals(machine.registry.digestOf("corp/bad", "v1"), undefined);
  }
});

attack("an entry of a tar that says it is larger than the tar", async () => {
  await using machine = new Machine();
  const files = filesOf();
  const archive = await machine.tar([
    ...files.slice(0, -1),
    { ...files.at(-1)!, claimedSize: 0o77777777777 },
  ]);
  const { code, stderr } = await machine.tryAll(archive);
  assertEquals(code > 0, true, stderr);
  assertEquals(machine.registry.tags(), []);
});
