import { assertEquals } from "@std/assert";
import { HangarError, isRefusal } from "../src/errors.ts";

Deno.test("only a 4xx that does not pass is a refusal", () => {
  const answered = (status: number | undefined, temporary = false) =>
    isRefusal(new HangarError("registry", "GET", { status, temporary }));
  assertEquals([400, 401, 404, 499].map((status) => answered(status)), [
    true,
    true,
    true,
    true,
  ]);
  assertEquals([200, 307, 399, 500, 503].map((status) => answered(status)), [
    false,
    false,
    false,
    false,
    false,
  ]);
  assertEquals(answered(429, true), false);
  assertEquals(answered(undefined), false);
  assertEquals(isRefusal({ status: 404, temporary: false }), false);
});
