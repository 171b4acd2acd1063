import { assert, assertEquals, assertThrows } from "@std/assert";
import { Ajv2020 } from "ajv/2020";
import fc from "fast-check";
import { HangarError } from "../../src/errors.ts";
import { parseReceipt, receiptJson } from "../../src/layout/receipt.ts";
import { parseDigest } from "../../src/oci/digest.ts";
import { sha256 } from "../support/images.ts";

const schema = JSON.parse(
  await Deno.readTextFile(
    new URL("../../docs/receipt.schema.json", import.meta.url),
  ),
);
const isValid = new Ajv2020({ allErrors: true, validateFormats: false })
  .compile(schema);

const digestOf = (text: string) =>
  parseDigest(sha256(new TextEncoder().encode(text)));
const bytesOf = (json: unknown) =>
  new TextEncoder().encode(JSON.stringify(json));

const A = digestOf("a");
const B = digestOf("b");
const JSON_OF_ONE = receiptJson({
  tool: { name: "hangar", version: "1.2.3" },
  registry: "reg.example:5000",
  madeAt: "2026-01-02T03:04:05.000Z",
  images: [{ reference: "reg.example:5000/corp/app:v1", digest: A }],
  absent: ["reg.example:5000/corp/new:v1"],
  repositories: [
    { repository: "corp/b", manifests: [A], blobs: [B] },
    { repository: "corp/a", manifests: [A], blobs: [] },
  ],
});

Deno.test("receipt: a digest leads to the repositories that hold it", () => {
  assertEquals(isValid(JSON_OF_ONE), true, JSON.stringify(isValid.errors));
  const receipt = parseReceipt(bytesOf(JSON_OF_ONE), "receipt.json");
  assertEquals(receipt.registry, "reg.example:5000");
  assertEquals(receipt.madeAt, "2026-01-02T03:04:05.000Z");
  assertEquals([...receipt.digests], [[A, ["corp/a", "corp/b"]], [B, [
    "corp/b",
  ]]]);
});

Deno.test("receipt: what is written is read, whatever it is", () => {
  const digest = fc.integer({ min: 0, max: 30 }).map((n) => digestOf(`${n}`));
  const digests = fc.uniqueArray(digest, { maxLength: 8 });
  const repositories = fc.uniqueArray(
    fc.record({
      repository: fc.integer({ min: 0, max: 99 }).map((n) => `corp/app-${n}`),
      manifests: digests,
      blobs: digests,
    }),
    { selector: ({ repository }) => repository, maxLength: 6 },
  );
  fc.assert(fc.property(repositories, (repositories) => {
    const json = {
      ...JSON_OF_ONE,
      ...receiptJson({
        tool: { name: "hangar", version: "0" },
        registry: "reg.example",
        madeAt: "",
        images: [],
        absent: [],
        repositories,
      }),
    };
    assert(isValid(json), JSON.stringify(isValid.errors));
    const { digests } = parseReceipt(bytesOf(json), "r");
    for (const { repository, manifests, blobs } of repositories) {
      for (const one of [...manifests, ...blobs]) {
        assert(digests.get(one)!.includes(repository));
      }
    }
    for (const [one, names] of digests) {
      assertEquals(new Set(names).size, names.length);
      for (const name of names) {
        const held = repositories.find((r) => r.repository === name)!;
        assert(held.manifests.includes(one) || held.blobs.includes(one));
      }
    }
  }));
});

const REPOSITORY = { repository: "corp/app", manifests: [A], blobs: [B] };
const WRONG: [unknown, string][] = [
  ["text", "is not a JSON object"],
  [{ ...JSON_OF_ONE, kind: "report" }, "the receipt r.json is none"],
  [{ ...JSON_OF_ONE, kind: undefined }, "the receipt r.json is none"],
  [{ ...JSON_OF_ONE, schemaVersion: 2 }, "has the schemaVersion 2, and hangar"],
  [{ ...JSON_OF_ONE, registry: "a b" }, "names no registry"],
  [{ ...JSON_OF_ONE, registry: undefined }, "names no registry"],
  [{ ...JSON_OF_ONE, Registry: "x" }, "is registry in other letters"],
  [{ ...JSON_OF_ONE, repositories: {} }, "no list of repositories"],
  [{ ...JSON_OF_ONE, repositories: ["corp/app"] }, "without a name"],
  ...[
    [{ ...REPOSITORY, repository: "../../etc" }, "is not a part of"],
    [{ ...REPOSITORY, repository: 7 }, "without a name"],
    [{ ...REPOSITORY, manifests: A }, "corp/app: manifests is no list"],
    [{ ...REPOSITORY, blobs: null }, "corp/app: blobs is no list"],
    [{ ...REPOSITORY, blobs: ["sha256:../x"] }, "corp/app: blobs has the inv"],
    [{ ...REPOSITORY, manifests: [{}] }, "manifests has the invalid digest {}"],
  ].map(([item, text]): [unknown, string] => [
    { ...JSON_OF_ONE, repositories: [item] },
    text as string,
  ]),
];

for (const [json, text] of WRONG) {
  Deno.test(`receipt: refused, since ${text}`, () => {
    const error = assertThrows(
      () => parseReceipt(bytesOf(json), "r.json"),
      HangarError,
      text,
    );
    assertEquals(error.code, "invalid-manifest");
  });
}
