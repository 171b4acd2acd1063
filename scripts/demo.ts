/**
 * A story of a minute between two registries in this process: a mirror in which
 * something fails and heals, a run that finds nothing to do, damage that is found
 * and repaired, a signature. The commands are the real command line, and what
 * they should come to is checked.
 *
 * @module
 */

import { runCli } from "../src/cli/root.ts";
import { processContext } from "../src/cli/context.ts";
import { FakeRegistry } from "../tests/support/fake_registry.ts";
import {
  makeArtifact,
  makeMultiArch,
  randomBytes,
} from "../tests/support/images.ts";

const isTerminal = Deno.stdout.isTerminal() && !Deno.env.get("NO_COLOR");
const styled = (code: number, text: string) =>
  isTerminal ? `\x1b[${code}m${text}\x1b[0m` : text;

function scene(title: string): void {
  console.log(`\n${styled(1, `── ${title} `)}${"─".repeat(60 - title.length)}`);
}

/** What the lines above mean. */
function say(...lines: readonly string[]): void {
  for (const line of lines) console.log(styled(32, `   ${line}`));
}

function must(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(`the demo went wrong: ${what}`);
}

/** Words as a shell's command of several lines. */
function wrapped(words: readonly string[]): string {
  let line = "";
  const lines = words.flatMap((word) => {
    const longer = line === "" ? word : `${line} ${word}`;
    if (longer.length <= 76) {
      line = longer;
      return [];
    }
    const whole = line;
    line = `    ${word}`;
    return [whole];
  });
  return [...lines, line].join(" \\\n");
}

/** Runs a command; paths in the demo's directory are shown without it. */
async function hangar(wantedCode: number, ...args: string[]): Promise<void> {
  const short = (text: string) => text.replaceAll(`${directory}/`, "");
  const words = ["$ hangar", ...args].map(short);
  console.log(`\n${styled(36, wrapped(words))}`);
  const process = processContext();
  const code = await runCli(args, {
    ...process,
    stdout: (output) => process.stdout(short(`${output}`)),
    stderr: (text) => process.stderr(short(text)),
    // No real network and no credentials of yours have a part in this.
    env: () => undefined,
    keychain: {
      env: () => undefined,
      uid: () => undefined,
      readTextFile: () => Promise.resolve(undefined),
      writeSecretFile: () => Promise.resolve(),
      runHelper: () => Promise.reject(new Error("not in the demo")),
    },
    retry: { baseDelayMs: 100 },
  });
  must(code === wantedCode, `exit code ${code} instead of ${wantedCode}`);
}

await using source = FakeRegistry.start();
await using destination = FakeRegistry.start();
const directory = await Deno.makeTempDir({ prefix: "hangar-demo-" });

const base = randomBytes(3_000_000, "base layer");
const api = makeMultiArch("api", { docker: true, layers: [base, 900_000] });
source.install(
  "library/web",
  "1.27",
  makeMultiArch("web", { attestations: true, layers: [base, 400_000] }),
);
source.install(
  "library/shop",
  "3.2",
  makeMultiArch("shop", { layers: [base, 300_000] }),
);
source.install("charts/web", "0.4.0", makeArtifact("web"));

const from = `--source=${source.host}`;
const to = `--destination=${destination.host}`;
const inDirectory = (file: string) => `${directory}/${file}`;
const list = inDirectory("images.txt");
const mirror = (file: string, failed = "still-failed.txt") => [
  ...["mirror", `--file=${inDirectory(file)}`, from, to],
  `--failed=${inDirectory(failed)}`,
];

/** Requests to both registries since the last call. */
function newRequests(): number {
  const all = source.requests.length + destination.requests.length;
  const count = all - seen;
  seen = all;
  return count;
}
let seen = 0;

