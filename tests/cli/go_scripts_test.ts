/**
 * What scripts for Go hangar do, command by command as its own tests do it: the
 * flags are spelled as they are there, and files have their default names.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COSIGN_PASSPHRASE } from "../support/cosign_key.ts";
import { FakeRegistry } from "../support/fake_registry.ts";
import { makeImage, makeMultiArch } from "../support/images.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

const LIST = `# Image list in DEFAULT format
// COMMENT LINE

hxstarrys/slsa-provenance-test:latest
hxstarrys/manifest-v2-list:latest
hxstarrys/manifest-v2
`;

/** A directory to work in, a source and a destination. */
class Place implements AsyncDisposable {
  readonly source = FakeRegistry.start();
  readonly registry = FakeRegistry.start({
    auth: { kind: "basic", username: "admin", password: "pw" },
  });
  readonly directory = Deno.makeTempDirSync();

  constructor() {
    const put = (name: string, image: Parameters<FakeRegistry["install"]>[2]) =>
      this.source.install(`hxstarrys/${name}`, "latest", image);
    const platforms = ["linux/amd64", "linux/arm64/v8"];
    put(
      "slsa-provenance-test",
      makeMultiArch("slsa", { attestations: true, platforms }),
    );
    put("manifest-v2-list", makeMultiArch("list", { docker: true, platforms }));
    put("manifest-v2", makeImage({ seed: "single", docker: true }));
    this.write("list.txt", LIST);
    this.write("pass.txt", COSIGN_PASSPHRASE);
  }

  write(name: string, text: string): void {
    Deno.writeTextFileSync(`${this.directory}/${name}`, text);
  }

  read(name: string): string {
    return Deno.readTextFileSync(`${this.directory}/${name}`);
  }

  /** Runs hangar as a program, which has to succeed. */
  async hangar(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", `--config=${CONFIG}`, MAIN, ...args],
      cwd: this.directory,
      env: {
        HOME: this.directory,
        REGISTRY_AUTH_FILE: `${this.directory}/auth.json`,
        NO_COLOR: "1",
      },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    assertEquals(code, 0, `${args.join(" ")}: ${decoder.decode(stderr)}`);
    return decoder.decode(stdout);
  }

  login(): Promise<string> {
    return this.hangar(
      "login",
      this.registry.host,
      "-u=admin",
      "-p",
      "pw",
      "--tls-verify=false",
    );
  }

