import { assertEquals } from "@std/assert";
import { VERSION } from "../../src/version.ts";
import config from "../../deno.json" with { type: "json" };

Deno.test("version: the program and its package agree", () => {
  assertEquals(VERSION, config.version);
});