/** A mirror in which one image is not there yet, and the network is poor. */
async function mirrorAndHeal(): Promise<void> {
  scene("A mirror, on a bad day");
  const text = `web:1.27
shop:3.2
corp/api platform/api v2.1
charts/web charts/web 0.4.0
`;
  await Deno.writeTextFile(list, text);
  console.log(`\n${styled(36, "$ cat images.txt")}\n${text.trimEnd()}`);
  say(
    "The third line gives its image another name. Both registries are on this",
    `machine: from ${source.host} to ${destination.host}.`,
  );
  // The first body breaks off in the middle, and the registry is busy once.
  source.fault({
    match: { kind: "blob", method: "GET" },
    times: 1,
    action: { breakAfter: 200_000 },
  });
  destination.fault({
    match: { method: "PUT" },
    times: 1,
    action: { status: 503 },
  });
  await hangar(1, ...mirror("images.txt", "mirror-failed.txt"));
  say(
    '"next attempt": these faults pass, and what has arrived is not sent again.',
    "corp/api is not there, which no attempt can heal: the exit code is 1, and",
    "its line is in mirror-failed.txt.",
    '"spared by mounting": web and shop share a layer; it was sent once.',
  );

  console.log(
    `\n${
      styled(36, "# corp/api:v2.1 is published, and what failed is run again")
    }`,
  );
  source.install("corp/api", "v2.1", api);
  await hangar(0, ...mirror("mirror-failed.txt"));
  say(
    "Only the line that failed. A tag is written last, when all below it is there,",
    "so none ever points at missing content.",
  );
  must(destination.tags().length === 4, "not all tags are there");
  must(destination.dangling().length === 0, "content is missing");
  must(
    destination.digestOf("platform/api", "v2.1") === api.digest,
    "the digest has changed",
  );
}

async function runAgain(): Promise<void> {
  scene("The same again");
  newRequests();
  await hangar(0, ...mirror("images.txt"));
  const count = newRequests();
  say(
    `0 B sent. It took ${count} requests to see that four images are up to date:`,
    "that is what a nightly run costs.",
  );
  must(count <= 20, `${count} requests`);
}

async function findDamage(): Promise<void> {
  scene("Is it really there?");
  // A layer of one platform that no other image has.
  const [layer] = [...api.blobs].find(([, bytes]) =>
    bytes.length > 800_000 && bytes.length < base.length
  )!;
  destination.flip(layer);
  console.log(
    `\n${
      styled(36, "# one bit of a layer of platform/api changes on the disk")
    }`,
  );
  const validate = [
    ...["mirror", "validate", `--file=${list}`, from, to, "--deep=bytes"],
    `--failed=${inDirectory("damaged.txt")}`,
  ];
  await hangar(1, ...validate);
  say(
    "PASS: the destination holds what mirroring should have put there, and with",
    "--deep=bytes that is so to the last byte. == means equal digests. The image",
    "that is damaged is in damaged.txt: a list for the repair.",
  );
  await hangar(0, ...mirror("damaged.txt"), "--overwrite");
  await hangar(0, ...validate);
  say(
    "--overwrite believes nothing that is there: it sent the bad layer alone.",
  );
}

async function sign(): Promise<void> {
  scene("Whose is it?");
  const key = inDirectory("team");
  const passphrase = inDirectory("passphrase");
  await Deno.writeTextFile(passphrase, "only for the demo\n");
  await hangar(
    0,
    "generate-sigstore-key",
    ...[`--prefix=${key}`, `--passphrase-file=${passphrase}`],
  );
  const images = [
    ...[`--file=${list}`, to, `--failed=${inDirectory("not-signed.txt")}`],
  ];
  await hangar(
    0,
    ...["sign", ...images, `--sigstore-private-key=${key}.key`],
    `--sigstore-passphrase-file=${passphrase}`,
  );
  await hangar(
    0,
    ...["sign", "validate", ...images, `--sigstore-pubkey=${key}.pub`],
  );
  say(
    "Each image has a signature, as `cosign verify --key team.pub` and a",
    "policy.json want it: of its index and of each platform in it.",
  );
}

async function carry(): Promise<void> {
  scene("Where no network leads");
  await using far = FakeRegistry.start();
  const archive = inDirectory("carry.tar");
  newRequests();
  await hangar(
    0,
    ...["save", `--file=${list}`, from, `--destination=${archive}`],
    `--failed=${inDirectory("not-saved.txt")}`,
  );
  console.log(`\n${styled(36, "# a disk with carry.tar crosses the air gap")}`);
  const load = [
    ...["load", `--source=${archive}`, `--destination=http://${far.host}`],
    `--failed=${inDirectory("not-loaded.txt")}`,
  ];
  await hangar(0, "archive", "verify", archive);
  await hangar(0, ...load);
  say(
    "A layer is in the archive once, whatever shares it. Before the first blob,",
    "save said how much room it takes. The far registry holds what a mirror",
    "would have put there, and skopeo, podman and containerd read the tar too.",
  );
  must(far.tags().length === 4, "not all images were carried");
  must(far.dangling().length === 0, "content is missing on the far side");
}

try {
  await mirrorAndHeal();
  await runAgain();
  await findDamage();
  await sign();
  await carry();
} finally {
  await Deno.remove(directory, { recursive: true });
}
