import { assertEquals } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import { makeImage } from "../support/images.ts";
import { interopIgnored } from "./support.ts";
import { run } from "./support/tools.ts";

const image = makeImage({ seed: "app" });
const DIGEST = image.digest;

/** Where a reference leads: registries by name, in the order asked. */
interface Case {
  readonly reference: string;
  readonly want: readonly string[];
}

const CASES: readonly Case[] = [
  // A location and a mirror that has it.
  { reference: "docker.io/library/app:v1", want: ["a hub/library/app v1"] },
  { reference: "app:v1", want: ["a hub/library/app v1"] },
  // A mirror that does not, then the location.
  {
    reference: "docker.io/team/app:v1",
    want: ["a hub/team/app v1", "b docker/team/app v1"],
  },
  // Nobody has it: every place was asked.
  {
    reference: "docker.io/team/none:v1",
    want: ["a hub/team/none v1", "b docker/team/none v1"],
  },
  // The longest prefix alone counts.
  { reference: "docker.io/special/app:v1", want: ["c special/app v1"] },
  { reference: "docker.io/special/deep/app:v1", want: ["c deep/app v1"] },
  // A prefix ends at a boundary.
  {
    reference: "docker.io/specialist/app:v1",
    want: ["a hub/specialist/app v1", "b docker/specialist/app v1"],
  },
  // Mirrors for digests, and for tags.
  {
    reference: `digests.example/app@${DIGEST}`,
    want: [`a pinned/app ${DIGEST}`],
  },
  { reference: "digests.example/app:v1", want: ["b digests/app v1"] },
  { reference: "tags.example/app:v1", want: ["a tagged/app v1"] },
  {
    reference: `tags.example/app@${DIGEST}`,
    want: [`b tags/app ${DIGEST}`],
  },
  { reference: "old.example/app:v1", want: ["b old/app v1"] },
  { reference: `old.example/app@${DIGEST}`, want: [`a older/app ${DIGEST}`] },
  // Wildcards: below the domain, not the domain itself.
  { reference: "x.wild.example/app:v1", want: ["c wild/app v1"] },
  { reference: "x.y.wild.example/team/app:v1", want: ["c wild/team/app v1"] },
  { reference: "own.wild.example/app:v1", want: ["b own/app v1"] },
  // Blocked: its location, a namespace, and one that is served by mirrors.
  { reference: "blocked.example/app:v1", want: [] },
  { reference: "partly.example/secret/app:v1", want: [] },
  { reference: "partly.example/open/app:v1", want: ["b partly/open/app v1"] },
  { reference: "never.example/app:v1", want: ["a never/app v1"] },
  { reference: "never.example/none:v1", want: ["a never/none v1"] },
  // A mirror at which nothing listens.
  { reference: "dead.example/app:v1", want: ["b alive/app v1"] },
  // The file in the drop-in directory overrides.
  { reference: "dropin.example/app:v1", want: ["c dropped/app v1"] },
  // A port belongs to the name.
  { reference: "ported.example:5000/app:v1", want: ["b ported/app v1"] },
];

function main(a: string, b: string, c: string): string {
  const registry = (
    prefix: string,
    location: string,
    rest = "insecure = true",
    ...mirrors: string[]
  ) =>
    `[[registry]]\nprefix = "${prefix}"\nlocation = "${location}"\n${rest}\n${
      mirrors.map((m) => `[[registry.mirror]]\ninsecure = true\n${m}\n`).join(
        "",
      )
    }`;
  const at = (location: string, serves?: string) =>
    `location = "${location}"${
      serves === undefined ? "" : `\npull-from-mirror = "${serves}"`
    }`;
  const blocked = "insecure = true\nblocked = true";
  return [
    'unqualified-search-registries = ["docker.io"]',
    registry("docker.io", `${b}/docker`, undefined, at(`${a}/hub`)),
    registry("docker.io/special", `${c}/special`),
    registry("docker.io/special/deep", `${c}/deep/`),
    registry(
      "digests.example",
      `${b}/digests`,
      undefined,
      at(`${a}/pinned`, "digest-only"),
    ),
    registry(
      "tags.example",
      `${b}/tags`,
      undefined,
      at(`${a}/tagged`, "tag-only"),
    ),
    registry(
      "old.example",
      `${b}/old`,
      "insecure = true\nmirror-by-digest-only = true",
      at(`${a}/older`),
    ),
    registry("*.wild.example", `${c}/wild`),
    registry("own.wild.example", `${b}/own`),
    registry("blocked.example", "blocked.example", blocked),
    registry("partly.example", `${b}/partly`),
    registry("partly.example/secret", "partly.example/secret", blocked),
    registry("never.example", "never.example", blocked, at(`${a}/never`)),
    registry(
      "dead.example",
      `${b}/alive`,
      undefined,
      at("127.0.0.1:1/dead", "all"),
    ),
    registry("dropin.example", `${b}/main`),
    registry("ported.example:5000", `${b}/ported`),
  ].join("\n");
}

Deno.test({
  name: "interop: hangar and skopeo agree on where references lead",
  ignore: interopIgnored,
  // undici keeps a timer of its own going for a while.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    await using a = FakeRegistry.start();
    await using b = FakeRegistry.start();
    await using c = FakeRegistry.start();
    const all = { a, b, c };
    for (const { want } of CASES) {
      const last = want.at(-1);
      if (last === undefined || last.includes("none")) continue;
      const [name, repository] = last.split(" ") as ["a" | "b" | "c", string];
      all[name].install(repository, "v1", image);
    }
    const home = await Deno.makeTempDir();
    try {
      const config = `${home}/.config/containers`;
      await Deno.mkdir(`${config}/registries.conf.d`, { recursive: true });
      await Deno.writeTextFile(
        `${config}/registries.conf`,
        main(a.host, b.host, c.host),
      );
      await Deno.writeTextFile(
        `${config}/registries.conf.d/10-drop.conf`,
        `[[registry]]\nprefix = "dropin.example"\nlocation = "${c.host}/dropped"\ninsecure = true\n`,
      );
      const asked = () => {
        const seen = Object.entries(all).flatMap(([name, registry]) =>
          registry.requests.filter((r) => r.kind === "manifest").map((r) => ({
            at: r.at,
            text: `${name} ${r.repository} ${r.reference}`,
          }))
        ).sort((x, y) => x.at - y.at).map(({ text }) => text);
        for (const registry of Object.values(all)) registry.clear();
        return [...new Set(seen)];
      };
      for (const { reference, want } of CASES) {
        await t.step(reference, async () => {
          const theirs = await run("skopeo", [
            "--insecure-policy",
            "inspect",
            "--raw",
            `docker://${reference}`,
          ], { env: { HOME: home, XDG_RUNTIME_DIR: home } });
          const theirWay = asked();
          const own = await hangar(["inspect", "--raw", reference], {
            env: { HOME: home },
          });
          assertEquals(asked(), want, own.stderr);
          assertEquals(theirWay, want, theirs.stderr);
          assertEquals(own.code === 0, theirs.code === 0, own.stderr);
          assertEquals(own.stdout, theirs.stdout);
        });
      }
    } finally {
      await Deno.remove(home, { recursive: true });
    }
  },
});
