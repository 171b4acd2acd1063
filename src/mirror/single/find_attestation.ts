/**
 * What is said of an image beside it: its SBOM and its SLSA provenance. BuildKit
 * keeps them in the index, cosign under tags, others as referrers.
 *
 * @module
 */

import { AttachmentFinder } from "../../copy/attachments/attachment_finder.ts";
import { HangarError } from "../../errors.ts";
import { isJsonObject, type JsonObject } from "../../json.ts";
import type { Digest } from "../../oci/digest.ts";
import {
  attestationSubject,
  type Descriptor,
  type ImageManifest,
} from "../../oci/manifest.ts";
import { parseContent } from "../../oci/parse_manifest.ts";
import type { SourceStore } from "../../oci/store.ts";
import {
  type AttachedDocument,
  readDocument,
} from "../../signatures/read_statement.ts";
import type { InspectedImage } from "../inspect_image.ts";

/** What can be looked for. */
export type AttestationKind = "provenance" | "sbom";

/** The largest document, in bytes; cosign reads no larger one either. */
const MAX_DOCUMENT_BYTES = 128 * 1024 * 1024;

/** The types of predicates, documents and artifacts, by what they are. */
const TYPES: Readonly<Record<AttestationKind, RegExp>> = {
  provenance: /slsa.*provenance/i,
  sbom: /spdx|cyclonedx|sbom|syft|\/bom\b/i,
};

/** The types of what has a statement in it, whatever it says. */
const STATEMENT_TYPES = /in-toto|dsse\.envelope|sigstore\.bundle/i;

/** Where to look. */
export interface FindAttestationOptions {
  readonly store: SourceStore;
  readonly repository: string;
  /** Told of what cannot be searched. */
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal;
}

/** A document, and how its type is known. */
export interface FoundAttestation extends AttachedDocument {
  /** The predicate of a statement, or the document itself. */
  readonly predicate: JsonObject;
}

/**
 * Finds the first document of a kind about an image, or about the index that it
 * is of. No signature is verified.
 *
 * @param name the image, in messages
 * @throws {HangarError} `not-found` when there is none, or any fault of the
 * registry
 */
export async function findAttestation(
  kind: AttestationKind,
  image: InspectedImage,
  name: string,
  options: FindAttestationOptions,
): Promise<FoundAttestation> {
  const { digest } = (await image.image()).content;
  for await (const manifest of attachedTo(image, digest, options)) {
    const found = await documentOf(kind, manifest, options);
    if (found) return found;
  }
  throw new HangarError(
    "not-found",
    `${name} has no ${
      kind === "sbom" ? "SBOM" : "SLSA provenance"
    }: there is none in its index, under a tag of cosign's, or among its referrers`,
  );
}

/** The manifests that may carry attestations, one after the other. */
async function* attachedTo(
  { manifest: top }: InspectedImage,
  digest: Digest,
  options: FindAttestationOptions,
): AsyncGenerator<ImageManifest> {
  const { store, repository, signal } = options;
  const read = async (reference: string) => {
    const content = await store.getManifest(repository, reference, { signal });
    const manifest = content && parseContent(content);
    return manifest?.kind === "image" ? [manifest] : [];
  };
  for (const entry of top.kind === "index" ? top.entries : []) {
    if (attestationSubject(entry) === digest) yield* await read(entry.digest);
  }
  const finder = new AttachmentFinder();
  for (const subject of new Set([digest, top.content.digest])) {
    const place = { store, repository };
    const { tags, referrers } = await finder.find(place, subject, options);
    for (const tag of tags.filter((one) => !one.endsWith(".sig"))) {
      yield* await read(tag);
    }
    for (const referrer of referrers) yield* await read(referrer.digest);
  }
}

/** The document of a kind that a manifest carries in one of its layers. */
async function documentOf(
  kind: AttestationKind,
  { layers }: ImageManifest,
  { store, repository, signal }: FindAttestationOptions,
): Promise<FoundAttestation | undefined> {
  for (const layer of layers) {
    if (!mayBe(kind, layer)) continue;
    const bytes = await store.readBlob(repository, layer, MAX_DOCUMENT_BYTES, {
      signal,
    });
    const document = readDocument(bytes);
    if (!document) continue;
    const { statement, json } = document;
    if (!statement) return { ...document, predicate: json };
    if (!TYPES[kind].test(statement.predicateType)) continue;
    const { predicate } = json;
    return {
      ...document,
      predicate: isJsonObject(predicate) ? predicate : json,
    };
  }
  return undefined;
}

/** Whether a layer may be such a document, by its annotations and its type. */
function mayBe(
  kind: AttestationKind,
  { mediaType, annotations = {} }: Descriptor,
): boolean {
  const predicate = annotations["in-toto.io/predicate-type"] ??
    annotations["predicateType"];
  return predicate === undefined
    ? STATEMENT_TYPES.test(mediaType) || TYPES[kind].test(mediaType)
    : TYPES[kind].test(predicate);
}
