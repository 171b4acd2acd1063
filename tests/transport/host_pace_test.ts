import { assert, assertEquals } from "@std/assert";
import { HostPace } from "../../src/transport/host_pace.ts";

/** A host that answers in so many ms, and refuses beyond so many at once. */
class Host {
  readonly pace: HostPace;
  sent = 0;
  refusals = 0;
  #now = 0;
  readonly #answerMs: (underWay: number) => number;
  readonly #bound: number;

  constructor(
    answerMs: (underWay: number) => number,
    { bound = Infinity, max = 32 } = {},
  ) {
    this.#answerMs = answerMs;
    this.#bound = bound;
    this.pace = new HostPace({ max, now: () => this.#now });
  }

  /** Sends as many as may be under way, and waits for all of them. */
  round(): void {
    const { pace } = this;
    const count = pace.limit;
    pace.take(count);
    const began = Array.from({ length: count }, () => pace.began());
    this.#now += this.#answerMs(count);
    for (const [i, request] of began.entries()) {
      this.sent++;
      if (i < this.#bound) pace.answered(request);
      else {
        this.refusals++;
        pace.refused(request);
      }
    }
    // Those that wait take the places of those that end.
    pace.take(-count);
  }

  rounds(count: number): this {
    for (let i = 0; i < count; i++) this.round();
    return this;
  }
}

Deno.test("pace: a host that answers no slower soon gets as many as it may", () => {
  const host = new Host(() => 40);
  assertEquals(host.pace.limit, 8);
  host.rounds(6);
  assertEquals(host.pace.limit, 32);
  assertEquals(host.pace.cuts, 0);
});

Deno.test("pace: no host gets more than it may", () => {
  assertEquals(new Host(() => 40, { max: 3 }).rounds(50).pace.limit, 3);
  assertEquals(new Host(() => 1, { max: 1 }).rounds(50).pace.limit, 1);
});

Deno.test("pace: it stops growing where answers come slower", () => {
  // A queue: twice as many at once take twice as long.
  const host = new Host((underWay) => 5 * underWay).rounds(200);
  assert(host.pace.limit <= 20, `${host.pace.limit} at once`);
});

Deno.test("pace: a host that allows eight is sent few more, and keeps its seven", () => {
  const host = new Host(() => 20, { bound: 8 }).rounds(400);
  const share = host.refusals / host.sent;
  assert(share < 0.03, `${(100 * share).toFixed(1)} % refused`);
  assert(host.sent / 400 > 5, `${host.sent / 400} at once in the mean`);
});

Deno.test("pace: what was sent before the pace was cut cuts it no more", () => {
  const pace = new HostPace({ max: 32, now: () => 0 });
  pace.take(8);
  const requests = Array.from({ length: 8 }, () => pace.began());
  for (const request of requests) pace.refused(request);
  assertEquals(pace.cuts, 1);
  assertEquals(pace.limit, 4);
});

Deno.test("pace: a host that refuses everything is still asked", () => {
  const host = new Host(() => 20, { bound: 0 }).rounds(20);
  assertEquals(host.pace.limit, 1);
});

Deno.test("pace: a bound that was met is tried again after a while", () => {
  const pace = new HostPace({ max: 32, now: () => 0 });
  pace.take(8);
  pace.refused(pace.began());
  for (let i = 0; i < 20_000; i++) pace.answered(pace.began());
  // No more is learned than what eight under way can show.
  assert(pace.limit >= 8 && pace.limit <= 10, `${pace.limit} at once`);
});
