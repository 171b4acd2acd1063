/**
 * In Deno's `node:crypto`, `verify(undefined, …)` throws for keys other than
 * Ed25519, where Node uses SHA-256. `@sigstore/verify` relies on that default for
 * signatures and logs, and would refuse every bundle.
 *
 * @module
 */

import { crypto } from "@sigstore/core";
import type { KeyLike } from "node:crypto";

/** Makes `@sigstore/core` name the digest that Node uses. Later calls do nothing. */
export function nameDefaultDigest(): void {
  if (known) return;
  known = true;
  const { verify } = crypto;
  const named: typeof verify = (data, key, signature, algorithm) =>
    verify(data, key, signature, algorithm ?? defaultFor(key));
  Object.assign(crypto, { verify: named });
}

let known = false;

function defaultFor(key: KeyLike): string | undefined {
  const isEd25519 = typeof key === "object" && "asymmetricKeyType" in key &&
    key.asymmetricKeyType === "ed25519";
  return isEd25519 ? undefined : "sha256";
}
