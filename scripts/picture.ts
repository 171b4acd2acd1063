/**
 * Records a run on a terminal as `docs/terminal.svg`: a real mirror of made-up
 * images, over a slow line, by the names that README uses.
 *
 * @module
 */

import { processContext } from "../src/cli/context.ts";
import { runCli } from "../src/cli/root.ts";
import { FakeRegistry } from "../tests/support/fake_registry.ts";
import { makeMultiArch, randomBytes } from "../tests/support/images.ts";
import { NameProxy } from "../tests/support/name_proxy.ts";
import { type Frame, recordingSvg } from "./recording_svg.ts";
import { Screen } from "./screen.ts";

const COLUMNS = 100;
const ROWS = 25;
const DESTINATION = "registry.example:5000";
const TARGET = new URL("../docs/terminal.svg", import.meta.url);
/** Bytes a second of the line to the source. */
const LINE_RATE = 5_000_000;
/** Frames are at least so far from each other, in ms. */
const FRAME_MS = 800;
/** How much faster it plays than it was. */
const SPEED = 4;

const NAMES = [
  "rancher:v2.9.2",
  "rancher-agent:v2.9.2",
  "fleet:v0.10.2",
  "fleet-agent:v0.10.2",
  "mirrored-ingress-nginx-kube-webhook-certgen:v1.4.3",
  "nginx-ingress-controller:v1.11.2",
  "mirrored-coredns-coredns:1.11.3",
  "hardened-etcd:v3.5.13",
  "mirrored-metrics-server:v0.7.1",
  "mirrored-longhornio-longhorn-manager:v1.6.2",
  "mirrored-longhornio-longhorn-ui:v1.6.2",
  "shell:v0.2.2",
  "system-upgrade-controller:v0.13.4",
  "kubectl:v1.29.7",
  "mirrored-pause:3.9",
  "webhook:v0.5.2",
];
const MISSING = "shell:v0.2.2";

/** A line to a server that carries so many bytes a second. */
class SlowLine implements Disposable {
  readonly host: string;
  readonly #listener: Deno.TcpListener;
  #next = 0;

  constructor(target: string) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.host = `127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
    this.#accept(target).catch(() => {});
  }

  async #accept(target: string): Promise<void> {
    const [hostname = "", port] = target.split(":");
    for await (const client of this.#listener) {
      const server = await Deno.connect({ hostname, port: Number(port) });
      const end = (conn: Deno.TcpConn) => () => conn.close();
      client.readable.pipeTo(server.writable).catch(() => {});
      server.readable.pipeThrough(this.#slow()).pipeTo(client.writable)
        .catch(end(server)).catch(() => {});
    }
  }

  #slow(): TransformStream<Uint8Array, Uint8Array> {
    return new TransformStream({
      transform: async (bytes, controller) => {
        const now = performance.now();
        const starts = Math.max(now, this.#next);
        this.#next = starts + bytes.length / LINE_RATE * 1000;
        await new Promise((resolve) => setTimeout(resolve, this.#next - now));
        controller.enqueue(bytes);
      },
    });
  }

  [Symbol.dispose](): void {
    this.#listener.close();
  }
}

function fill(source: FakeRegistry): void {
  const base = randomBytes(2_000_000, "base");
  for (const [i, name] of NAMES.entries()) {
    if (name === MISSING) continue;
    const [repository = "", tag = ""] = name.split(":");
    const size = 300_000 + (i * 997_331) % 2_400_000;
    source.install(
      `rancher/${repository}`,
      tag,
      makeMultiArch(name, { layers: i % 2 === 0 ? [base, size] : [size] }),
    );
  }
  source.fault({
    match: { kind: "blob", repository: "rancher/fleet", method: "GET" },
    times: 1,
    action: { breakAfter: 100_000 },
  });
}

/** Runs hangar on a screen; gives what was on it. */
async function record(
  args: readonly string[],
  shown: string,
  env: Readonly<Record<string, string>>,
): Promise<Frame[]> {
  const screen = new Screen(COLUMNS, ROWS);
  screen.write(`\x1b[90m$\x1b[1m ${shown}\x1b[0m\n`);
  const frames: Frame[] = [{ at: 0, lines: screen.lines() }];
  const started = performance.now();
  const look = () => {
    // The command line is read for a moment before it begins.
    const at = performance.now() - started + 900;
    frames.push({ at, lines: screen.lines() });
  };
  const timer = setInterval(look, FRAME_MS);
  await runCli(args, {
    ...processContext(),
    env: (name) => env[name],
    color: true,
    terminalSize: () => ({ columns: COLUMNS, rows: ROWS }),
    stderr: (text) => screen.write(text),
    keychain: {
      env: () => undefined,
      uid: () => undefined,
      readTextFile: () => Promise.resolve(undefined),
      writeSecretFile: () => Promise.resolve(),
      runHelper: () => Promise.reject(new Error("not in the picture")),
    },
    retry: { baseDelayMs: 300 },
  });
  clearInterval(timer);
  look();
  return frames;
}

await using source = FakeRegistry.start({ latencyMs: 20 });
await using destination = FakeRegistry.start({ latencyMs: 30 });
fill(source);
using line = new SlowLine(source.host);
await using proxy = new NameProxy((host) =>
  host === DESTINATION ? destination.host : line.host
);
const directory = await Deno.makeTempDir();
const here = Deno.cwd();
try {
  const conf = `${directory}/registries.conf`;
  await Deno.writeTextFile(
    conf,
    ["docker.io", DESTINATION].map((host) =>
      `[[registry]]\nlocation = "${host}"\ninsecure = true\n`
    ).join(""),
  );
  await Deno.writeTextFile(
    `${directory}/images.txt`,
    NAMES.map((name) => `rancher/${name}\n`).join(""),
  );
  // The log names files as they were given.
  Deno.chdir(directory);
  const args = [
    ...["mirror", "--file", "images.txt"],
    ...["--destination", DESTINATION, "--jobs", "6"],
  ];
  // Nothing speaks TLS here; to find that out would take most of the time.
  const plain = args.map((arg) => arg === DESTINATION ? `http://${arg}` : arg);
  plain.push("--source=http://docker.io");
  const recorded = await record(plain, `hangar ${args.join(" ")}`, {
    HTTP_PROXY: proxy.url,
    HTTPS_PROXY: proxy.url,
    CONTAINERS_REGISTRIES_CONF: conf,
    HOME: directory,
  });
  const frames = recorded.map(({ at, lines }) => ({ at: at / SPEED, lines }));
  const svg = recordingSvg(frames, {
    columns: COLUMNS,
    rows: ROWS,
    title:
      "hangar mirrors 16 images: each has a row with its phase and its bytes, each result one line, and what failed is told in the end (four times as fast as it was)",
    holdMs: 6_000,
  });
  await Deno.writeTextFile(TARGET, svg);
  console.log(
    `docs/terminal.svg: ${frames.length} frames, ${svg.length} bytes`,
  );
} finally {
  Deno.chdir(here);
  await Deno.remove(directory, { recursive: true });
}
// Timers of the registries would keep the process.
Deno.exit(0);
