import { runChaos } from "../../support/fault_world.ts";

// It asserts in there; the seeds are split in two files that run side by side.
Deno.test("chaos: runs of seed 251 and on end well, and the failed list finishes the job", () =>
  runChaos(251));
