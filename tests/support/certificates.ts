/**
 * X.509 certificates made without hangar's own code (RFC 5280), as Fulcio gives
 * them.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { createHash, sign } from "node:crypto";
import { makeKey, type TestKey } from "./signing.ts";

/** One value in DER. */
function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concat(parts);
  const { length } = content;
  const size = length < 128
    ? [length]
    : length < 256
    ? [0x81, length]
    : [0x82, length >> 8, length & 255];
  return concat([Uint8Array.from([tag, ...size]), content]);
}

const text = (value: string) => new TextEncoder().encode(value);
const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts);

function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const value of rest) {
    const groups = [value & 127];
    for (let left = value >> 7; left > 0; left >>= 7) {
      groups.unshift(left & 127 | 128);
    }
    bytes.push(...groups);
  }
  return der(6, Uint8Array.from(bytes));
}

function time(date: Date): Uint8Array {
  const digits = date.toISOString().replace(/[-:T]|\..*/g, "");
  return der(0x18, text(`${digits}Z`));
}

function nameOf(commonName: string): Uint8Array {
  return sequence(
    der(0x31, sequence(oid("2.5.4.3"), der(0x0c, text(commonName)))),
  );
}

function extension(
  id: string,
  value: Uint8Array,
  critical = false,
): Uint8Array {
  return sequence(
    oid(id),
    ...(critical ? [der(1, Uint8Array.of(255))] : []),
    der(4, value),
  );
}

/** A certificate, with the key that it certifies. */
export interface TestCertificate extends TestKey {
  readonly name: string;
  readonly der: Uint8Array;
  readonly pem: string;
}

/** What a certificate is to say. */
export interface CertificateOptions {
  /** @default a self-signed one */
  readonly issuer?: TestCertificate;
  readonly name?: string;
  readonly isCa?: boolean;
  readonly key?: TestKey;
  readonly email?: string;
  /** The address of a server, four bytes. */
  readonly ip?: readonly number[];
  readonly oidcIssuer?: string;
  /** @default code signing, for what is no CA */
  readonly usage?: string;
  readonly from?: Date;
  readonly until?: Date;
}

let serial = 1;

/** Makes a certificate of a new key, or of a given one. */
export function makeCertificate(
  options: CertificateOptions = {},
): TestCertificate {
  const { issuer, isCa = false, email, ip, oidcIssuer } = options;
  const { name = isCa ? "ca" : "" } = options;
  const key = options.key ?? makeKey();
  const hour = 3_600_000;
  const from = options.from ?? new Date(Date.now() - hour);
  const until = options.until ?? new Date(Date.now() + hour);
  const algorithm = sequence(oid("1.2.840.10045.4.3.2"));
  const extensions = [
    ...(isCa
      ? [extension("2.5.29.19", sequence(der(1, Uint8Array.of(255))), true)]
      : [
        extension(
          "2.5.29.37",
          sequence(oid(options.usage ?? "1.3.6.1.5.5.7.3.3")),
        ),
      ]),
    extension(
      "2.5.29.15",
      der(3, isCa ? Uint8Array.of(1, 6) : Uint8Array.of(7, 128)),
      true,
    ),
    ...(email
      ? [extension("2.5.29.17", sequence(der(0x81, text(email))), true)]
      : []),
    ...(ip
      ? [extension("2.5.29.17", sequence(der(0x87, Uint8Array.from(ip))))]
      : []),
    ...(oidcIssuer
      ? [
        extension("1.3.6.1.4.1.57264.1.1", text(oidcIssuer)),
        extension("1.3.6.1.4.1.57264.1.8", der(0x0c, text(oidcIssuer))),
      ]
      : []),
  ];
  const body = sequence(
    der(0xa0, der(2, Uint8Array.of(2))),
    der(2, Uint8Array.of(1, serial >> 8 & 255, serial++ & 255)),
    algorithm,
    nameOf(issuer?.name ?? name),
    sequence(time(from), time(until)),
    nameOf(name),
    key.publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign("sha256", body, (issuer ?? key).privateKey);
  const bytes = sequence(
    body,
    algorithm,
    der(3, concat([Uint8Array.of(0), signature])),
  );
  const base64 = bytes.toBase64().match(/.{1,64}/g)!.join("\n");
  return {
    ...key,
    name,
    der: bytes,
    pem: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
  };
}

/** By this a transparency log is known: the hash of its key. */
export function logIdOf(key: TestKey): Uint8Array {
  return createHash("sha256")
    .update(key.publicKey.export({ type: "spki", format: "der" })).digest();
}
