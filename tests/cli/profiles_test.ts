import { assertEquals, assertStringIncludes } from "@std/assert";
import { fallbackTag } from "../../src/oci/attachment.ts";
import { parseDigest } from "../../src/oci/digest.ts";
import {
  type MadeImage,
  makeArtifact,
  makeMultiArch,
  makeReferrer,
  makeSignatures,
  randomBytes,
} from "../support/images.ts";
import { ProfilePair } from "../support/profile_pair.ts";
import { type Profile, PROFILES } from "../support/profiles.ts";

const base = randomBytes(700_000, "base");
const web = makeMultiArch("web", { layers: [base, 900], attestations: true });
const api = makeMultiArch("api", { layers: [base, 800] });
const old = makeMultiArch("old", { docker: true, layers: [base, 500] });
const chart = makeArtifact("chart");
const signature = makeSignatures(web.digest, ["key"]);
const sbom = makeReferrer(api.manifests.at(-1)!, "sbom");
const signatureTag = web.digest.replace(":", "-") + ".sig";

const LIST = "team/web:v1\nteam/api:v1\nteam/old:v1\nteam/chart:v1\n";

/** A source with the images, a destination of the profile, hangar between. */
class Scenario extends ProfilePair {
  constructor({ options }: Profile) {
    super(options());
    this.source.install("team/web", "v1", web);
    this.source.install("team/web", signatureTag, signature);
    this.source.install("team/api", "v1", api);
    this.source.install("team/old", "v1", old);
    this.source.install("team/chart", "v1", chart);
    this.source.install("team/api", undefined, sbom);
  }

  mirror(flags: readonly string[] = []) {
    return this.run(["mirror"], LIST, ["-j4", ...flags]);
  }
}

for (const profile of PROFILES) {
  Deno.test(`profile: ${profile.name}`, async () => {
    await using scenario = new Scenario(profile);
    const { destination } = scenario;
    const { refusesOciIndex, immutable } = profile.differs ?? {};
    const first = await scenario.mirror();
    const digests = (...images: [string, MadeImage][]) => {
      for (const [name, image] of images) {
        assertEquals(
          destination.digestOf(`team/${name}`, "v1"),
          image.digest,
          `${name}\n${first.stderr}`,
        );
      }
    };
    digests(["old", old], ["chart", chart]);
    if (refusesOciIndex) {
      assertEquals(first.code, 1);
      assertStringIncludes(first.stderr, "2 copied");
      assertStringIncludes(
        first.stderr,
        "415 MANIFEST_INVALID: manifest type application/vnd.oci.image.index.v1+json is not supported",
      );
      assertEquals(destination.tags().filter((t) => /web|api/.test(t)), []);
      return;
    }
    assertEquals(first.code, 0, first.stderr);
    digests(["web", web], ["api", api]);
    assertEquals(
      destination.digestOf("team/web", signatureTag),
      signature.digest,
    );
    const referrers = destination.referrersOf("team/api", api.digest);
    assertEquals(referrers.length, 1);
    const kept = destination.digestOf(
      "team/api",
      fallbackTag(parseDigest(api.digest)),
    );
    assertEquals(kept !== undefined, !profile.options().referrers);

    const sent = destination.blobBytesReceived;
    const second = await scenario.mirror();
    assertEquals(second.code, 0, second.stderr);
    assertStringIncludes(second.stderr, "4 up to date");
    assertEquals(destination.blobBytesReceived, sent);
    const proof = await scenario.run(["mirror", "validate"], LIST, [
      "--deep=bytes",
    ]);
    assertEquals(proof.code, 0, proof.stderr);

    const newer = makeMultiArch("newer web");
    scenario.source.install("team/web", "v1", newer);
    const third = await scenario.mirror(["--overwrite"]);
    if (immutable) {
      assertEquals(third.code, 1);
      assertStringIncludes(
        third.stderr,
        `${immutable.status} ${immutable.code}: tag v1 already exists`,
      );
      assertEquals(destination.digestOf("team/web", "v1"), web.digest);
    } else {
      assertEquals(third.code, 0, third.stderr);
      assertEquals(destination.digestOf("team/web", "v1"), newer.digest);
    }
  });
}

Deno.test("profile: ECR says that a repository is missing, and what to do", async () => {
  const ecr = PROFILES.find(({ name }) => name === "ECR")!;
  await using scenario = new Scenario({
    ...ecr,
    options: () => ({
      ...ecr.options(),
      quirks: { ...ecr.options().quirks, knownRepositories: ["team/web"] },
    }),
  });
  const { code, stderr } = await scenario.mirror();
  assertEquals(code, 1);
  assertStringIncludes(stderr, "1 copied");
  assertStringIncludes(
    stderr,
    "404 NAME_UNKNOWN: The repository with name 'team/api' does not exist",
  );
});

function harbor(mayCreate: boolean): Profile {
  const profile = PROFILES.find(({ name }) => name === "Harbor")!;
  return {
    ...profile,
    options: () => ({
      ...profile.options(),
      harbor: { projects: new Set<string>(), mayCreate },
    }),
  };
}

Deno.test("profile: Harbor's missing project is named, and made with --create-project", async () => {
  await using scenario = new Scenario(harbor(true));
  const without = await scenario.mirror();
  assertEquals(without.code, 1);
  assertStringIncludes(
    without.stderr,
    "401 UNAUTHORIZED: project team not found",
  );
  assertStringIncludes(without.stderr, "that the project exists");
  for (const flags of [[], ["--missing"]]) {
    const dry = await scenario.mirror([
      "--create-project",
      "--dry-run",
      ...flags,
    ]);
    assertEquals(dry.code, 0, dry.stderr);
    assertStringIncludes(dry.stderr, "Would create project team in ");
    assertStringIncludes(dry.stderr, "4 would be copied");
  }
  const made = await scenario.mirror(["--create-project"]);
  assertEquals(made.code, 0, made.stderr);
  assertStringIncludes(
    made.stderr,
    `Created project team in ${scenario.destination.host}`,
  );
  const again = await scenario.mirror(["--create-project"]);
  assertEquals(again.code, 0, again.stderr);
  assertEquals(again.stderr.includes("Created project"), false);
});

Deno.test("profile: a robot account that may not make projects is told so", async () => {
  await using scenario = new Scenario(harbor(false));
  const { code, stderr } = await scenario.mirror(["--create-project"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "may not make project team: ");
  assertStringIncludes(stderr, "403 FORBIDDEN");
  assertStringIncludes(stderr, "a robot account needs the system permission");
  assertEquals(scenario.destination.tags(), []);
});

Deno.test("profile: --create-project says that a registry is no Harbor", async () => {
  const profile = PROFILES.find(({ name }) => name === "distribution 2.8")!;
  await using scenario = new Scenario(profile);
  const { code, stderr } = await scenario.mirror(["--create-project"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "does not answer as Harbor");
  const dry = await scenario.mirror(["--create-project", "--dry-run"]);
  assertEquals(dry.code, 2);
  assertStringIncludes(dry.stderr, "does not answer as Harbor");
  assertEquals(dry.stderr.includes("Would create"), false);
  scenario.destination.violations.length = 0;
});
