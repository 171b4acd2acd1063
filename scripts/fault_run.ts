/**
 * Mirrors between real registries of which one request in five fails, and
 * prints how many images arrive and what share of the bytes is sent again.
 *
 *     deno task faults [--images N] [--seeds N] [--rate R] [--kinds K,K]
 *         [--program docker-registry]
 *
 * @module
 */

import { parseArgs } from "node:util";
import type { FaultKind } from "../tests/support/faulting_proxy.ts";
import {
  FaultWorld,
  type FaultySide,
} from "../tests/interop/support/fault_run.ts";

const SIDES: readonly FaultySide[] = ["source", "destination", "both"];
const KINDS: readonly FaultKind[] = ["refused", "swallowed", "lost"];

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "20" },
    seeds: { type: "string", default: "20" },
    rate: { type: "string", default: "0.2" },
    kinds: { type: "string", default: "refused,lost" },
    program: { type: "string", default: "docker-registry" },
  },
});
const images = Number(values.images);
const seeds = Number(values.seeds);
const rate = Number(values.rate);
const kinds = KINDS.filter((kind) => values.kinds.split(",").includes(kind));

await using world = await FaultWorld.start(images, values.program);
console.log(
  `${images} images, ${seeds} seeds a side, ${rate * 100} % of ${
    kinds.join(" and ")
  } requests (500, 502, 503, 504)`,
);
let lost = 0;
for (const side of SIDES) {
  const sum = { arrived: 0, sent: 0, again: 0, requests: 0, faults: 0 };
  const started = performance.now();
  for (let seed = 1; seed <= seeds; seed++) {
    const run = await world.run({ side, seed, rate, kinds });
    sum.arrived += run.arrived;
    sum.sent += run.bytesSent;
    sum.again += run.bytesResent;
    sum.requests += run.requests;
    sum.faults += run.faults;
    if (run.arrived === images && run.code === 0) continue;
    const errors = run.stderr.split("\n").filter((l) => l.includes("[ERRO]"));
    console.log(`${side}, seed ${seed}: ${errors.join("\n")}`);
  }
  lost += images * seeds - sum.arrived;
  const share = 100 * sum.again / (sum.sent - sum.again);
  console.log(
    `${side}: ${sum.arrived} of ${images * seeds} images arrived, ${
      share.toFixed(1)
    } % of the bytes sent again, ${sum.faults} of ${sum.requests} requests failed, ${
      ((performance.now() - started) / 1000 / seeds).toFixed(1)
    } s a run`,
  );
}
Deno.exitCode = lost === 0 ? 0 : 1;
