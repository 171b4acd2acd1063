/**
 * What hangar is measured by, beside the peers that this machine has: CPU, wall
 * time, memory and requests, on the same registries in one run.
 *
 *   deno task bench [--json] [--only NAME] [--size MIB]
 *
 * It wants Debian's docker-registry and skopeo; regctl, crane, oras and regsync
 * take part where they are on the PATH. All tools run with their defaults, and
 * servers and delays in processes of their own.
 *
 * @module
 */

import { gzipSync } from "node:zlib";
import { randomBytes } from "node:crypto";
import { FakeRegistry } from "../tests/support/fake_registry.ts";
import {
  type MadeImage,
  makeImage,
  makeIndex,
  makeMultiArch,
} from "../tests/support/images.ts";
import {
  pushImage,
  type RealRegistry,
  startDockerRegistry,
} from "../tests/interop/support.ts";
import { ProxyProcess } from "./delaying_proxy.ts";
import { measure, type Measured, median } from "./measure.ts";
import { copyMany, copyOne, has, type Peer, peersFor } from "./peers.ts";
import { V8_FLAGS } from "./v8_flags.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
const PAIRS = 5;
const ROUNDS = 3;
const ROUND_TRIP_MS = 40;
const MIB = 1024 * 1024;

/** One line of the table. */
interface Row {
  readonly measure: string;
  readonly hangar: string;
  readonly peer: string;
  readonly ratio?: number;
  readonly target: string;
  readonly met?: boolean;
}

const rows: Row[] = [];

function add(row: Row): void {
  rows.push(row);
  console.error(
    `${row.measure}: hangar ${row.hangar}, ${row.peer}${
      row.ratio === undefined ? "" : `, ratio ${row.ratio.toFixed(2)}`
    } (${row.target})`,
  );
}

const directory = await Deno.makeTempDir({ prefix: "hangar-bench-" });

function hangar(args: readonly string[]): string[] {
  return [
    ...[Deno.execPath(), "run", "-A", V8_FLAGS, MAIN, ...args],
    `--failed=${directory}/failed.txt`,
  ];
}

async function mirror(
  list: readonly string[],
  from: string,
  to: string,
  flags: readonly string[] = [],
): Promise<Measured> {
  const file = `${directory}/list.txt`;
  await Deno.writeTextFile(file, list.join("\n"));
  return await measure(
    hangar(["mirror", `-f${file}`, `-s${from}`, `-d${to}`, ...flags]),
  );
}

/** One peer, with nothing remembered from before. */
async function runPeer(
  peer: Peer,
  command: readonly string[],
): Promise<Measured> {
  await Deno.remove(`${directory}/fresh`, { recursive: true }).catch(() => {});
  await Deno.remove("/var/lib/containers/cache/blob-info-cache-v1.boltdb")
    .catch(() => {});
  return await measure(command, { env: peer.env });
}

async function push(
  registry: RealRegistry,
  repo: string,
  tag: string,
  image: MadeImage,
): Promise<void> {
  await pushImage(registry, { repo, tag, ...image });
}

const cpu = ({ userS, systemS }: Measured) => userS + systemS;
const seconds = (s: number) => `${s.toFixed(2)} s`;
const megabytes = (kb: number) => `${(kb / 1000).toFixed(0)} MB`;

