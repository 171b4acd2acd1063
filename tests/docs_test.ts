import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parse as parseYaml } from "yaml";
import { VERSION } from "../src/version.ts";
import { FakeRegistry } from "./support/fake_registry.ts";
import { makeMultiArch } from "./support/images.ts";
import { NameProxy } from "./support/name_proxy.ts";
import { SHELL, shellTest } from "./support/shell.ts";

const ROOT = new URL("..", import.meta.url).pathname;
const DOCS = `${ROOT}docs/`;
const PASSWORD = "docs-pa55word";

/** Registries of the pages that images are written to. */
const OPEN = "registry.example:5000";
const HARBOR = "harbor.example";
const REGION = "eu.example:5000";

const PAGES = [
  `${ROOT}README.md`,
  ...[...Deno.readDirSync(DOCS)].filter(({ name }) => name.endsWith(".md"))
    .map(({ name }) => `${DOCS}${name}`).sort(),
];

/** The code of a language in a page, block by block. */
function blocksOf(page: string, language: string): string[] {
  const text = Deno.readTextFileSync(page);
  const fence = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "gm");
  return [...text.matchAll(fence)].map((match) => match[1]!);
}

/**
 * Where the pages are tried: every host name leads to registries on loopback,
 * and the programs of the pages are at hand.
 */
