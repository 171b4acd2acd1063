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
} from "../../mirror/inspect_image.ts";
import { imageAt, type RegistryAddress } from "../../names/address.ts";
import type { Reference } from "../../names/reference.ts";
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
  { network, routes, warn, signal }: LookOptions,
): Promise<InspectedImage> {
  const named = imageAt(address, reference);
  const place = await new EndpointChooser().choose(
    { ...named, endpoints: routes?.pullFrom(named) },
    { reader: (image) => network.reader(image), warn, signal },
  );
  return await inspectImage(
    network.reader(place),
    place,
    { ...options, name: `${address.host}/${reference.repository}` },
    signal,
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
  const place = routes?.pushTo(named) ?? named;
  return network.reader(place).listTags(repository, {
    maxPages: MAX_PAGES,
    signal,
  });
}