/** One large image, registry to registry. */
async function large(sizeMib: number): Promise<void> {
  await using source = await startDockerRegistry();
  await using destination = await startDockerRegistry();
  const layers = Array.from(
    { length: 8 },
    () =>
      new Uint8Array(gzipSync(randomBytes(sizeMib * MIB / 8), { level: 0 })),
  );
  await push(source, "big/app", "v1", makeImage({ seed: "big", layers }));
  const peers = await peersFor([source.host, destination.host], directory);
  const own: Measured[] = [];
  const theirs = new Map<string, Measured[]>(
    peers.map(({ name }) => [name, []]),
  );
  for (let i = 0; i < PAIRS; i++) {
    own.push(
      await mirror(["big/app:v1"], source.host, destination.host, [
        `--destination-project=own-${i}`,
      ]),
    );
    for (const peer of peers) {
      const to = `${destination.host}/${peer.name}-${i}/app:v1`;
      const command = copyOne(peer, `${source.host}/big/app:v1`, to);
      theirs.get(peer.name)!.push(await runPeer(peer, command));
    }
  }
  const what = `${sizeMib} MiB in 8 gzip layers`;
  const rows: [string, (run: Measured) => number, (n: number) => string][] = [
    ["wall time", (run) => run.wallS, seconds],
    ["CPU", cpu, seconds],
    ["peak memory", (run) => run.peakKb, megabytes],
  ];
  for (const [name, of, show] of rows) {
    const mine = median(own.map(of));
    const others = peers.map((peer) =>
      [peer, median(theirs.get(peer.name)!.map(of))] as const
    );
    const best = Math.min(...others.map(([, value]) => value));
    const crane = others.find(([peer]) => peer.name === "crane")?.[1];
    const target = name === "wall time"
      ? 1.05 * best
      : name === "CPU"
      ? crane
      : 170_000;
    add({
      measure: `${what}: ${name}`,
      hangar: show(mine),
      peer: others.map(([peer, value]) => `${peer.name} ${show(value)}`)
        .join(", "),
      ratio: name === "peak memory" ? undefined : mine / best,
      target: name === "wall time"
        ? "at most 1.05 of the best"
        : name === "CPU"
        ? "no more than crane"
        : "at most 170 MB",
      met: target === undefined ? undefined : mine <= target,
    });
  }
}

/** Peak memory of many large blobs at once, and over TLS. */
async function memory(sizeMib: number): Promise<void> {
  for (const tls of [false, true]) {
    await using source = await startDockerRegistry({ tls });
    await using destination = await startDockerRegistry({ tls });
    const list: string[] = [];
    for (let i = 0; i < 20; i++) {
      const layer = randomBytes(sizeMib * MIB / 20);
      await push(
        source,
        `many/app-${i}`,
        "v1",
        makeImage({ seed: `${i}`, layers: [new Uint8Array(layer)] }),
      );
      list.push(`many/app-${i}:v1`);
    }
    const config = `${directory}/config`;
    for (const registry of tls ? [source, destination] : []) {
      const certs = `${config}/containers/certs.d/${registry.host}`;
      await Deno.mkdir(certs, { recursive: true });
      await Deno.copyFile(registry.caFile!, `${certs}/ca.crt`);
    }
    const runs: [string, string[]][] = tls
      ? [["TLS, --jobs 20", ["-j20"]], ["--tls-verify=false, --jobs 20", [
        "-j20",
        "--tls-verify=false",
      ]]]
      : [["--jobs 1", ["-j1"]], ["--jobs 20", ["-j20"]]];
    for (const [i, [name, flags]] of runs.entries()) {
      Deno.env.set("XDG_CONFIG_HOME", config);
      const run = await mirror(list, source.host, destination.host, [
        ...flags,
        `--destination-project=p${i}`,
      ]);
      Deno.env.delete("XDG_CONFIG_HOME");
      add({
        measure: `${sizeMib} MiB in 20 images: peak memory, ${name}`,
        hangar: megabytes(run.peakKb),
        peer: "none",
        target: tls ? "reported" : "at most 170 MB",
        met: tls ? undefined : run.peakKb <= 170_000,
      });
    }
  }
}

