/**
 * Attesting where a mirrored image came from, or looking whether that is there.
 *
 * @module
 */

import {
  MIRROR_PREDICATE,
  type MirrorPredicate,
  parseMirrorPredicate,
} from "../../signatures/attestations/mirror_predicate.ts";
import { makeStatement } from "../../signatures/attestations/statement.ts";
import {
  summaryOf,
  VSA_PREDICATE,
} from "../../signatures/attestations/verification_summary.ts";
import type {
  AttestationReader,
  Attester,
  NewStatement,
} from "../../signing/attester.ts";
import type { SignedTarget, SignTarget } from "../../signing/image_signer.ts";
import { together } from "../../together.ts";
import {
  type AttestedFacts,
  differenceOf,
  type ImageFacts,
} from "./attested_facts.ts";

/** Who attests, and with which program. */
export interface AttestOptions<By extends AttestationReader = Attester> {
  readonly attester: By;
  /** The program that mirrored. */
  readonly tool: MirrorPredicate["mirroredBy"];
}

/**
 * Attests an image and its parts, each once for a source and a policy.
 *
 * @param targets its manifests; what names the others comes first
 * @returns how many manifests had to be attested
 */
export async function attestImage(
  targets: readonly SignTarget[],
  facts: ImageFacts,
  { attester, tool }: AttestOptions,
  signal: AbortSignal,
): Promise<number> {
  const [first, ...others] = targets;
  // The attestation of an index comes after those of its parts, so it proves
  // them.
  if (!first || await isAttested(first, facts, attester)) return 0;
  let made = 0;
  const attest = async (target: SignTarget) => {
    await attester.attach(target, statementsOn(target, facts, tool));
    made++;
  };
  await together(
    others.map((target) => async () => {
      if (!await isAttested(target, facts, attester)) await attest(target);
    }),
    signal,
  );
  await attest(first);
  return made;
}

/** What lacks or differs of the attestations of an image and its parts. */
export async function auditAttestations(
  targets: readonly SignedTarget[],
  facts: ImageFacts,
  attester: AttestationReader,
  signal: AbortSignal,
): Promise<string[]> {
  const findings = await together(
    targets.map((target) => async (signal) => {
      const { digest } = target.descriptor;
      const looked = { ...target, signal };
      const wanted = facts.of(target.descriptor);
      const deep = { deep: true };
      const differences = await differencesOf(looked, wanted, attester, deep);
      const [difference] = differences;
      if (difference !== undefined) {
        return [`different: own attestation of ${digest}: ${difference}`];
      }
      if (differences.length === 0) {
        return [`missing: own attestation of ${digest}`];
      }
      if (!wanted.policy?.enforced) return [];
      const summaries = await attester.own(looked, VSA_PREDICATE, deep);
      return summaries.length > 0
        ? []
        : [`missing: own verification summary of ${digest}`];
    }),
    signal,
  );
  return findings.flat();
}

async function isAttested(
  target: SignTarget,
  facts: ImageFacts,
  attester: AttestationReader,
): Promise<boolean> {
  const wanted = facts.of(target.descriptor);
  const deep = target.destination.recheck;
  const found = await differencesOf(target, wanted, attester, { deep });
  return found.length > 0 && found[0] === undefined;
}

/**
 * How each attestation that is there differs from what is wanted; one that does
 * not comes first.
 */
async function differencesOf(
  target: SignedTarget,
  wanted: AttestedFacts,
  attester: AttestationReader,
  options: { readonly deep?: boolean },
): Promise<(string | undefined)[]> {
  const found = await attester.own(target, MIRROR_PREDICATE, options);
  const differences = found.map(({ predicate }) => {
    const held = parseMirrorPredicate(predicate);
    return held ? differenceOf(held, wanted) : "it is malformed";
  });
  return differences.includes(undefined) ? [undefined] : differences.reverse();
}

function statementsOn(
  { descriptor, destination }: SignTarget,
  facts: ImageFacts,
  tool: MirrorPredicate["mirroredBy"],
): NewStatement[] {
  const predicate: MirrorPredicate = {
    ...facts.of(descriptor),
    // Fractions of a second are no use to anybody.
    mirroredAt: `${new Date().toISOString().slice(0, 19)}Z`,
    mirroredBy: tool,
  };
  const { digest } = descriptor;
  const name = `${destination.store.id}/${destination.repository}`;
  const statement = (predicateType: string, json: object) => ({
    predicateType,
    text: makeStatement({
      digest,
      name,
      predicateType,
      predicate: { ...json },
    }),
  });
  const summary = summaryOf(predicate);
  return [
    ...(summary ? [statement(VSA_PREDICATE, summary)] : []),
    statement(MIRROR_PREDICATE, predicate),
  ];
}
