/**
 * Signing images that are mirrored already, and checking their signatures.
 * There is no source: image and signatures are at a task's destination.
 *
 * @module
 */

import { atDestination } from "../../copy/sides.ts";
import { HangarError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import { attestationSubject, type Manifest } from "../../oci/manifest.ts";
import { parseContent } from "../../oci/parse_manifest.ts";
import {
  formatFilter,
  formatPlatform,
  matchesFilter,
  type PlatformFilter,
} from "../../oci/platform.ts";
import type {
  ImageSigner,
  NamedChecker,
  SignTarget,
} from "../../signing/image_signer.ts";
import { together } from "../../together.ts";
import { nothingText } from "../decide/tell_image.ts";
import type { NothingSelected } from "../events.ts";
import {
  type ImageJob,
  type ImageResult,
  openDestination,
  type RunServices,
} from "../image_run.ts";
import { signTargets } from "./sign_image.ts";

/** What of an image in place can be signed. */
interface InPlaceTargets {
  readonly targets: SignTarget[];
  readonly digest: Digest;
  /** Set where no platform of it is meant. */
  readonly nothing?: NothingSelected;
}

/**
 * Reads an image that is in place, and lists its manifests that can be signed.
 *
 * @param parts which platforms of an index are meant; all of them without it
 */
async function targetsInPlace(
  job: ImageJob,
  services: RunServices,
  parts: PlatformFilter | undefined,
): Promise<InPlaceTargets> {
  const { task, signal } = job;
  const destination = openDestination(job, services);
  const { store, repository } = destination;
  const address = task.destination;
  const reference = address.digest ?? address.tag!;
  const manifest = await atDestination(
    destination,
    `read ${reference} from`,
    (async () => {
      const content = await store.getManifest(repository, reference, {
        signal,
      });
      if (content) return parseContent(content);
      throw new HangarError("not-found", "there is no such image", {
        status: 404,
        hint: "mirror it first, or check the name and tag in the list",
      });
    })(),
  );
  const { digest } = manifest.content;
  const leftOut = leftOutOf(manifest, parts);
  if (manifest.kind === "index" && leftOut?.size === manifest.entries.length) {
    const available = manifest.entries.flatMap((entry) =>
      entry.platform && attestationSubject(entry) === undefined
        ? [formatPlatform(entry.platform)]
        : []
    );
    const nothing = { wanted: formatFilter(parts!), available };
    job.events.warn(nothingText(nothing));
    return { targets: [], digest, nothing };
  }
  const image = { manifest, destination, address, leftOut };
  return { targets: await signTargets(image, signal), digest };
}

/** The entries of an index that are not meant: other platforms, and what is said of them. */
function leftOutOf(
  manifest: Manifest,
  parts: PlatformFilter | undefined,
): ReadonlySet<string> | undefined {
  if (!parts || manifest.kind !== "index") return undefined;
  const others = manifest.entries.filter(({ platform }) =>
    platform !== undefined && !matchesFilter(parts, platform)
  ).filter((entry) => attestationSubject(entry) === undefined);
  const leftOut = new Set<string>(others.map(({ digest }) => digest));
  for (const entry of manifest.entries) {
    const subject = attestationSubject(entry);
    if (subject !== undefined && leftOut.has(subject)) {
      leftOut.add(entry.digest);
    }
  }
  return leftOut;
}

/** The targets that are there: an index may name what its registry lacks. */
async function presentTargets(
  targets: readonly SignTarget[],
  signal: AbortSignal,
): Promise<SignTarget[]> {
  const found = await together(
    targets.map(({ destination, descriptor: { digest } }) => async (signal) =>
      await atDestination(
        destination,
        `look for manifest ${digest} in`,
        destination.store.headManifest(destination.repository, digest, {
          signal,
        }),
      ) !== undefined
    ),
    signal,
  );
  return targets.filter((_, i) => found[i]);
}

/** Signs an image that is in place already, with its children. */
export async function signInPlace(
  job: ImageJob,
  services: RunServices,
  { signer, parts }: {
    readonly signer: ImageSigner;
    /** Which platforms of an index are meant. @default {all} */
    readonly parts?: PlatformFilter;
  },
): Promise<ImageResult> {
  const { events, signal } = job;
  const found = await targetsInPlace(job, services, parts);
  const { targets, digest, nothing } = found;
  if (nothing) return { kind: "skipped", digest, nothing };
  const [top, ...children] = targets;
  const present = await presentTargets(children, signal);
  events.onPhase?.("signing");
  const made = await together(
    [top!, ...present].map((target) => (signal) =>
      signer.sign({ ...target, signal })
    ),
    signal,
  );
  const fresh = made.filter((isNew) => isNew);
  for (const _ of fresh) events.onAttachment?.("signed");
  return { kind: fresh.length > 0 ? "signed" : "up-to-date", digest };
}

/** Which parts of an image must be signed, as a flag says it. */
export const REQUIRED = ["index", "children", "all"] as const;

/** Which parts of an image must be signed. */
export type Required = typeof REQUIRED[number];

/** The names of the parts in verdicts. */
export const REQUIRED_PARTS: Readonly<Record<Required, string>> = {
  index: "the index, or the single image",
  children: "the children of the index, or the single image",
  all: "index and children, or the single image",
};

/**
 * Checks the signatures of an image that is in place: of what its tag holds, of
 * the children, or of both. A single image is all of these.
 */
export async function checkInPlace(
  job: ImageJob,
  services: RunServices,
  { checker, required, parts: filter }: {
    readonly checker: NamedChecker;
    readonly required: Required;
    /** Which platforms of an index are meant. @default {all} */
    readonly parts?: PlatformFilter;
  },
): Promise<ImageResult> {
  const found = await targetsInPlace(job, services, filter);
  const { targets, digest, nothing } = found;
  if (nothing) return { kind: "skipped", digest, nothing };
  const signed = await together(
    targets.map((target) => (signal) =>
      checker.isSigned({ ...target, signal })
    ),
    job.signal,
  );
  const unsigned = targets.filter((_, i) => i > 0 && !signed[i]);
  const present = new Set(await presentTargets(unsigned, job.signal));
  const parts = targets.map((target, i) => ({
    digest: target.descriptor.digest,
    isTop: i === 0,
    isSigned: signed[i]!,
    isThere: signed[i]! || i === 0 || present.has(target),
  })).filter(({ isThere }) => isThere);
  const isNeeded = ({ isTop }: { readonly isTop: boolean }) =>
    parts.length === 1 || required === "all" ||
    isTop === (required === "index");
  const missing = parts.filter((part) => isNeeded(part) && !part.isSigned);
  if (missing.length === 0) return { kind: "passed", digest };
  const [top, ...children] = parts;
  const count = children.filter(({ isSigned }) => isSigned).length;
  return {
    kind: "failed",
    findings: [
      ...missing.map((part) =>
        `missing: a signature of ${part.digest} by ${checker.by}`
      ),
      ...(children.length > 0
        ? [
          `required: ${required} (--require); found: the index is ${
            top!.isSigned ? "signed" : "not signed"
          }, ${count} of its ${children.length} children are`,
        ]
        : []),
    ],
  };
}
