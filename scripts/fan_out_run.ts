/**
 * What several destinations take when one of them is slow: memory, and how much
 * later the others have everything.
 *
 *   deno run -A scripts/fan_out_run.ts [--images N] [--size MIB] [--slower TIMES]
 *
 * It wants Debian's docker-registry. Each image has one blob of that size. Two
 * registries are filled alone first, and then beside a third one behind a line
 * that is as many times slower as `--slower` says.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import {
  type RealRegistry,
  startDockerRegistry,
} from "../tests/interop/support.ts";
import { pushImage } from "../tests/interop/support.ts";
import { makeImage } from "../tests/support/images.ts";
import { ProxyProcess } from "./delaying_proxy.ts";
import { measure } from "./measure.ts";
import { V8_FLAGS } from "./v8_flags.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
const MIB = 1024 * 1024;

function option(name: string, fallback: number): number {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(Deno.args[at + 1]);
}

const images = option("images", 2);
const size = option("size", 1024) * MIB;
const slower = option("slower", 10);

const directory = await Deno.makeTempDir({ prefix: "hangar-fan-out-" });
const list = `${directory}/images.txt`;
await Deno.writeTextFile(
  list,
  [...Array(images).keys()].map((i) => `corp/app${i}:v1`).join("\n"),
);

/** What one run took. */
interface Run {
  readonly peakKb: number;
  readonly wallS: number;
  /** When the last image was at each destination, in seconds after the start. */
  readonly doneS: ReadonlyMap<string, number>;
}

async function mirror(
  source: RealRegistry,
  destinations: readonly string[],
): Promise<Run> {
  const report = `${directory}/report.json`;
  const took = await measure([
    ...[Deno.execPath(), "run", "-A", V8_FLAGS, MAIN],
    ...["mirror", `--file=${list}`, `--jobs=${images}`, "--quiet"],
    ...["--timeout=0", `--report=${report}`],
    `--failed=${directory}/failed.txt`,
    `--source=${source.url}`,
    ...destinations.map((host) => `--destination=http://${host}`),
  ]);
  const { startedAt, images: reported } = JSON.parse(
    await Deno.readTextFile(report),
  );
  const doneS = new Map<string, number>();
  for (const { destination, startedAt: begun, durationMs } of reported) {
    const [host] = destination.reference.split("/");
    const at = (Date.parse(begun) - Date.parse(startedAt) + durationMs) / 1000;
    doneS.set(host, Math.max(doneS.get(host) ?? 0, at));
  }
  return { ...took, doneS };
}

/** Two registries, and a third one behind a narrow line where it has a width. */
async function measured(
  source: RealRegistry,
  bytesPerSecond?: number,
): Promise<{ readonly fastS: number; readonly run: Run }> {
  await using a = await startDockerRegistry();
  await using b = await startDockerRegistry();
  await using c = await startDockerRegistry();
  await using line = bytesPerSecond === undefined
    ? undefined
    : await ProxyProcess.start(c.host, 0, bytesPerSecond);
  const run = await mirror(source, [
    a.host,
    b.host,
    ...line ? [line.host] : [],
  ]);
  const fastS = Math.max(...[a, b].map(({ host }) => run.doneS.get(host)!));
  return { fastS, run };
}

try {
  await using source = await startDockerRegistry();
  for (let i = 0; i < images; i++) {
    const layer = new Uint8Array(size);
    for (let at = 0; at < size; at += MIB) layer.set(randomBytes(MIB), at);
    const { manifests, blobs } = makeImage({ seed: `${i}`, layers: [layer] });
    const repo = `corp/app${i}`;
    await pushImage(source, { repo, tag: "v1", manifests, blobs });
  }
  const alone = await measured(source);
  const width = images * size / alone.fastS / slower;
  const beside = await measured(source, width);
  const mb = (kb: number) => `${Math.round(kb / 1000)} MB`;
  console.log(
    [
      `${images} images with a blob of ${size / MIB} MiB each`,
      `two destinations: ${alone.fastS.toFixed(1)} s, peak memory ${
        mb(alone.run.peakKb)
      }`,
      `beside one with ${Math.round(width / 1e6)} MB/s: the two after ${
        beside.fastS.toFixed(1)
      } s, ${(beside.fastS / alone.fastS).toFixed(2)} of that; all after ${
        beside.run.wallS.toFixed(1)
      } s, peak memory ${mb(beside.run.peakKb)}`,
    ].join("\n"),
  );
} finally {
  await Deno.remove(directory, { recursive: true });
}