/** Requests for one image of two platforms. */
async function requests(): Promise<void> {
  await using source = await startDockerRegistry();
  await using destination = await startDockerRegistry();
  const base = randomBytes(900);
  const app = makeIndex(
    ["linux/amd64", "linux/arm64"].map((platform) =>
      makeImage({
        seed: platform,
        platform,
        layers: [new Uint8Array(base), 800, 700, 600],
      })
    ),
  );
  await push(source, "corp/app", "v1", app);
  const count = async (run: () => Promise<unknown>): Promise<number> => {
    await source.clearRequests();
    await destination.clearRequests();
    await run();
    return (await source.settledRequests()).length +
      (await destination.settledRequests()).length;
  };
  const own = (flags: string[]) =>
    mirror(["corp/app:v1"], source.host, destination.host, [
      "--skip-login",
      ...flags,
    ]);
  const hosts = [source.host, destination.host];
  const skopeo = (await peersFor(hosts, directory))
    .find(({ name }) => name === "skopeo")!;
  const theirs = () =>
    runPeer(
      skopeo,
      copyOne(
        skopeo,
        `${source.host}/corp/app:v1`,
        `${destination.host}/theirs/app:v1`,
      ),
    );
  const without = ["--remove-signatures"];
  const cold = [await count(() => own(without)), await count(theirs)];
  const warm = [await count(() => own(without)), await count(theirs)];
  const looking = await count(() => own([]));
  const filtered = [...without, "-aamd64", "--destination-project=one"];
  await own(filtered);
  const part = await count(() => own(filtered));
  const table: [string, number, number | undefined, number][] = [
    // The tag is looked at right before and after it is written: two of these.
    ["cold, 9 blobs", cold[0]!, cold[1], 48],
    ["up to date", warm[0]!, warm[1], 4],
    ["up to date, filtered", part, undefined, 5],
    ["up to date, looking for signatures", looking, undefined, 6],
  ];
  for (const [name, mine, other, target] of table) {
    add({
      measure: `two platforms, ${name}: requests, pings included`,
      hangar: String(mine),
      peer: other === undefined ? "none" : `skopeo ${other}`,
      ratio: other === undefined ? undefined : mine / other,
      target: `at most ${target}`,
      met: mine <= target,
    });
  }
}

/** A hundred images over a long line: ten repositories, five shared bases. */
async function latency(): Promise<void> {
  await using source = await startDockerRegistry();
  await using destination = await startDockerRegistry();
  await using from = await ProxyProcess.start(source.host, ROUND_TRIP_MS);
  await using to = await ProxyProcess.start(destination.host, ROUND_TRIP_MS);
  const bases = Array.from(
    { length: 5 },
    () => [300_000, 100_000].map((size) => new Uint8Array(randomBytes(size))),
  );
  const names: string[] = [];
  for (let i = 0; i < 100; i++) {
    const image = makeMultiArch(`app ${i}`, {
      layers: [...bases[i % 5]!, 20_000],
    });
    await push(source, `corp/app-${i % 10}`, `v${i}`, image);
    names.push(`corp/app-${i % 10} v${i}`);
  }
  const file = `${directory}/names.txt`;
  await Deno.writeTextFile(file, `${names.join("\n")}\n`);
  const peers = await peersFor([from.host, to.host], directory);
  const list = names.map((name) => name.replace(" ", ":"));
  const own = { cold: [] as Measured[], "up to date": [] as Measured[] };
  const theirs = new Map(peers.map((peer) => [peer, structuredClone(own)]));
  const requests = { cold: 0, "up to date": 0 };
  // The first round of a registry is slower, for whoever comes first.
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of ["cold", "up to date"] as const) {
      await source.clearRequests();
      await destination.clearRequests();
      own[name].push(
        await mirror(list, from.host, to.host, [
          "-j10",
          `--destination-project=own-${round}`,
        ]),
      );
      requests[name] = (await source.settledRequests()).length +
        (await destination.settledRequests()).length;
      for (const peer of peers) {
        const place = `${to.host}/${peer.name}-${round}`;
        const command = copyMany(peer, from.host, place, file);
        theirs.get(peer)![name].push(await runPeer(peer, command));
      }
    }
  }
  const wall = (runs: readonly Measured[]) =>
    median(runs.map((run) => run.wallS));
  for (const name of ["cold", "up to date"] as const) {
    const mine = wall(own[name]);
    const best = Math.min(
      ...[...theirs.values()].map((runs) => wall(runs[name])),
    );
    add({
      measure:
        `100 images, 10 at once, ${ROUND_TRIP_MS} ms round trip, ${name}: wall time`,
      hangar: `${seconds(mine)} (${requests[name]} requests)`,
      peer: [...theirs].map(([peer, runs]) =>
        `${peer.name} ${seconds(wall(runs[name]))}`
      ).join(", "),
      ratio: mine / best,
      target: "at most 0.75 of the best",
      met: mine <= 0.75 * best,
    });
  }
}

