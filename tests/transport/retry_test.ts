import { assert, assertEquals, assertRejects } from "@std/assert";
import { bytesReader } from "../../src/bytes.ts";
import { HangarError } from "../../src/errors.ts";
import { parseRetryAfter, Retrier } from "../../src/transport/retry.ts";
import type { Transport } from "../../src/transport/transport.ts";

const request = { method: "GET", url: new URL("http://h/") } as const;
const quick = { baseDelayMs: 1, attempts: 3 };

function answering(...answers: (number | HangarError)[]) {
  let sent = 0;
  const transport: Transport = () => {
    const answer = answers[Math.min(sent++, answers.length - 1)]!;
    return typeof answer === "number"
      ? Promise.resolve(new Response("x", { status: answer }))
      : Promise.reject(answer);
  };
  return { transport, sent: () => sent };
}

const broken = new HangarError("network", "reset", { temporary: true });

for (
  const [name, answers, status, sent] of [
    ["503 twice, then 200", [503, 503, 200], 200, 3],
    ["429, then 200", [429, 200], 200, 2],
    ["a broken connection, then 200", [broken, 200], 200, 2],
    ["500 for ever", [500], 500, 3],
    ["408, then 200", [408, 200], 200, 2],
    ["502 and 504, then 200", [502, 504, 200], 200, 3],
    ["507, then 200", [507, 200], 200, 2],
    ["520 and 599, then 200", [520, 599, 200], 200, 3],
    ["501", [501], 501, 1],
    ["505", [505], 505, 1],
    ["400", [400], 400, 1],
    ["401", [401], 401, 1],
    ["403", [403], 403, 1],
    ["404", [404], 404, 1],
  ] as const
) {
  Deno.test(`retry: ${name} is sent ${sent} times`, async () => {
    const fake = answering(...answers);
    const response = await new Retrier(quick).decorate(fake.transport)(request);
    await response.body?.cancel();
    assertEquals([response.status, fake.sent()], [status, sent]);
  });
}

Deno.test("retry: a lasting fault is thrown at once", async () => {
  const fake = answering(new HangarError("tls", "bad certificate"));
  await assertRejects(
    () => new Retrier(quick).decorate(fake.transport)(request),
    HangarError,
    "bad certificate",
  );
  assertEquals(fake.sent(), 1);
});

Deno.test("retry: a request that its sender tries again by itself is sent once", async () => {
  const fake = answering(503, 200);
  const response = await new Retrier(quick).decorate(fake.transport)({
    ...request,
    once: true,
  });
  await response.body?.cancel();
  assertEquals([response.status, fake.sent()], [503, 1]);
});

Deno.test("retry: a stream is not sent twice", async () => {
  const fake = answering(503, 200);
  const response = await new Retrier(quick).decorate(fake.transport)({
    ...request,
    method: "PUT",
    body: bytesReader(new Uint8Array(1)),
  });
  await response.body?.cancel();
  assertEquals([response.status, fake.sent()], [503, 1]);
});

Deno.test("retry: Retry-After holds up every request to the host", async () => {
  const times: number[] = [];
  let limited = true;
  const started = performance.now();
  const send = new Retrier({ ...quick, maxDelayMs: 1 }).decorate(() => {
    times.push(performance.now() - started);
    const response = limited
      ? new Response(null, { status: 429, headers: { "retry-after": "1" } })
      : new Response(null, { status: 200 });
    limited = false;
    return Promise.resolve(response);
  });
  const first = send(request);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await Promise.all([first, send(request)]);
  assertEquals(times.length, 3);
  assert(times[1]! > 900 && times[2]! > 900, times.join());
});

Deno.test("retry: a Retry-After of hours is not waited for", async () => {
  let sent = 0;
  const send = new Retrier(quick).decorate(() => {
    sent++;
    return Promise.resolve(
      new Response(null, { status: 429, headers: { "retry-after": "21600" } }),
    );
  });
  assertEquals([(await send(request)).status, sent], [429, 1]);
});

Deno.test("retry: an abort ends the wait", async () => {
  const stop = new AbortController();
  const fake = answering(503);
  const sending = new Retrier({ baseDelayMs: 60_000 }).decorate(
    fake.transport,
  )({ ...request, signal: stop.signal });
  stop.abort(new Error("stop"));
  await assertRejects(() => sending, Error, "stop");
});

Deno.test("Retry-After: seconds, a date, nonsense", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  assertEquals(parseRetryAfter("3", now), 3000);
  assertEquals(parseRetryAfter("Thu, 01 Jan 2026 00:00:30 GMT", now), 30_000);
  assertEquals(parseRetryAfter("Wed, 31 Dec 2025 00:00:30 GMT", now), 0);
  assertEquals(parseRetryAfter("soon", now), undefined);
  assertEquals(parseRetryAfter(null, now), undefined);
});

Deno.test("retry: a host that answers others is asked for longer than one that is silent", async () => {
  const waits = { baseDelayMs: 0 };
  const silent = answering(broken);
  await assertRejects(
    () => new Retrier(waits).decorate(silent.transport)(request),
    HangarError,
  );
  assertEquals(silent.sent(), 5);
  const alive = answering(200, broken);
  const send = new Retrier(waits).decorate(alive.transport);
  await (await send(request)).body?.cancel();
  await assertRejects(() => send(request), HangarError);
  assertEquals(alive.sent(), 1 + 10);
});

Deno.test("retry: a host that answered well long ago is silent", async () => {
  let now = 0;
  const fake = answering(200, broken);
  const send = new Retrier({ baseDelayMs: 0, now: () => now }).decorate(
    fake.transport,
  );
  await (await send(request)).body?.cancel();
  now = 61_000;
  await assertRejects(() => send(request), HangarError);
  assertEquals(fake.sent(), 1 + 5);
});

Deno.test("retry: what a server's error says for good is not asked again, and can be read", async () => {
  const fake = answering(500);
  const response = await new Retrier({
    ...quick,
    isForGood: (body) => new TextDecoder().decode(body) === "x",
  }).decorate(fake.transport)(request);
  assertEquals([await response.text(), fake.sent()], ["x", 1]);
});
