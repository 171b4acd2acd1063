import { assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { decodeBase64, encodeBase64 } from "../src/base64.ts";

const BYTES = new Uint8Array([0xfb, 0xff, 0xbe, 0x61]);

Deno.test("base64 is decoded with and without padding, over line breaks", () => {
  assertEquals(decodeBase64("+/++YQ=="), BYTES);
  assertEquals(decodeBase64("+/++YQ"), BYTES);
  assertEquals(decodeBase64(" +/++\r\nYQ==\n"), BYTES);
  assertEquals(decodeBase64(""), new Uint8Array());
});

Deno.test("what is not base64 is refused", () => {
  for (const text of ["Y", "-_--YQ==", "Y=Q=", "YQ===", "YQ==YQ==", "Yé=="]) {
    assertThrows(() => decodeBase64(text));
  }
});

Deno.test("encoding leaves the bytes alone, a Buffer of Node's too", () => {
  for (const bytes of [BYTES, Buffer.from(BYTES), Buffer.from(BYTES.buffer)]) {
    assertEquals(encodeBase64(bytes), "+/++YQ==");
    assertEquals(new Uint8Array(bytes), BYTES);
    assertEquals(bytes.length, 4);
  }
  assertEquals(encodeBase64("é:ü"), "w6k6w7w=");
});
