import { assert, assertEquals, assertMatch } from "@std/assert";
import { parse } from "yaml";

const WORKFLOWS = new URL("../../.github/workflows/", import.meta.url);

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly "timeout-minutes"?: number;
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly concurrency?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

function readWorkflow(name: string): Workflow {
  return parse(Deno.readTextFileSync(new URL(name, WORKFLOWS)));
}

/** Every job of every workflow, under `file: job`. */
const JOBS: readonly (readonly [string, Job])[] = [
  ...Deno.readDirSync(WORKFLOWS),
].flatMap(({ name }) =>
  Object.entries(readWorkflow(name).jobs).map(([job, value]) =>
    [`${name}: ${job}`, value] as const
  )
);

const written = (rights: Readonly<Record<string, string>> = {}) =>
  Object.entries(rights).filter(([, value]) => value === "write")
    .map(([right]) => right).sort();

const runsCode = ({ uses = "", run = "" }: Step) =>
  /\b(npx|npm|node|deno)\b/.test(run) || /\/(checkout|setup-node)@/.test(uses);

Deno.test("workflows: what runs npm code has no right to write, and the other way round", () => {
  const { build, publish, image, jsr, ...others } =
    readWorkflow("release.yml").jobs;
  assert(build && publish && image && jsr);
  assertEquals(others, {});
  assertEquals(build.permissions, { contents: "read" });
  assertEquals(written(publish.permissions), [
    "attestations",
    "contents",
    "id-token",
  ]);
  assertEquals(publish.steps.filter(runsCode), []);
  // The image is made of the Dockerfile, which runs nothing, and the binaries.
  assertEquals(written(image.permissions), ["id-token", "packages"]);
  const [checkout, ...more] = image.steps.filter(runsCode);
  assertEquals([checkout?.with?.["sparse-checkout"], more], ["Dockerfile", []]);
  const dockerfile = Deno.readTextFileSync(
    new URL("../../Dockerfile", import.meta.url),
  );
  assertEquals(dockerfile.match(/^(RUN|ADD|ONBUILD)\b/gm), null);
  // Deno sends the source to JSR; nothing of the project is run, nor installed.
  assertEquals(written(jsr.permissions), ["id-token"]);
  assertEquals(jsr.steps.flatMap(({ run }) => run ?? []), [
    "npx --yes deno@2.9.6 publish",
  ]);
  assertEquals(written(readWorkflow("check.yml").permissions), []);
});

Deno.test("workflows: files are attested and released only when their sums are right", () => {
  const { steps } = readWorkflow("release.yml").jobs["publish"]!;
  const at = (pattern: RegExp) =>
    steps.findIndex(({ uses = "", run = "" }) => pattern.test(uses + run));
  const order = [
    at(/^actions\/download-artifact@/),
    at(/sha256sum --check --strict SHA256SUMS/),
    at(/^actions\/attest-build-provenance@/),
    at(/gh release create/),
  ];
  assertEquals(order, [0, 1, 2, 3]);
});

Deno.test("workflows: the image has an SBOM and provenance, for both architectures, and is signed by digest", () => {
  const { steps } = readWorkflow("release.yml").jobs["image"]!;
  const at = (pattern: RegExp) =>
    steps.findIndex(({ uses = "", run = "" }) => pattern.test(uses + run));
  const order = [
    at(/sha256sum --check --strict SHA256SUMS/),
    at(/^docker\/build-push-action@/),
    at(/cosign sign --yes --recursive "\$SIGNED"/),
  ];
  assertEquals(order, order.toSorted((a, b) => a - b));
  assert(order[0]! > 0);
  const { platforms, provenance, sbom } = steps[order[1]!]!.with!;
  assertEquals([platforms, provenance, sbom], [
    "linux/amd64,linux/arm64",
    "mode=max",
    true,
  ]);
});

for (const [name, job] of JOBS) {
  Deno.test(`workflows: ${name} pins its actions, keeps no token and ends some day`, () => {
    assert(job["timeout-minutes"]);
    for (const { uses, with: inputs } of job.steps) {
      if (uses === undefined) continue;
      assertMatch(uses, /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
      if (uses.startsWith("actions/checkout@")) {
        assertEquals(inputs?.["persist-credentials"], false);
      }
    }
  });
}
