import { assert, assertEquals } from "@std/assert";
import type { FaultKind } from "../support/faulting_proxy.ts";
import { FaultWorld, type FaultySide } from "./support/fault_run.ts";
import { interopIgnored } from "./support.ts";

const SIDES: readonly FaultySide[] = ["source", "destination", "both"];
const KINDS: readonly FaultKind[] = ["refused", "lost"];
const SEEDS = [1, 2];
const IMAGES = 10;

Deno.test({
  name:
    "interop: with one request in five failing every image arrives, and hardly a byte goes out twice",
  ignore: interopIgnored,
  fn: async () => {
    await using world = await FaultWorld.start(IMAGES);
    for (const side of SIDES) {
      let sent = 0;
      let again = 0;
      for (const seed of SEEDS) {
        const run = await world.run({ side, seed, rate: 0.2, kinds: KINDS });
        const what = `${side}, seed ${seed}: ${run.stderr}`;
        assertEquals([run.code, run.arrived], [0, IMAGES], what);
        assert(run.faults > 15, `${run.faults} faults`);
        sent += run.bytesSent;
        again += run.bytesResent;
      }
      assert(again < 0.1 * (sent - again), `${side}: ${again} of ${sent}`);
      // A body that the proxy reads to its end and drops has to go out again,
      // so here only what arrives counts.
      const kinds: FaultKind[] = [...KINDS, "swallowed"];
      const run = await world.run({ side, seed: 1, rate: 0.2, kinds });
      assertEquals([run.code, run.arrived], [0, IMAGES], run.stderr);
    }
  },
});
