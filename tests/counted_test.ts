import { assertEquals } from "@std/assert";
import { counted, countedAttachments } from "../src/counted.ts";

Deno.test("one thing is counted in the singular, and any other number in the plural", () => {
  assertEquals([0, 1, 2].map((n) => counted(n, "retry", "retries")), [
    "0 retries",
    "1 retry",
    "2 retries",
  ]);
  assertEquals(counted(1, "image"), "1 image");
  assertEquals(counted(25, "image"), "25 images");
  assertEquals(countedAttachments(1), "1 signature or referrer");
  assertEquals(countedAttachments(5), "5 signatures and referrers");
});
