import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  copy,
  HangarError,
  inspect,
  listTags,
  mirror,
  type MirrorRunOptions,
  validate,
} from "../../main.ts";

// Nothing listens here: an option that slips through ends in another error.
const images = ["127.0.0.1:1/corp/app:v1"];
const destination = "127.0.0.1:2";
const one = { source: images[0]!, destination: `${destination}/corp/app` };

/** What a program without types may pass. */
const loose = (value: unknown) => value as never;

const mirrored = (options: Partial<MirrorRunOptions>) => () =>
  mirror({ images, destination, retry: { times: 0 }, ...options });

const CASES: readonly (readonly [string, () => Promise<unknown>])[] = [
  ["images", mirrored({ images: loose("nginx") })],
  ["images", mirrored({ images: loose([1]) })],
  ["destination", mirrored({ destination: "no registry!" })],
  ["source", mirrored({ source: "no registry!" })],
  ["sourceProject", mirrored({ sourceProject: "No/" })],
  ["destinationProject", mirrored({ destinationProject: "No/" })],
  ["jobs", mirrored({ jobs: 0 })],
  ["jobs", mirrored({ jobs: 21 })],
  ["jobs", mirrored({ jobs: 1.5 })],
  ["maxPerHost", mirrored({ maxPerHost: 0 })],
  ["timeoutMs", mirrored({ timeoutMs: -1 })],
  ["timeoutMs", mirrored({ timeoutMs: 2 ** 31 })],
  ["stallTimeoutMs", mirrored({ stallTimeoutMs: NaN })],
  ["retry.times", mirrored({ retry: { times: 101 } })],
  ["retry.delayMs", mirrored({ retry: { delayMs: -1 } })],
  ["arch", mirrored({ arch: ["amd46"] })],
  ["os", mirrored({ os: ["linus"] })],
  ["platform", mirrored({ platform: ["linux"] })],
  ["platform", mirrored({ platform: ["linux/amd64"], arch: ["amd64"] })],
  ["missing", mirrored({ missing: true, overwrite: true })],
  ["events", mirrored({ events: loose("some") })],
  ["policy", mirrored({ policy: loose("insecur") })],
  ["policy.file", mirrored({ policy: { file: "/nonexistent/policy.json" } })],
  ["policy.json", mirrored({ policy: { json: undefined } })],
  ["tlsVerify", mirrored({ tlsVerify: true, source: "http://r.example" })],
  ["certificates", mirrored({ fetch, certificates: {} })],
  ["caCertificates", mirrored({ fetch, caCertificates: [] })],
  [
    "depth",
    () => validate({ images, destination, depth: loose("deep") }),
  ],
  ["source", () => copy({ ...one, source: "Not/A:Reference:" })],
  ["destination", () => copy({ ...one, destination: "a@b@c" })],
  [
    "destination",
    () =>
      copy({
        ...one,
        destination: `${one.destination}@sha256:${"0".repeat(64)}`,
      }),
  ],
  ["destination", () => copy({ ...one, destination: loose(undefined) })],
  [
    "tlsVerify",
    () => copy({ ...one, tlsVerify: true, source: `http://${one.source}` }),
  ],
  ["reference", () => inspect("Not/A:Reference:")],
  ["platform", () => inspect(images[0]!, { platform: "all" })],
  ["repository", () => listTags(images[0]!)],
];

for (const [i, [option, call]] of CASES.entries()) {
  Deno.test(`library options: what is wrong with ${option} is said in its name (${i})`, async () => {
    const error = await assertRejects(call, HangarError);
    assertEquals(error.code, "usage", error.message);
    const told = `${error.message} ${error.hint ?? ""}`;
    assert(told.includes(option), told);
    assert(!told.includes("--"), told);
  });
}
