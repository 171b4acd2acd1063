import { assert, assertEquals, assertRejects } from "@std/assert";
import { RequestGate } from "../../src/transport/request_gate.ts";

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

Deno.test("gate: bounds the requests to a host until their bodies are read", async () => {
  const gate = new RequestGate({ maxPerHost: 2 });
  let open = 0;
  const send = gate.limit("h")(() => {
    open++;
    return Promise.resolve(new Response("body"));
  });
  const request = { method: "GET", url: new URL("http://h/") } as const;
  const pending = [send(request), send(request), send(request)];
  await settle();
  assertEquals(open, 2);
  assertEquals(await (await pending[0]!).text(), "body");
  await settle();
  assertEquals(open, 3);
  await (await pending[1]!).body?.cancel();
  await (await pending[2]!).body?.cancel();
});

Deno.test("gate: bounds transfers in the whole run", async () => {
  const gate = new RequestGate({ maxTransfers: 3, maxPerHost: 100 });
  const releases: (() => void)[] = [];
  const all = Array.from(
    { length: 5 },
    (_, i) =>
      gate.enter([`s${i}`, "d"]).then((release) => {
        releases.push(release);
      }),
  );
  await settle();
  assertEquals(releases.length, 3);
  releases.splice(0).forEach((release) => release());
  await Promise.all(all);
  assertEquals(releases.length, 2);
});

Deno.test("gate: twelve large blobs at most are in transfer, whatever the hosts take", async () => {
  const gate = new RequestGate({ maxPerHost: 100 });
  const releases: (() => void)[] = [];
  const all = Array.from(
    { length: 20 },
    (_, i) =>
      gate.enter([`s${i}`, `d${i}`], { bytes: 1 << 30 }).then((release) => {
        releases.push(release);
      }),
  );
  await settle();
  assertEquals(releases.length, 12);
  releases.splice(0).forEach((release) => release());
  await Promise.all(all);
});

Deno.test("gate: a transfer within one host takes two slots at once and cannot lock up", async () => {
  const gate = new RequestGate({ maxPerHost: 3 });
  let running = 0;
  let peak = 0;
  await Promise.all(Array.from({ length: 10 }, async () => {
    const release = await gate.enter(["h", "h"]);
    peak = Math.max(peak, ++running);
    await settle();
    running--;
    release();
  }));
  assertEquals(peak, 1);
});

Deno.test("gate: work for an idle host is not held up by a busy one", async () => {
  const gate = new RequestGate({ maxPerHost: 1 });
  const busy = await gate.enter(["busy"]);
  let served = false;
  const waiting = gate.enter(["busy"]).then((release) => {
    served = true;
    release();
  });
  const idle = await gate.enter(["idle"]);
  assertEquals(served, false);
  idle();
  busy();
  await waiting;
  assertEquals(served, true);
});

Deno.test("gate: a waiter that is aborted leaves the queue", async () => {
  const gate = new RequestGate({ maxPerHost: 1 });
  const first = await gate.enter(["h"]);
  const impatient = new AbortController();
  const second = gate.enter(["h"], { signal: impatient.signal });
  const third = gate.enter(["h"]);
  impatient.abort(new Error("no longer"));
  await assertRejects(() => second, Error, "no longer");
  first();
  (await third)();
});

Deno.test("gate: slots that are taken together are given back one by one", async () => {
  const gate = new RequestGate({ maxPerHost: 1, maxTransfers: 1 });
  const [source, a, b] = await gate.enterTogether(["s", "a", "b"]);
  const order: string[] = [];
  const wait = async (host: string) => {
    const release = await gate.enterWithin(host);
    order.push(host);
    release();
  };
  const waiting = ["a", "s", "b"].map(wait);
  const transfer = gate.enter(["c"]).then((release) => {
    order.push("next transfer");
    release();
  });
  a!();
  a!();
  await waiting[0];
  b!();
  await waiting[2];
  assertEquals(order, ["a", "b"]);
  source!();
  await Promise.all([...waiting, transfer]);
  assertEquals(order.toSorted(), ["a", "b", "next transfer", "s"]);
});

Deno.test("gate: slots are taken together or not at all", async () => {
  const gate = new RequestGate({ maxPerHost: 1 });
  const busy = await gate.enter(["b"]);
  const late = new AbortController();
  const all = gate.enterTogether(["s", "a", "b"], { signal: late.signal });
  const free = await gate.enterWithin("a");
  free();
  late.abort(new Error("too late"));
  await assertRejects(() => all, Error, "too late");
  busy();
  (await gate.enter(["s", "a", "b"]))();
});

Deno.test("gate: the buffers of an answer are no larger than the answer", async () => {
  await using server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
  }, () => new Response("x".repeat(700)));
  const url = new URL(`http://127.0.0.1:${server.addr.port}/`);
  const send = new RequestGate().limit("h")((request) => fetch(request.url));
  const response = await send({ method: "GET", url });
  let size = 0;
  for await (const piece of response.body!) {
    size += piece.byteLength;
    assert(piece.buffer.byteLength <= 701, `${piece.buffer.byteLength}`);
  }
  assertEquals(size, 700);
});
