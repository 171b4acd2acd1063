/**
 * The way of an image through mirrors, in words.
 *
 * @module
 */

import { printable } from "../../errors.ts";
import type { AcceptedSigner } from "../../signatures/trusted_keys.ts";
import type { Provenance, ProvenanceStop } from "./provenance.ts";

/**
 * The way of an image, newest stop first, with what was verified of each.
 *
 * @param name of the image, as the user wrote it
 * @param by whose signatures were verified
 */
export function provenanceText(
  { digest, stops, unverified }: Provenance,
  { name, by }: { readonly name: string; readonly by: string },
): string {
  const lines = [`${printable(name)} ${digest}`];
  for (const [i, stop] of stops.entries()) {
    lines.push(...stopLines(stop, digest, by));
    const from = stop.predicate.sources.map(({ reference }) => reference);
    const next = stops[i + 1]?.predicate.destination.reference;
    if (next !== undefined && !from.includes(next)) {
      lines.push(
        `  how it came from ${printable(next)} to ${
          printable(from.join(", "))
        } is not attested`,
      );
    }
  }
  for (const { predicate } of unverified) {
    lines.push(
      `NOT VERIFIED: nobody you trust says that it came from ${
        wayOf(predicate)
      }`,
    );
  }
  return `${lines.join("\n")}\n`;
}

function stopLines(
  { predicate, subjects, hasSummary }: ProvenanceStop,
  digest: string,
  by: string,
): string[] {
  const { mirroredAt, mirroredBy, platforms, policy, sources } = predicate;
  const isWhole = subjects.includes(digest);
  const named = platforms.flatMap(({ platform }) => platform ?? []);
  return [
    `${printable(mirroredAt)} ${wayOf(predicate)}`,
    `  verified: signed by ${by}; it is about ${
      isWhole ? "this digest" : `parts of it: ${subjects.join(", ")}`
    }`,
    `  source: ${printable(sources.map((one) => one.digest).join(", "), 1000)}`,
    ...named.length > 0 && isWhole
      ? [`  platforms: ${printable(named.join(", "), 1000)}`]
      : [],
    `  policy: ${
      policy
        ? `${printable(policy.digest)}, ${
          policy.enforced
            ? `enforced${
              hasSummary ? ", with a verification summary" : ""
            }; signers: ${signersOf(policy.accepted)}`
            : "which asks for no signature"
        }`
        : "none"
    }`,
    `  by ${printable(mirroredBy.name)} ${printable(mirroredBy.version)}`,
  ];
}

function wayOf(
  { sources, destination }: ProvenanceStop["predicate"],
): string {
  const from = sources.map(({ reference }) => reference).join(", ");
  return `${printable(from, 1000)} => ${printable(destination.reference)}`;
}

function signersOf(
  accepted: readonly { readonly signers: readonly AcceptedSigner[] }[],
): string {
  const names = accepted.flatMap(({ signers }) =>
    signers.map(({ key, identity, issuer, gpg }) =>
      [
        key && `key ${key}`,
        gpg && `GPG key ${gpg}`,
        identity,
        issuer && `(${issuer})`,
      ].filter(Boolean).join(" ")
    )
  );
  return printable([...new Set(names)].join(", ") || "none", 1000);
}
