import { assertEquals, assertStringIncludes } from "@std/assert";
import { hangar } from "../support/hangar.ts";
import {
  type MadeImage,
  makeArtifact,
  makeImage,
  makeMultiArch,
  randomBytes,
} from "../support/images.ts";
import {
  interopIgnored,
  pushImage,
  type RealRegistry,
  run,
  skopeo,
  startDockerRegistry,
} from "./support.ts";
import { optionalTool } from "./support/tools.ts";

function interop(
  name: string,
  fn: () => Promise<void>,
  options: Partial<Deno.TestDefinition> = {},
): void {
  Deno.test({
    ...options,
    name: `interop: ${name}`,
    ignore: interopIgnored,
    fn,
  });
}

const PASSWORD = { user: "ann", password: "s3cret:with colon" };

interface Pair extends AsyncDisposable {
  readonly source: RealRegistry;
  readonly destination: RealRegistry;
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs `hangar mirror` on a list with the credentials for both. */
  mirror(list: string, ...flags: string[]): ReturnType<typeof hangar>;
  /** The digest and bytes under a reference, as skopeo reads them. */
  raw(reference: string): Promise<string>;
}

/** A source with a password and a destination over TLS with its own CA. */
async function startPair(): Promise<Pair> {
  const source = await startDockerRegistry({ htpasswd: PASSWORD });
  const destination = await startDockerRegistry({ tls: true });
  const directory = await Deno.makeTempDir();
  const certs = `${directory}/config/containers/certs.d/${destination.host}`;
  await Deno.mkdir(certs, { recursive: true });
  await Deno.copyFile(destination.caFile!, `${certs}/ca.crt`);
  const auth = btoa(`${PASSWORD.user}:${PASSWORD.password}`);
  await Deno.writeTextFile(
    `${directory}/auth.json`,
    JSON.stringify({ auths: { [source.host]: { auth } } }),
  );
  const env = {
    REGISTRY_AUTH_FILE: `${directory}/auth.json`,
    XDG_CONFIG_HOME: `${directory}/config`,
  };
  return {
    source,
    destination,
    directory,
    env,
    mirror: (list, ...flags) =>
      hangar(
        ["mirror", "-f", "-", "-s", source.host, "-d", destination.host]
          .concat("--failed", `${directory}/failed.txt`, flags),
        { env, stdin: list },
      ),
    raw: async (reference) => {
      const { code, stdout, stderr } = await skopeo([
        "inspect",
        "--raw",
        "--cert-dir",
        certs,
        `docker://${destination.host}/${reference}`,
      ]);
      if (code !== 0) throw new Error(stderr);
      return stdout;
    },
    async [Symbol.asyncDispose]() {
      await source[Symbol.asyncDispose]();
      await destination[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

function text(image: { readonly bytes: Uint8Array }): string {
  return new TextDecoder().decode(image.bytes);
}

function digestsIn(raw: string): string[] {
  return JSON.parse(raw).manifests.map((m: { digest: string }) => m.digest);
}

async function push(
  registry: RealRegistry,
  repo: string,
  tag: string,
  image: MadeImage,
) {
  await pushImage(registry, { repo, tag, ...image });
}

interop(
  "both list formats arrive byte for byte, and again costs two requests an image, and a single one its config",
  async () => {
    await using pair = await startPair();
    const app = makeMultiArch("app", {
      attestations: true,
      layers: [2_000_000, 500],
    });
    const docker = makeMultiArch("docker", { docker: true });
    const single = makeImage({ seed: "single" });
    const chart = makeArtifact("chart");
    await push(pair.source, "library/app", "v1", app);
    await push(pair.source, "deep/a/b/c/d", "v2", docker);
    await push(pair.source, "corp/single", "latest", single);
    await push(pair.source, "corp/chart", "1.0", chart);
    const list =
      "\ufeffapp:v1\r\n# comment\r\ndeep/a/b/c/d moved/to/here v2 # why\r\n" +
      "corp/single\r\ncorp/chart\tcharts/chart\t1.0\r\n";
    const first = await pair.mirror(list, "-j", "4");
    assertEquals(first.code, 0, first.stderr);
    assertEquals(await pair.raw("library/app:v1"), text(app));
    assertEquals(await pair.raw("moved/to/here:v2"), text(docker));
    assertEquals(await pair.raw("corp/single:latest"), text(single));
    assertEquals(await pair.raw("charts/chart:1.0"), text(chart));

    await pair.source.settledRequests();
    await pair.destination.settledRequests();
    await pair.source.clearRequests();
    await pair.destination.clearRequests();
    const again = await pair.mirror(list, "--remove-signatures");
    assertEquals(again.code, 0, again.stderr);
    assertStringIncludes(again.stderr, "0 copied, 4 up to date");
    const toSource = await pair.source.settledRequests();
    const toDestination = await pair.destination.settledRequests();
    // One ping each, one more for the login check, and the images.
    assertEquals(
      toDestination.filter((r) => r.path !== "/v2/").map((r) => r.method)
        .sort(),
      ["GET", "GET", "GET", "GET"],
    );
    assertEquals(
      toSource.filter((r) => r.path !== "/v2/" && r.status !== 401)
        .map((r) => r.method).sort(),
      // The config says of which platform the single image is.
      ["GET", "HEAD", "HEAD", "HEAD", "HEAD"],
    );
  },
);

interop("--arch amd64, then arm64, then --overwrite", async () => {
  await using pair = await startPair();
  const app = makeMultiArch("app", {
    attestations: true,
    platforms: ["linux/amd64", "linux/arm64", "linux/s390x"],
  });
  await push(pair.source, "corp/app", "v1", app);
  const [amd64, arm64, , amd64Att, arm64Att] = digestsIn(text(app));
  const run = async (...flags: string[]) => {
    const { code, stderr } = await pair.mirror("corp/app:v1", ...flags);
    assertEquals(code, 0, stderr);
    return digestsIn(await pair.raw("corp/app:v1"));
  };
  assertEquals(await run("--arch", "amd64"), [amd64, amd64Att]);
  assertEquals(await run("--arch", "arm64"), [
    amd64,
    arm64,
    amd64Att,
    arm64Att,
  ]);
  assertEquals(await run("--arch", "arm64", "--overwrite"), [arm64, arm64Att]);
  assertEquals(
    await run("--arch", "arm64", "--overwrite", "--provenance=false"),
    [arm64],
  );
  const pulled = await skopeo([
    "copy",
    "--src-cert-dir",
    `${pair.directory}/config/containers/certs.d/${pair.destination.host}`,
    "--all",
    `docker://${pair.destination.host}/corp/app:v1`,
    `dir:${pair.directory}/pulled`,
  ]);
  assertEquals(pulled.code, 0, pulled.stderr);

  await pair.destination.settledRequests();
  await pair.destination.clearRequests();
  await pair.source.clearRequests();
  await run("--arch", "arm64", "--provenance=false");
  const counted = [
    ...await pair.source.settledRequests(),
    ...await pair.destination.settledRequests(),
  ].filter((r) => r.path !== "/v2/" && r.status !== 401);
  // The reading back by skopeo is not hangar's.
  const byHangar = counted.filter((r) => r.method === "HEAD").length;
  assertEquals(byHangar, 1);
});

interop(
  "60 images that share base layers: each blob sent once a registry, mounted elsewhere",
  async () => {
    await using pair = await startPair();
    const bases = [1, 2, 3].map((n) => randomBytes(700_000, `base ${n}`));
    const names = Array.from({ length: 60 }, (_, i) => `team/app-${i}`);
    const blobs = new Set<string>();
    for (const [i, name] of names.entries()) {
      const image = makeMultiArch(name, { layers: [bases[i % 3]!, 1000] });
      for (const digest of image.blobs.keys()) blobs.add(digest);
      await push(pair.source, name, "v1", image);
    }
    await pair.destination.clearRequests();
    const { code, stderr } = await pair.mirror(
      names.map((name) => `${name}:v1`).join("\n"),
      "-j8",
    );
    assertEquals(code, 0, stderr);
    const requests = await pair.destination.settledRequests();
    const puts = requests.filter((r) =>
      r.method === "PUT" && r.path.includes("/blobs/uploads/")
    );
    assertEquals(puts.length, blobs.size);
    const mounts = requests.filter((r) => {
      const { pathname, searchParams } = new URL(r.path, "http://registry");
      // Not the one trial of a mount from the repository itself.
      return r.method === "POST" && searchParams.has("mount") &&
        !pathname.startsWith(`/v2/${searchParams.get("from")}/`) &&
        r.status === 201;
    });
    assertEquals(mounts.length, 60 - 3);
    assertStringIncludes(stderr, "60 copied");
  },
);

interop(
  "pinned digests are pushed by digest, with their tag where they have one",
  async () => {
    await using pair = await startPair();
    const app = makeMultiArch("pinned");
    await push(pair.source, "corp/app", "v1", app);
    const { code, stderr } = await pair.mirror(
      `corp/app@${app.digest}\nother/app:v9@${app.digest}\n`,
      "--arch",
      "amd64",
    );
    // The second line's source does not exist, which is that line's failure.
    assertEquals(code, 1, stderr);
    assertEquals(await pair.raw(`corp/app@${app.digest}`), text(app));
    assertStringIncludes(stderr, "do not apply to them");
    assertStringIncludes(stderr, "untagged");
    assertEquals(
      (await Deno.readTextFile(`${pair.directory}/failed.txt`)).split("\n")
        .filter((line) => line && !line.startsWith("#"))[0],
      `other/app:v9@${app.digest}`,
    );
    const tagged = await pair.mirror(`corp/app:v9@${app.digest}`);
    assertEquals(tagged.code, 0, tagged.stderr);
    assertEquals(await pair.raw("corp/app:v9"), text(app));
  },
);

interop(
  "TLS: an unknown CA is refused with what to do, and --tls-verify=false goes on",
  async () => {
    await using source = await startDockerRegistry();
    await using destination = await startDockerRegistry({ tls: true });
    const app = makeImage({ seed: "tls", layers: [2_000_000, 10] });
    await push(source, "corp/app", "v1", app);
    const directory = await Deno.makeTempDir();
    const args = ["mirror", "-f-", "-s", source.host, "-d", destination.host]
      .concat("--failed", `${directory}/failed.txt`);
    const options = { stdin: "corp/app:v1", env: {} };
    try {
      const refused = await hangar(args, options);
      assertEquals(refused.code, 1);
      assertStringIncludes(refused.stderr, "certificate");
      assertStringIncludes(
        refused.stderr,
        `certs.d/${destination.host}/ca.crt`,
      );
      // The source speaks plain HTTP, which this allows as well.
      const { code, stderr } = await hangar(
        [...args, "--tls-verify=false"],
        options,
      );
      assertEquals(code, 0, stderr);
      const copied = await skopeo([
        "inspect",
        "--raw",
        "--tls-verify=false",
        `docker://${destination.host}/corp/app:v1`,
      ]);
      assertEquals(copied.stdout, text(app));
      // And --tls-verify refuses plain HTTP even on this machine.
      const strict = await hangar([...args, "--tls-verify"], options);
      assertEquals(strict.code, 1);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
  // undici keeps one clock of its own running for a second after its last use.
  { sanitizeOps: false, sanitizeResources: false },
);

interop(
  "Ctrl-C in the middle: exit 130, no dangling tag, the rest in the failed list",
  async () => {
    await using source = await startDockerRegistry();
    await using destination = await startDockerRegistry();
    const directory = await Deno.makeTempDir();
    try {
      const list: string[] = [];
      for (let i = 0; i < 12; i++) {
        const image = makeMultiArch(`app ${i}`, { layers: [3_000_000, 100] });
        await push(source, `corp/app-${i}`, "v1", image);
        list.push(`corp/app-${i}:v1`);
      }
      await Deno.writeTextFile(`${directory}/list.txt`, list.join("\n"));
      const child = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          new URL("../../main.ts", import.meta.url).pathname,
          "mirror",
          "-f",
          `${directory}/list.txt`,
          "-s",
          source.host,
          "-d",
          destination.host,
          "-j2",
          "--log-format",
          "json",
          "--failed",
          `${directory}/failed.txt`,
        ],
        stderr: "piped",
        stdout: "null",
      }).spawn();
      let log = "";
      let interrupted = false;
      for await (
        const piece of child.stderr.pipeThrough(new TextDecoderStream())
      ) {
        log += piece;
        if (!interrupted && log.includes("Copied")) {
          interrupted = true;
          child.kill("SIGINT");
        }
      }
      assertEquals((await child.status).code, 130, log);
      const failed = (await Deno.readTextFile(`${directory}/failed.txt`))
        .trimEnd().split("\n").filter((line) => line && !line.startsWith("#"));
      const done: string[] = [];
      for (const line of list) {
        const { code, stderr } = await skopeo([
          "copy",
          "--all",
          "--src-tls-verify=false",
          `docker://${destination.host}/${line}`,
          `dir:${directory}/pulled-${line.replaceAll(/[/:]/g, "-")}`,
        ]);
        if (code === 0) done.push(line);
        else assertStringIncludes(stderr, "manifest unknown");
      }
      // A tag may have been on its way when the run ended: both complete and,
      // since nobody saw the answer, in the list.
      assertEquals([...new Set([...done, ...failed])].sort(), [...list].sort());
      assertEquals(failed.length > 0 && done.length > 0, true);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

interop(
  "registry.k8s.io/pause is read as written, and goes below library",
  async () => {
    await using pair = await startPair();
    const pause = makeMultiArch("pause");
    await push(pair.source, "pause", "3.9", pause);
    const { code, stderr } = await pair.mirror("registry.k8s.io/pause:3.9");
    assertEquals(code, 0, stderr);
    assertEquals(await pair.raw("library/pause:3.9"), text(pause));
  },
);

interop(
  "validate passes what mirror made, and names a blob lost on disk",
  async () => {
    await using pair = await startPair();
    const app = makeMultiArch("app", { attestations: true });
    await push(pair.source, "corp/app", "v1", app);
    assertEquals((await pair.mirror("corp/app:v1")).code, 0);
    const validate = (...flags: string[]) =>
      hangar(
        ["mirror", "validate", "-f-", "-s", pair.source.host]
          .concat("-d", pair.destination.host, "-o", `${pair.directory}/f`)
          .concat(flags),
        { env: pair.env, stdin: "corp/app:v1" },
      );
    for (const flags of [[], ["--deep"], ["--deep=bytes"]]) {
      const { code, stderr } = await validate(...flags);
      assertEquals(code, 0, stderr);
      assertStringIncludes(stderr, "PASS: [");
    }
    const [lost = ""] = app.blobs.keys();
    const hex = lost.slice("sha256:".length);
    await Deno.remove(
      `${pair.destination.storageDir}/docker/registry/v2/blobs/sha256/${
        hex.slice(0, 2)
      }/${hex}`,
      { recursive: true },
    );
    const { code, stderr } = await validate("--deep");
    assertEquals(code, 1);
    assertStringIncludes(stderr, `missing: blob ${lost}`);
    assertEquals((await validate()).code, 0);
  },
);

interop(
  "validate finds and names what was damaged: child, attestation, moved tag, swapped image",
  async () => {
    await using pair = await startPair();
    const names = ["child", "attested", "moved", "sound"];
    const made = new Map<string, MadeImage>();
    for (const name of names) {
      const image = makeMultiArch(name, { attestations: true });
      made.set(name, image);
      await push(pair.source, `corp/${name}`, "v1", image);
    }
    const single = makeImage({ seed: "single" });
    await push(pair.source, "corp/single", "v1", single);
    const list = [...names, "single"].map((n) => `corp/${n}:v1`).join("\n");
    assertEquals((await pair.mirror(list, "-j4")).code, 0);
    const validate = () =>
      hangar([
        "mirror",
        "validate",
        "-f-",
        `-s${pair.source.host}`,
        `-d${pair.destination.host}`,
        `-o${pair.directory}/failed.txt`,
      ], { env: pair.env, stdin: list });
    const before = await validate();
    assertEquals(before.code, 0, before.stderr);
    assertEquals(before.stderr.match(/PASS: /g)?.length, 5);

    const { storageDir } = pair.destination;
    const unlink = (name: string, digest: string) =>
      Deno.remove(
        `${storageDir}/docker/registry/v2/repositories/corp/${name}/_manifests/revisions/sha256/${
          digest.slice(7)
        }`,
        { recursive: true },
      );
    const [, lostChild = ""] = digestsIn(text(made.get("child")!));
    await unlink("child", lostChild);
    const [, , lostAttestation = ""] = digestsIn(text(made.get("attested")!));
    await unlink("attested", lostAttestation);
    const stranger = makeMultiArch("stranger");
    await push(pair.destination, "corp/moved", "v1", stranger);
    const swapped = makeImage({ seed: "swapped" });
    await push(pair.destination, "corp/single", "v1", swapped);

    const after = await validate();
    assertEquals(after.code, 1);
    const found = after.stderr.split("\n");
    const says = (...parts: string[]) =>
      assertEquals(
        found.some((line) => parts.every((part) => line.includes(part))),
        true,
        `${parts.join(" ")} in\n${after.stderr}`,
      );
    says("IMG:1", "missing: linux/arm64", lostChild);
    says("IMG:2", "missing: attestation of", lostAttestation);
    says("IMG:3", "missing: linux/amd64", "in the index");
    says("IMG:5", swapped.digest, single.digest);
    says("PASS: ", "corp/sound:v1");
    assertEquals(after.stderr.match(/PASS: /g)?.length, 1);
    assertEquals(
      (await Deno.readTextFile(`${pair.directory}/failed.txt`)).split("\n")
        .filter((line) => line && !line.startsWith("#")),
      ["corp/child:v1", "corp/attested:v1", "corp/moved:v1", "corp/single:v1"],
    );
  },
);

interop(
  "inspect --raw gives the bytes that curl gets, for every kind of manifest",
  async () => {
    await using registry = await startDockerRegistry();
    const images: Record<string, MadeImage> = {
      oci: makeImage({ seed: "a" }),
      docker: makeImage({ seed: "b", docker: true }),
      list: makeMultiArch("c", { docker: true }),
      index: makeMultiArch("d", { attestations: true }),
      artifact: makeArtifact("e"),
    };
    for (const [tag, image] of Object.entries(images)) {
      await push(registry, "corp/app", tag, image);
      const url = `${registry.url}/v2/corp/app/manifests/${tag}`;
      const accept = `Accept: ${image.mediaType}`;
      const curl = await run("curl", ["-sS", "-H", accept, url]);
      assertEquals(curl.code, 0, curl.stderr);
      assertEquals(curl.stdout, text(image));
      const raw = await hangar([
        "inspect",
        "--raw",
        `docker://${registry.host}/corp/app:${tag}`,
      ]);
      assertEquals(raw.stdout, curl.stdout);
    }
  },
);

interop(
  "inspect agrees with skopeo, field by field and byte for byte",
  async () => {
    await using registry = await startDockerRegistry();
    const images = {
      oci: makeImage({ seed: "a" }),
      docker: makeImage({ seed: "b", docker: true }),
      list: makeMultiArch("c", { docker: true }),
      index: makeMultiArch("d", { attestations: true }),
      five: makeImage({ seed: "e", layers: [1, 2, 3, 4, 5] }),
    };
    for (const [tag, image] of Object.entries(images)) {
      await push(registry, "corp/app", tag, image);
    }
    for (const [tag, image] of Object.entries(images)) {
      const reference = `docker://${registry.host}/corp/app:${tag}`;
      const theirs = await skopeo(["inspect", "--tls-verify=false", reference]);
      const ours = await hangar(["inspect", reference]);
      assertEquals(ours.code, 0, ours.stderr);
      const summary = JSON.parse(ours.stdout);
      // What this skopeo prints, whichever fields its version knows.
      const fields = Object.entries(JSON.parse(theirs.stdout));
      assertEquals(fields.length >= 9, true);
      for (const [field, value] of fields) assertEquals(summary[field], value);
      const raw = await hangar(["inspect", "--raw", reference]);
      assertEquals(raw.stdout, text(image));
    }
  },
);

interop(
  "login: skopeo uses what hangar kept, and hangar what skopeo kept",
  async () => {
    await using registry = await startDockerRegistry({ htpasswd: PASSWORD });
    await push(registry, "corp/app", "v1", makeImage({ seed: "a" }));
    const directory = await Deno.makeTempDir();
    const env = { XDG_RUNTIME_DIR: directory, HOME: directory };
    const reference = `docker://${registry.host}/corp/app:v1`;
    const theirs = () =>
      skopeo(["inspect", "--tls-verify=false", reference], { env });
    const ours = () => hangar(["inspect", reference], { env });
    try {
      assertEquals((await theirs()).code !== 0, true);
      const login = await hangar(
        ["login", registry.host, "-u", PASSWORD.user, "--password-stdin"],
        { env, stdin: PASSWORD.password },
      );
      assertEquals(login.code, 0, login.stderr);
      assertEquals((await theirs()).code, 0);
      assertEquals((await hangar(["logout", registry.host], { env })).code, 0);
      assertEquals((await ours()).code, 1);
      const theirLogin = await skopeo([
        "login",
        "--tls-verify=false",
        "-u",
        PASSWORD.user,
        "-p",
        PASSWORD.password,
        registry.host,
      ], { env });
      assertEquals(theirLogin.code, 0, theirLogin.stderr);
      assertEquals((await ours()).code, 0);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

interop(
  "a registry that asks for a client certificate gets the one in certs.d, and half a pair is named",
  async () => {
    await using registry = await startDockerRegistry({
      tls: true,
      clientCertificates: true,
    });
    await push(registry, "corp/app", "v1", makeMultiArch("app"));
    const directory = await Deno.makeTempDir();
    const certs = `${directory}/containers/certs.d/${registry.host}`;
    try {
      await Deno.mkdir(certs, { recursive: true });
      const { caFile, certFile, keyFile } = registry.clientCertificate!;
      const inspect = (...flags: string[]) =>
        hangar(["inspect", "--raw", ...flags, `${registry.host}/corp/app:v1`], {
          env: { XDG_CONFIG_HOME: directory },
        });
      await Deno.copyFile(caFile, `${certs}/ca.crt`);
      const nothing = await inspect();
      assertEquals(nothing.code, 1);
      await Deno.copyFile(certFile, `${certs}/client.cert`);
      const half = await inspect();
      assertEquals(half.code, 1);
      assertStringIncludes(half.stderr, `${certs}/client.key is missing`);
      await Deno.copyFile(keyFile, `${certs}/client.key`);
      for (const flags of [[], ["--tls-verify=false"], ["--tls-verify"]]) {
        const both = await inspect(...flags);
        assertEquals(both.code, 0, both.stderr);
      }
      await Deno.remove(`${certs}/client.cert`);
      assertStringIncludes(
        (await inspect()).stderr,
        `${certs}/client.cert is missing`,
      );
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
  // undici keeps a timer of its own going for a while.
  { sanitizeOps: false, sanitizeResources: false },
);

interop("SSL_CERT_FILE is trusted where certs.d says nothing", async () => {
  await using registry = await startDockerRegistry({ tls: true });
  await push(registry, "corp/app", "v1", makeMultiArch("app"));
  const inspect = (env: Record<string, string>) =>
    hangar(["inspect", "--raw", `${registry.host}/corp/app:v1`], { env });
  assertEquals((await inspect({})).code, 1);
  const trusted = await inspect({ SSL_CERT_FILE: registry.caFile! });
  assertEquals(trusted.code, 0, trusted.stderr);
  const nowhere = await inspect({ SSL_CERT_FILE: "/nonexistent/ca.pem" });
  assertStringIncludes(nowhere.stderr, "cannot read /nonexistent/ca.pem");
});

const distribution = optionalTool("registry");

Deno.test({
  name:
    "interop: distribution v3 takes what docker-registry holds, and gives it back",
  ignore: interopIgnored || distribution === undefined,
  fn: async () => {
    await using source = await startDockerRegistry();
    await using v3 = await startDockerRegistry({ program: distribution });
    const directory = await Deno.makeTempDir();
    try {
      const app = makeMultiArch("app", {
        attestations: true,
        layers: [3_000_000, 700],
      });
      await push(source, "corp/app", "v1", app);
      await push(source, "corp/chart", "1.0", makeArtifact("chart"));
      await push(source, "corp/single", "v1", makeImage({ seed: "s" }));
      const list = "corp/app:v1\ncorp/chart:1.0\ncorp/single:v1\n";
      const run = (words: string[], from: RealRegistry, to: RealRegistry) =>
        hangar([
          ...words,
          "-f-",
          `-s${from.host}`,
          `-d${to.host}`,
          "-j3",
          `--failed=${directory}/failed.txt`,
        ], { stdin: list });
      const there = await run(["mirror"], source, v3);
      assertEquals(there.code, 0, there.stderr);
      assertStringIncludes(there.stderr, "3 copied");
      const again = await run(["mirror"], source, v3);
      assertStringIncludes(again.stderr, "3 up to date");
      const valid = await run(
        ["mirror", "validate", "--deep=bytes"],
        source,
        v3,
      );
      assertEquals(valid.code, 0, valid.stderr);
      await using back = await startDockerRegistry();
      assertEquals((await run(["mirror"], v3, back)).code, 0);
      const raw = await hangar([
        "inspect",
        "--raw",
        `${back.host}/corp/app:v1`,
      ]);
      assertEquals(raw.stdout, text(app));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