const ENTRIES = 7526;
const REPOSITORIES = 673;
const NEAR_ROUND_TRIP_MS = 5;

/** The daily run of a real project, all of it up to date. */
async function daily(): Promise<void> {
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.filename!, "--serve"],
    stdout: "piped",
  }).spawn();
  const reader = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    const hosts = (await reader.read()).value!.trim().split(" ");
    const [from = "", to = ""] = hosts;
    const list = dailyList(hosts);
    const file = `${directory}/daily.txt`;
    const run = async (n: number, flags: string[]) => {
      await Deno.writeTextFile(file, list.slice(0, n).join("\n"));
      const before = await requestsAt(hosts);
      const measured = await measure(
        hangar([
          "mirror",
          `-f${file}`,
          "-j16",
          "--remove-signatures",
          ...flags,
        ]),
      );
      return { ...measured, requests: await requestsAt(hosts) - before };
    };
    const few = await run(100, []);
    const all = await run(ENTRIES, []);
    const perImage = (r: typeof all, n: number) => r.requests / n;
    add({
      measure: `${ENTRIES} entries up to date: requests for an image`,
      hangar: perImage(all, ENTRIES).toFixed(2),
      peer: `100 entries ${perImage(few, 100).toFixed(2)}`,
      target: "as for 100",
      met: perImage(all, ENTRIES) <= perImage(few, 100),
    });
    add({
      measure: `${ENTRIES} entries up to date: peak memory`,
      hangar: megabytes(all.peakKb),
      peer: `100 entries ${megabytes(few.peakKb)}`,
      target: "within 30 MB",
      met: all.peakKb - few.peakKb <= 30_000,
    });
    const missing = await run(ENTRIES, ["--missing"]);
    add({
      measure: `${ENTRIES} entries, --missing: requests for an entry`,
      hangar: perImage(missing, ENTRIES).toFixed(3),
      peer: `wall time ${seconds(missing.wallS)}`,
      target: "at most 0.25",
      met: perImage(missing, ENTRIES) <= 0.25,
    });
    if (has("regsync")) {
      await raceRegsync(hosts, "", all.wallS);
      // Neither side's registry is on the same machine in earnest.
      await using source = await ProxyProcess.start(from, NEAR_ROUND_TRIP_MS);
      await using target = await ProxyProcess.start(to, NEAR_ROUND_TRIP_MS);
      const near = [source.host, target.host];
      await Deno.writeTextFile(file, dailyList(near).join("\n"));
      const run = await measure(
        hangar(["mirror", `-f${file}`, "-j16", "--remove-signatures"]),
      );
      await raceRegsync(
        near,
        `, ${NEAR_ROUND_TRIP_MS} ms round trip`,
        run.wallS,
      );
    }
  } finally {
    server.kill("SIGTERM");
    await reader.cancel();
    await server.status;
  }
}

function dailyList([from, to]: readonly string[]): string[] {
  return Array.from({ length: ENTRIES }, (_, i) => {
    const name = `app-${i % REPOSITORIES}`;
    return `${from}/up/${name} ${to}/down/${name} v${
      Math.floor(i / REPOSITORIES)
    }`;
  });
}

