import { assert, assertEquals, assertThrows } from "@std/assert";
import { HangarError } from "../../src/errors.ts";
import {
  parseCertificates,
  SignerCertificate,
} from "../../src/signatures/certificate.ts";
import {
  makeCertificate,
  type TestCertificate,
} from "../support/certificates.ts";
import { attack } from "./attack.ts";

const trusted = makeCertificate({ isCa: true, name: "trusted" });

/** Verifies a certificate against the trusted CA; gives how long it took. */
function verify(
  leaf: TestCertificate,
  chain: readonly TestCertificate[],
): number {
  const parse = (all: readonly TestCertificate[]) =>
    parseCertificates(all.map(({ pem }) => pem).join(""), "it");
  const from = performance.now();
  new SignerCertificate(leaf.pem)
    .verifyChain(parse([trusted]), parse(chain), new Date());
  return performance.now() - from;
}

/** The time of a refusal. */
function refusal(
  leaf: TestCertificate,
  chain: readonly TestCertificate[],
): number {
  const from = performance.now();
  const error = assertThrows(() => verify(leaf, chain), HangarError);
  assertEquals(error.code, "invalid-signature");
  return performance.now() - from;
}

Deno.test("certificates: a chain leads to the root by way of others, in any order and twice", () => {
  const middle = makeCertificate({ isCa: true, name: "m", issuer: trusted });
  const lower = makeCertificate({ isCa: true, name: "l", issuer: middle });
  const leaf = makeCertificate({ issuer: lower, email: "ann@example.org" });
  verify(leaf, [lower, middle]);
  verify(leaf, [middle, lower, middle, trusted]);
  verify(makeCertificate({ issuer: trusted }), []);
  refusal(leaf, [middle]);
});

// A search of every path would take years for a hundred of these.
const FAST_MS = 5_000;

attack("a chain of a hundred copies of one self-signed CA", () => {
  const own = makeCertificate({ isCa: true, name: "own" });
  const leaf = makeCertificate({ issuer: own });
  assert(refusal(leaf, Array(100).fill(own)) < FAST_MS);
});

attack("a chain of CAs of one name and key, each of which issued each", () => {
  const first = makeCertificate({ isCa: true, name: "own" });
  const chain = Array.from(
    { length: 100 },
    () => makeCertificate({ isCa: true, name: "own", key: first }),
  );
  assert(refusal(makeCertificate({ issuer: first }), chain) < FAST_MS);
});

attack("a chain of more certificates than anyone needs", () => {
  const own = makeCertificate({ isCa: true, name: "own", issuer: trusted });
  const leaf = makeCertificate({ issuer: own });
  refusal(leaf, Array(1000).fill(own));
});

attack("a CA that signs without being one", () => {
  const middle = makeCertificate({ name: "m", issuer: trusted });
  refusal(makeCertificate({ issuer: middle }), [middle]);
});