  mirror(...flags: string[]): Promise<string> {
    return this.hangar(
      "mirror",
      "-f=list.txt",
      "-j=4",
      "-s",
      this.source.host,
      "-d",
      this.registry.host,
      "--tls-verify=false",
      ...flags,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.source[Symbol.asyncDispose]();
    await this.registry[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
  }
}

Deno.test("a script for Go hangar: help, version and completion", async () => {
  await using place = new Place();
  for (
    const words of [
      [],
      ["mirror"],
      ["mirror", "validate"],
      ["sign"],
      ["sign", "validate"],
      ["inspect", "list"],
      ["list-tags"],
      ["delete"],
      ["merge-manifest"],
      ["convert-list"],
      ["generate-sigstore-key"],
      ["view"],
      ["view", "sbom"],
      ["view", "provenance"],
      ["completion"],
      ["completion", "bash"],
    ]
  ) {
    const help = await place.hangar(...words, "--help");
    assertStringIncludes(help, `hangar${words.map((w) => ` ${w}`).join("")}`);
  }
  const version = await place.hangar("version");
  assertEquals(await place.hangar("-v"), version);
  assert((await place.hangar("completion", "bash")).includes("complete"));
});

Deno.test("a script for Go hangar: login, mirror, validate, inspect, logout", async () => {
  await using place = new Place();
  const { registry } = place;
  await place.login();
  const flags = ["--arch=amd64", "--os=linux", "--destination-project=library"]
    .concat("--provenance=false", "--failed", "failed.txt");
  await place.mirror(...flags);
  await place.hangar(
    "mirror",
    "validate",
    "-f=list.txt",
    "-j=4",
    "-s",
    place.source.host,
    "-d",
    registry.host,
    "--tls-verify=false",
    ...flags,
  );
  for (const command of ["inspect", "i"]) {
    const raw = await place.hangar(
      command,
      `docker://${registry.host}/library/slsa-provenance-test:latest`,
      "--raw",
      "--tls-verify=false",
    );
    const { manifests } = JSON.parse(raw);
    assertEquals(
      manifests.map((one: { platform: unknown }) => one.platform),
      [{ architecture: "amd64", os: "linux" }],
    );
  }
  await place.hangar("logout", "-a");
});

Deno.test("a script for Go hangar: list-tags and delete", async () => {
  await using place = new Place();
  await place.login();
  await place.mirror("--destination-project=tags");
  const repository = `${place.registry.host}/tags/manifest-v2-list`;
  const list = () =>
    place.hangar(
      "list-tags",
      `docker://${repository}`,
      "--tls-verify=false",
      "--format=json",
    );
  assertEquals(await list(), '[\n  "latest"\n]\n');
  await place.hangar(
    "delete",
    `${repository}:latest`,
    "--auto-yes",
    "--tls-verify=false",
  );
  assertEquals(await list(), "[]\n");
});

Deno.test("a script for Go hangar: merge-manifest", async () => {
  await using place = new Place();
  await place.login();
  for (const arch of ["amd64", "arm64"]) {
    place.registry.install(
      "library/app",
      `latest-linux-${arch}`,
      makeImage({ seed: arch, platform: `linux/${arch}`, docker: true }),
    );
  }
  const app = `${place.registry.host}/library/app`;
  const merge = (...flags: string[]) =>
    place.hangar(
      "merge-manifest",
      `${app}:merged`,
      `${app}:latest-linux-amd64`,
      `${app}:latest-linux-arm64`,
      "--tls-verify=false",
      ...flags,
    );
  const shown = await merge("--dry-run");
  await merge();
  const raw = await place.hangar(
    "inspect",
    `docker://${app}:merged`,
    "--raw",
    "--tls-verify=false",
  );
  assertEquals(raw.trim(), shown.trim());
});

Deno.test("a script for Go hangar: convert-list, with names and without", async () => {
  await using place = new Place();
  place.write(
    "default.txt",
    "# COMMENT\n\nTEST INVALID IMAGE LIST LINE\n\nhxstarrys/cas:6.5.6\nlibrary/nginx:latest\n",
  );
  const want =
    "example.io/hxstarrys/cas docker.io/hxstarrys/cas 6.5.6\nexample.io/library/nginx docker.io/library/nginx latest\n";
  const sides = ["-s", "example.io", "-d", "docker.io"];
  await place.hangar(
    "convert-list",
    "--input=default.txt",
    "--output=converted.txt",
    ...sides,
  );
  assertEquals(place.read("converted.txt"), want);
  for (const flags of [[], ["-y"]]) {
    await place.hangar("convert-list", "-i", "default.txt", ...sides, ...flags);
    assertEquals(place.read("default.txt.converted"), want);
  }
});

Deno.test("a script for Go hangar: inspect list, and its files", async () => {
  await using place = new Place();
  place.write(
    "images.txt",
    `${place.source.host}/hxstarrys/manifest-v2:latest\n`,
  );
  const list = (...flags: string[]) =>
    place.hangar(
      "inspect",
      "list",
      "--file",
      "images.txt",
      "--registry",
      "",
      "--tls-verify=false",
      "--auto-yes",
      ...flags,
    );
  for (const format of ["txt", "json", "yaml", "csv"]) {
    await list("--format", format, "--jobs=10");
    assertStringIncludes(place.read(`inspect-report.${format}`), "sha256:");
  }
  await list("--debug", "--format=json", "--report", "custom.txt");
  assertEquals(JSON.parse(place.read("custom.txt")).length, 1);
  await list("-r", "short.csv", "-o", "none.txt", "--timeout=1m");
  assertStringIncludes(place.read("short.csv"), "image,digest");
  const names = [...Deno.readDirSync(place.directory)].map(({ name }) => name);
  assertEquals(names.filter((name) => /failed|none/.test(name)), []);
});

Deno.test("a script for Go hangar: keys, sign and sign validate", async () => {
  await using place = new Place();
  await place.login();
  await place.hangar(
    "generate-sigstore-key",
    "--prefix=cosign",
    "--passphrase-file=pass.txt",
    "--auto-yes",
  );
  assertStringIncludes(
    place.read("cosign.key"),
    "BEGIN ENCRYPTED COSIGN PRIVATE KEY",
  );
  await place.mirror("--arch=amd64", "--destination-project=signed");
  const sign = (words: string[], ...flags: string[]) =>
    place.hangar(
      "sign",
      ...words,
      "--jobs=4",
      "--file=list.txt",
      "--registry",
      place.registry.host,
      "--project",
      "signed",
      "--tls-verify=false",
      "--failed",
      "failed.txt",
      "--auto-yes",
      ...flags,
    );
  await sign([], "--key=cosign.key", "--passphrase-file=pass.txt");
  await sign(["validate"], "--key=cosign.pub");
  // As 1.8 had them.
  await sign([], "-k", "cosign.key", "--sigstore-passphrase-file=pass.txt");
  await sign([], "--sigstore-key=cosign.key", "--passphrase-file=pass.txt");
  await sign(["validate"], "-p", "cosign.pub");
  assert(place.registry.tags().some((tag) => tag.endsWith(".sig")));
});
