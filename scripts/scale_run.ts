/**
 * What a long list takes: memory, time and requests of one process, and of many
 * that share the list.
 *
 *   deno run -A scripts/scale_run.ts [--images N] [--shards N] [--flags FLAGS]
 *                                        [--again]
 *
 * With `--again`, the destination has all images already. The registries are those of `scale_server.ts`, in processes of their own.
 * Flags of hangar, such as `--missing`, are separated by commas.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";
import { measure } from "./measure.ts";
import { V8_FLAGS } from "./v8_flags.ts";

const here = (name: string) => new URL(name, import.meta.url).pathname;

function option(name: string, fallback: string): string {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? fallback : Deno.args[at + 1] ?? fallback;
}

const images = Number(option("images", "100000"));
const shards = Number(option("shards", "1"));
const flags = option("flags", "").split(",").filter(Boolean);

async function startServer(kind: "source" | "empty") {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", here("scale_server.ts"), kind],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream()).getReader();
  const { value: host = "" } = await lines.read();
  lines.releaseLock();
  return { child, host };
}

const directory = await Deno.makeTempDir({ prefix: "hangar-scale-" });
const list = `${directory}/images.txt`;
// Ten tags for each repository.
await Deno.writeTextFile(
  list,
  Array.from(
    { length: images },
    (_, i) => `team${i % 500}/app${Math.floor(i / 10)}:v${i % 10}`,
  ).join("\n"),
);
const source = await startServer("source");
const again = Deno.args.includes("--again");
const destination = await startServer(again ? "source" : "empty");
try {
  const began = performance.now();
  const runs = await Promise.all(
    Array.from({ length: shards }, async (_, index) => {
      const report = `${directory}/report-${index}.json`;
      const took = await measure([
        ...[Deno.execPath(), "run", "-A", V8_FLAGS, here("../main.ts")],
        ...["mirror", `--file=${list}`, "--jobs=20", "--skip-login", "--quiet"],
        `--source=http://${source.host}`,
        `--destination=http://${destination.host}`,
        `--shard=${index}/${shards}`,
        `--failed=${directory}/failed-${index}.txt`,
        `--report=${report}`,
        ...flags,
      ]);
      const { totals } = JSON.parse(await Deno.readTextFile(report));
      return { ...took, requests: Number(totals.requests) };
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  const sum = (of: (run: (typeof runs)[number]) => number) =>
    runs.reduce((all, run) => all + of(run), 0);
  const requests = sum((run) => run.requests);
  console.log(
    [
      `${images} images, ${shards} process(es)${again ? ", all there" : ""} ${
        flags.join(" ")
      }`.trim(),
      `${seconds.toFixed(0)} s`,
      `${sum((r) => r.userS + r.systemS).toFixed(0)} s CPU`,
      `${requests} requests (${(requests / images).toFixed(2)} an image)`,
      `${(requests / seconds).toFixed(0)} requests/s`,
      `peak of the largest process ${
        (Math.max(...runs.map((r) => r.peakKb)) / 1024).toFixed(0)
      } MiB`,
    ].join(", "),
  );
} finally {
  for (const { child } of [source, destination]) child.kill();
  await Promise.all(
    [source, destination].map(async ({ child }) => {
      await child.stdout.cancel().catch(() => {});
      await child.status;
    }),
  );
  await Deno.remove(directory, { recursive: true });
}