/** The same list by `regsync once`, as it is without settings of its own. */
async function raceRegsync(
  hosts: readonly string[],
  how: string,
  wallS: number,
): Promise<void> {
  const config = `${directory}/regsync.yaml`;
  await Deno.writeTextFile(
    config,
    JSON.stringify({
      version: 1,
      creds: hosts.map((registry) => ({ registry, tls: "disabled" })),
      defaults: { ratelimit: { min: 0 } },
      sync: dailyList(hosts).map((line) => {
        const [source, target, tag] = line.split(" ");
        return {
          source: `${source}:${tag}`,
          target: `${target}:${tag}`,
          type: "image",
        };
      }),
    }),
  );
  const theirs = await measure(["regsync", "once", "-c", config]);
  add({
    measure: `${ENTRIES} entries up to date${how}: wall time`,
    hangar: seconds(wallS),
    peer: `regsync once ${seconds(theirs.wallS)}`,
    ratio: theirs.wallS / wallS,
    target: "at least 2 times faster",
    met: theirs.wallS / wallS >= 2,
  });
}

async function requestsAt(hosts: readonly string[]): Promise<number> {
  const counts = await Promise.all(hosts.map(async (host) => {
    const response = await fetch(`http://${host}/count`);
    return Number(await response.text());
  }));
  return counts.reduce((sum, n) => sum + n, 0);
}

/** The registries of `daily`, in a process of their own: they hold everything. */
function serve(): void {
  const synthesize = (repository: string, tag: string) =>
    makeMultiArch(`${repository.replace(/^[a-z]+\//, "")}:${tag}`, {
      layers: [10],
    });
  const registries = [0, 1].map(() =>
    FakeRegistry.start({ synthesize, countPath: "/count", keepRequests: false })
  );
  for (let i = 0; i < ENTRIES; i++) {
    const [repo, tag] = [
      `down/app-${i % REPOSITORIES}`,
      `v${Math.floor(i / REPOSITORIES)}`,
    ];
    registries[1]!.install(repo, tag, synthesize(repo, tag));
  }
  console.log(registries.map((registry) => registry.host).join(" "));
}

/** How quickly it starts. */
async function startup(): Promise<void> {
  const empty = `${directory}/empty.ts`;
  await Deno.writeTextFile(empty, "");
  const own: number[] = [];
  const theirs: number[] = [];
  for (let i = 0; i < 2 * PAIRS; i++) {
    own.push(
      (await measure([Deno.execPath(), "run", "-A", V8_FLAGS, MAIN, "version"]))
        .wallS,
    );
    theirs.push(
      (await measure([Deno.execPath(), "run", "-A", empty])).wallS,
    );
  }
  const more = (median(own) - median(theirs)) * 1000;
  add({
    measure: "hangar version: wall time",
    hangar: `${(median(own) * 1000).toFixed(0)} ms`,
    peer: `an empty program ${(median(theirs) * 1000).toFixed(0)} ms`,
    target: "within 30 ms",
    met: more <= 30,
  });
}

if (Deno.args.includes("--serve")) serve();
else {
  const value = (flag: string) => {
    const at = Deno.args.indexOf(flag);
    return at < 0 ? undefined : Deno.args[at + 1];
  };
  const size = Number(value("--size") ?? 1024);
  const scenarios: Record<string, () => Promise<void>> = {
    startup,
    requests,
    large: () => large(size),
    memory: () => memory(size),
    latency,
    daily,
  };
  const only = value("--only");
  try {
    for (const [name, run] of Object.entries(scenarios)) {
      if (only === undefined || only === name) await run();
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  const machine =
    `${navigator.hardwareConcurrency} cores, ${Deno.build.target}, Deno ${Deno.version.deno}`;
  if (Deno.args.includes("--json")) {
    console.log(JSON.stringify({ machine, rows }, null, 2));
  } else {
    console.log(`\n${machine}\n`);
    console.log("| measure | hangar | peer | ratio | target | met |");
    console.log("| --- | --- | --- | --- | --- | --- |");
    for (const row of rows) {
      const met = row.met === undefined ? "" : row.met ? "yes" : "NO";
      console.log(
        `| ${row.measure} | ${row.hangar} | ${row.peer} | ${
          row.ratio?.toFixed(2) ?? ""
        } | ${row.target} | ${met} |`,
      );
    }
  }
  // Node's timers of the servers would keep the process.
  Deno.exit(0);
}