class Sandbox implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync({ prefix: "hangar-docs-" });
  // Whatever is asked of the sources is there.
  readonly source = FakeRegistry.start({
    synthesize: (repository, tag) =>
      makeMultiArch(`${repository}:${tag}`, {
        platforms: ["linux/amd64", "linux/arm64", "linux/arm/v7"],
      }),
  });
  readonly open = FakeRegistry.start({ quirks: { relativeLocation: true } });
  readonly region = FakeRegistry.start();
  readonly harbor = FakeRegistry.start({
    harbor: { projects: new Set(["rancher", "jetstack"]) },
    quirks: { relativeLocation: true },
    auth: { kind: "basic", username: "robot$mirror", password: PASSWORD },
  });
  readonly #proxy = new NameProxy((host) =>
    host === OPEN
      ? this.open.host
      : host === HARBOR
      ? this.harbor.host
      : host === REGION
      ? this.region.host
      : this.source.host
  );

  constructor() {
    for (const tag of ["1.26.1", "1.26.2", "1.27.0", "latest"]) {
      this.source.install("library/nginx", tag, makeMultiArch(`nginx ${tag}`));
    }
    const file = (name: string, text: string) =>
      Deno.writeTextFileSync(`${this.path}/${name}`, text);
    Deno.mkdirSync(`${this.path}/bin`);
    Deno.mkdirSync(`${this.path}/config`);
    file("password.txt", `${PASSWORD}\n`);
    file("corp-ca.crt", "");
    file("auth.json", "{}");
    file("mirror-failed.txt", "nginx:1.27\n");
    // Nothing speaks TLS here.
    file(
      "registries.conf",
      [
        "docker.io",
        "quay.io",
        "registry.k8s.io",
        OPEN,
        HARBOR,
        REGION,
      ].map((host) => `[[registry]]\nlocation = "${host}"\ninsecure = true`)
        .join("\n"),
    );
    const real = `exec "${Deno.execPath()}" run -A "${ROOT}main.ts"`;
    this.#program("hangar", `${real} "$@"`);
    // What the binary would be.
    const binary = `hangar-${VERSION}-linux-amd64`;
    this.#program(`../${binary}`, `${real} "$@"`);
    file("SHA256SUMS", "");
    this.#program(
      "deno",
      `[ "$3" = "jsr:@hangar/mirror" ]; shift 3\n${real} "$@"`,
    );
    this.#program(
      "npx",
      // The tasks themselves are CI's to run, this one excepted.
      `[ "$1 $2 $3" = "--yes deno@2.9.6 task" ]
case "$4" in
  hangar) shift 4; ${real} "$@" ;;
  demo|test|bench|build|check) ;;
  *) exit 1 ;;
esac`,
    );
  }

  #program(name: string, script: string): void {
    const path = `${this.path}/bin/${name}`;
    Deno.writeTextFileSync(path, `#!${SHELL}\nset -e\n${script}\n`);
    Deno.chmodSync(path, 0o755);
  }

  async run(script: string) {
    const { code, stdout, stderr } = await new Deno.Command(SHELL, {
      args: ["-e", "-c", script],
      cwd: this.path,
      clearEnv: true,
      env: {
        PATH: `${this.path}/bin:${Deno.env.get("PATH")}`,
        HOME: this.path,
        XDG_RUNTIME_DIR: `${this.path}/run`,
        DENO_DIR: Deno.env.get("DENO_DIR") ??
          `${Deno.env.get("HOME")}/.cache/deno`,
        CONTAINERS_REGISTRIES_CONF: `${this.path}/registries.conf`,
        HTTP_PROXY: this.#proxy.url,
        HTTPS_PROXY: this.#proxy.url,
        NO_PROXY: "nothing.example",
        // Deno asks for the names of proxied hosts too, which no server knows.
        RES_OPTIONS: "timeout:1 attempts:1",
        DENO_NO_UPDATE_CHECK: "1",
        // What a reader is asked for on a terminal.
        COSIGN_PASSWORD: "docs passphrase",
      },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return {
      code,
      stdout: decoder.decode(stdout),
      stderr: decoder.decode(stderr),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#proxy[Symbol.asyncDispose]();
    for (const registry of [this.source, this.open, this.harbor, this.region]) {
      await registry[Symbol.asyncDispose]();
    }
    await Deno.remove(this.path, { recursive: true });
  }
}

/** What must be there after a page. */
const RESULTS: Readonly<Record<string, (sandbox: Sandbox) => void>> = {
  "docs/harbor.md": ({ harbor }) => {
    const tags = harbor.tags();
    for (
      const tag of [
        "rancher/rancher:v2.9.2",
        "jetstack/cert-manager-controller:v1.12.3",
        "ingress-nginx/controller:v1.11.2",
        "rancher/controller:v1.11.2",
      ]
    ) assert(tags.includes(tag), `${tag} is not among ${tags.join(", ")}`);
  },
  "docs/regions.md": ({ open, region }) => {
    assertEquals(open.tags().sort(), region.tags().sort());
    assertEquals(open.tags().length, 2);
  },
  "docs/kubernetes.md": ({ open }) => assertEquals(open.tags().length, 5),
  "docs/signing.md": ({ open }) => {
    const tags = open.tags();
    assert(tags.some((tag) => tag.endsWith(".sig")), tags.join(", "));
    assert(tags.includes("trusted/cert-manager-controller:v1.12.3"));
  },
};

for (const page of PAGES) {
  const name = page.slice(ROOT.length);
  const blocks = blocksOf(page, "sh");
  if (blocks.length === 0) continue;
  shellTest(`docs: every command of ${name} works`, async () => {
    await using sandbox = new Sandbox();
    const sum = await sandbox.run(
      `sha256sum hangar-${VERSION}-linux-amd64 > SHA256SUMS`,
    );
    assertEquals(sum.code, 0, sum.stderr);
    // One shell for the page, as for a reader.
    const script = blocks.map((block) => `echo '${"-".repeat(8)}'\n${block}`)
      .join("\n");
    const { code, stdout, stderr } = await sandbox.run(script);
    assertEquals(code, 0, `${stdout}\n${stderr}`);
    RESULTS[name]?.(sandbox);
  });
}

/** What the programs of the page on the library find, and leave behind. */
const PROGRAMS: readonly {
  readonly name: string;
  readonly prepare: (sandbox: Sandbox) => void;
  readonly prints: readonly string[];
  readonly tags: (sandbox: Sandbox) => string[];
  readonly holds: readonly string[];
}[] = [
  {
    name: "mirror a list",
    prepare: ({ path }) =>
      Deno.writeTextFileSync(
        `${path}/images.txt`,
        "nginx:1.27\nquay.io/corp/api platform/api v2.1\n",
      ),
    prints: ["1 of 2: ", "2 of 2: ", "registry.example:5000/platform/api:v2.1"],
    tags: ({ open }) => open.tags(),
    holds: ["library/nginx:1.27", "platform/api:v2.1"],
  },
  {
    name: "copy one image",
    prepare: () => {},
    prints: [
      "harbor.example/jetstack/cert-manager-controller:v1.12.3 is sha256:",
      ": copied",
    ],
    tags: ({ harbor }) => harbor.tags(),
    holds: ["jetstack/cert-manager-controller:v1.12.3"],
  },
  {
    name: "choose what to mirror",
    prepare: ({ source }) => {
      const repository = "jetstack/cert-manager-controller";
      for (const tag of ["latest", "v1.9.0", "v1.10.0", "v1.11.0", "v1.12.0"]) {
        source.install(repository, tag, makeMultiArch(tag));
      }
      source.install(
        repository,
        "v1.11.0",
        makeMultiArch("amd64 alone", { platforms: ["linux/amd64"] }),
      );
    },
    prints: ["2 copied, 0 there already"],
    tags: ({ open }) => open.tags(),
    holds: [
      "jetstack/cert-manager-controller:v1.10.0",
      "jetstack/cert-manager-controller:v1.12.0",
    ],
  },
];

const programs = blocksOf(`${DOCS}library.md`, "ts");

Deno.test("docs: every program of docs/library.md has a test", () => {
  assertEquals(programs.length, PROGRAMS.length);
});

for (const [i, { name, prepare, prints, tags, holds }] of PROGRAMS.entries()) {
  shellTest(`docs: the program of docs/library.md works: ${name}`, async () => {
    await using sandbox = new Sandbox();
    prepare(sandbox);
    const { imports, compilerOptions } = JSON.parse(
      await Deno.readTextFile(`${ROOT}deno.json`),
    );
    const file = (name: string, text: string) =>
      Deno.writeTextFile(`${sandbox.path}/${name}`, text);
    // A project that has added hangar.
    await file(
      "deno.json",
      JSON.stringify({
        imports: { ...imports, "@hangar/mirror": `file://${ROOT}main.ts` },
        compilerOptions: {
          ...compilerOptions,
          types: [`${ROOT}src/std.d.ts`],
        },
      }),
    );
    // The packages that the tests have; any newer ones would be downloaded.
    await Deno.copyFile(`${ROOT}deno.lock`, `${sandbox.path}/deno.lock`);
    await file("program.ts", programs[i]!);
    // In the sandbox, the registry of packages cannot be reached.
    const cached = await new Deno.Command(Deno.execPath(), {
      args: ["cache", "program.ts"],
      cwd: sandbox.path,
    }).output();
    assertEquals(cached.code, 0, new TextDecoder().decode(cached.stderr));
    const { code, stdout, stderr } = await sandbox.run(
      `HARBOR_PASSWORD='${PASSWORD}' "${Deno.execPath()}" run -A program.ts`,
    );
    assertEquals(code, 0, `${stdout}\n${stderr}`);
    for (const text of prints) assertStringIncludes(stdout, text);
    assertEquals(tags(sandbox), holds);
  });
}

Deno.test("docs: every error code is on the page about failures, and no other", async () => {
  const source = await Deno.readTextFile(`${ROOT}src/errors.ts`);
  const union = /export type ErrorCode =([^;]*);/.exec(source)![1]!;
  const codes = [...union.matchAll(/\| "([a-z-]+)"/g)].map((m) => m[1]!);
  assert(codes.length > 15);
  const page = await Deno.readTextFile(`${DOCS}troubleshooting.md`);
  const listed = [...page.matchAll(/^\| `([a-z-]+)`/gm)].map((m) => m[1]!);
  assertEquals(listed.toSorted(), [...codes, "internal"].toSorted());
});

Deno.test("docs: links lead somewhere", async () => {
  for (const page of PAGES) {
    const text = await Deno.readTextFile(page);
    for (const [, target = ""] of text.matchAll(/\]\(([^)#]+)\)/g)) {
      if (/^https:/.test(target)) continue;
      const there = await Deno.stat(new URL(target, `file://${page}`))
        .catch(() => undefined);
      assert(there, `${page} links to ${target}`);
    }
  }
  assertStringIncludes(
    await Deno.readTextFile(`${ROOT}README.md`),
    `hangar-${VERSION}-linux-amd64`,
  );
});

/** A value inside parsed YAML or JSON. */
function at(value: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => Object(inner)[key],
    value,
  );
}

Deno.test("docs: the admission policies ask for what hangar attests", () => {
  const [page] = PAGES.filter((one) => one.endsWith("/provenance.md"));
  const schema = JSON.parse(
    Deno.readTextFileSync(`${DOCS}attestation.schema.json`),
  );
  const isAttested = (...path: string[]) =>
    at(schema, ...path.flatMap((key) => ["properties", key])) !== undefined;
  const [type] = /https:\S+(?= and)|https:\/\/jsr\.io\S+\/v1/.exec(
    schema.description,
  )!;
  const [kyverno] = blocksOf(page!, "yaml kyverno").map((one) =>
    parseYaml(one)
  );
  assertEquals(at(kyverno, "kind"), "ClusterPolicy");
  const image = at(kyverno, "spec", "rules", 0, "verifyImages", 0);
  assertEquals(at(image, "failureAction"), "Enforce");
  const attestation = at(image, "attestations", 0);
  assertEquals(at(attestation, "type"), type);
  const conditions = at(attestation, "conditions", 0, "all");
  assert(Array.isArray(conditions) && conditions.length === 2);
  for (const { key } of conditions) {
    const [, path = ""] = /^\{\{ (.+) \}\}$/.exec(key)!;
    assert(isAttested(...path.split(".")), `${path} is attested`);
  }
  const [controller] = blocksOf(page!, "yaml policy-controller")
    .map((one) => parseYaml(one));
  assertEquals(at(controller, "kind"), "ClusterImagePolicy");
  const wanted = at(controller, "spec", "authorities", 0, "attestations", 0);
  assertEquals(at(wanted, "predicateType"), type);
  const cue = String(at(wanted, "policy", "data"));
  for (const field of ["digest", "enforced"]) {
    assert(cue.includes(`${field}:`) && isAttested("policy", field));
  }
});
