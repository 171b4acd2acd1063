import { assertEquals, assertRejects } from "@std/assert";
import { ContentLedger } from "../../src/copy/content_ledger.ts";
import { digestOf } from "../../src/oci/digest.ts";

const digest = digestOf(new Uint8Array([1]));

function options(signal = new AbortController().signal) {
  return { mayMount: () => true, signal };
}

Deno.test("ledger: content goes to a repository once, however many ask", async () => {
  const ledger = new ContentLedger();
  let brought = 0;
  const results = await Promise.all(
    [1, 2, 3].map(() =>
      ledger.deliver("reg", "a", digest, options(), async () => {
        await Promise.resolve();
        return ++brought;
      })
    ),
  );
  assertEquals(results, [1, undefined, undefined]);
});

Deno.test("ledger: other repositories wait for the first delivery, then find a holder", async () => {
  const ledger = new ContentLedger();
  const { promise, resolve } = Promise.withResolvers<void>();
  const seen: (string | undefined)[] = [];
  const bring = (repository: string) =>
    ledger.deliver("reg", repository, digest, options(), async () => {
      seen.push(ledger.holderOf("reg", digest));
      if (repository === "a") await promise;
      return repository;
    });
  const all = Promise.all([bring("a"), bring("b"), bring("c")]);
  await Promise.resolve();
  assertEquals(seen, [undefined]);
  resolve();
  assertEquals(await all, ["a", "b", "c"]);
  assertEquals(seen, [undefined, "a", "a"]);
});

Deno.test("ledger: once mounts are ignored, other repositories do not wait", async () => {
  const ledger = new ContentLedger();
  const ignoring = { ...options(), mayMount: () => false };
  const { promise, resolve } = Promise.withResolvers<void>();
  let started = 0;
  const all = ["a", "b"].map((repository) =>
    ledger.deliver("reg", repository, digest, ignoring, async () => {
      started++;
      await promise;
    })
  );
  await Promise.resolve();
  assertEquals(started, 2);
  resolve();
  await Promise.all(all);
});

Deno.test("ledger: a failed delivery is taken over by the next that waits", async () => {
  const ledger = new ContentLedger();
  const { promise, reject } = Promise.withResolvers<string>();
  const first = ledger.deliver("reg", "a", digest, options(), () => promise);
  const second = ledger.deliver(
    "reg",
    "a",
    digest,
    options(),
    () => Promise.resolve("second"),
  );
  reject(new Error("timed out"));
  await assertRejects(() => first, Error, "timed out");
  assertEquals(await second, "second");
});

Deno.test("ledger: who waits can be aborted without harm to the delivery", async () => {
  const ledger = new ContentLedger();
  const { promise, resolve } = Promise.withResolvers<string>();
  const first = ledger.deliver("reg", "a", digest, options(), () => promise);
  const impatient = new AbortController();
  const second = ledger.deliver(
    "reg",
    "a",
    digest,
    options(impatient.signal),
    () => Promise.resolve("never"),
  );
  impatient.abort(new Error("no longer"));
  await assertRejects(() => second, Error, "no longer");
  resolve("done");
  assertEquals(await first, "done");
});
