/**
 * Reading one image, or the tags of one repository, from the place that
 * registries.conf names.
 *
 * @module
 */

import type { ConfRoutes } from "../../machine/registries_files.ts";
import { EndpointChooser } from "../../mirror/endpoints.ts";
import {
  type InspectedImage,
  inspectImage,
  type InspectOptions,
  readRaw,
} from "../../mirror/inspect_image.ts";
import {
  type AttestationKind,
  findAttestation,
  type FoundAttestation,
} from "../../mirror/single/find_attestation.ts";
import { digestOfImage } from "../../mirror/single/delete_image.ts";
import {
  type ImageAddress,
  imageAt,
  type RegistryAddress,
} from "../../names/address.ts";
import { formatReference, type Reference } from "../../names/reference.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Network } from "./network.ts";

/** A million tags at a thousand a page. */
const MAX_PAGES = 1000;

/** An image as the user names it. */
export interface NamedImage {
  readonly address: RegistryAddress;
  readonly reference: Reference;
}

/** What the functions here need. */
export interface LookOptions {
  readonly network: Pick<Network, "reader">;
  /** @default {every image is where its name says} */
  readonly routes?: ConfRoutes;
  /** Called for each mirror that does not answer. */
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Reads what a reference points at, from the first of its places that holds it.
 *
 * @throws {HangarError} `blocked`, `not-found`, or any fault of the registry
 */
export async function lookAtImage(
  { address, reference }: NamedImage,
  options: Omit<InspectOptions, "name">,
  look: LookOptions,
): Promise<InspectedImage> {
  const place = await placeOf({ address, reference }, look);
  return await inspectImage(
    look.network.reader(place),
    place,
    { ...options, name: `${address.host}/${reference.repository}` },
    look.signal,
  );
}

/**
 * The manifest that a reference points at, byte for byte, whatever it is.
 *
 * @throws {HangarError} `blocked`, `not-found`, or any fault of the registry
 */
export async function rawManifest(
  named: NamedImage,
  look: LookOptions,
): Promise<Uint8Array> {
  const place = await placeOf(named, look);
  return await readRaw(look.network.reader(place), place, look.signal);
}

/**
 * The digest of what a reference names, or of the image for one platform of it.
 *
 * @throws {HangarError} `not-found`, or any fault of the registry
 */
export async function digestOf(
  { address, reference }: NamedImage,
  platform: InspectOptions["platform"] | undefined,
  options: LookOptions,
): Promise<Digest> {
  if (platform) {
    const image = await lookAtImage(
      { address, reference },
      { platform, withTags: false },
      options,
    );
    return (await image.image()).content.digest;
  }
  const place = await placeOf({ address, reference }, options);
  return await digestOfImage(
    options.network.reader(place),
    place,
    options.signal,
  );
}

/**
 * The provenance or the SBOM of the image that a reference names.
 *
 * @throws {HangarError} `not-found`, or any fault of the registry
 */
export async function attestationOf(
  kind: AttestationKind,
  named: NamedImage,
  platform: InspectOptions["platform"],
  options: LookOptions,
): Promise<FoundAttestation> {
  const place = await placeOf(named, options);
  const { signal, warn, network } = options;
  const store = network.reader(place);
  const { repository } = place;
  const image = await inspectImage(
    store,
    place,
    { platform, withTags: false },
    signal,
  );
  return await findAttestation(kind, image, formatReference(place), {
    store,
    repository,
    warn,
    signal,
  });
}

/** Where an image is read: the first of its places that holds it. */
async function placeOf(
  { address, reference }: NamedImage,
  { network, routes, warn, signal }: LookOptions,
): Promise<ImageAddress> {
  const named = imageAt(address, reference);
  return await new EndpointChooser().choose(
    { ...named, endpoints: routes?.pullFrom(named) },
    { reader: (image) => network.reader(image), warn, signal },
  );
}

/**
 * The tags of the repository that a reference names, page by page. Mirrors are
 * not asked: they may lack some.
 *
 * @throws {HangarError} `blocked`, or any fault of the registry
 */
export function tagPages(
  { address, reference: { repository } }: NamedImage,
  { network, routes, signal }: Omit<LookOptions, "warn">,
): AsyncIterable<readonly string[]> {
  const named = imageAt(address, { repository });
  const place = routes?.pullFrom(named).at(-1) ?? named;
  return network.reader(place).listTags(place.repository, {
    maxPages: MAX_PAGES,
    signal,
  });
}
