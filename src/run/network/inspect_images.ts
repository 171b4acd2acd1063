/**
 * Looking at every image of a list.
 *
 * @module
 */

import { pooledMap } from "@std/async/pool";
import { describeError } from "../../errors.ts";
import type {
  ImageList,
  InvalidLine,
  ListEntry,
} from "../../lists/image_list.ts";
import type { ConfRoutes } from "../../machine/registries_files.ts";
import { EndpointChooser } from "../../mirror/endpoints.ts";
import { inspectListEntry } from "../../mirror/inspect_image.ts";
import { timeLimit } from "../../mirror/pool/time_limit.ts";
import type { ImageAddress } from "../../names/address.ts";
import { formatReference } from "../../names/reference.ts";
import type { Console } from "../../report/console.ts";
import type { InspectRow } from "../../report/inspect_report.ts";
import type { Network } from "./network.ts";

/** How a list is looked at. */
export interface InspectListOptions {
  readonly network: Pick<Network, "reader">;
  /** @default {every image is where its name says} */
  readonly routes?: ConfRoutes;
  /** Where an entry of the list is read. */
  readonly placeOf: (entry: ListEntry) => ImageAddress;
  /** How many at once. */
  readonly jobs: number;
  /** For each image, in ms; 0 for no limit. */
  readonly timeoutMs: number;
  readonly console: Console;
  readonly signal: AbortSignal;
}

/** What was found, in list order. */
export interface InspectedList {
  readonly rows: readonly InspectRow[];
  /** The lines to do again. */
  readonly failed: readonly InvalidLine[];
}

/** Looks at every image; one that fails stops no other. */
export async function inspectImages(
  { entries, invalid }: ImageList,
  options: InspectListOptions,
): Promise<InspectedList> {
  const chooser = new EndpointChooser();
  const rows: InspectRow[] = [];
  const failed: InvalidLine[] = [...invalid];
  const inspect = (entry: ListEntry) => inspectEntry(entry, chooser, options);
  for await (const row of pooledMap(options.jobs, entries, inspect)) {
    const { line, text } = entries[rows.length]!;
    if (row.error !== undefined) failed.push({ line, text, reason: row.error });
    rows.push(row);
  }
  return { rows, failed };
}

async function inspectEntry(
  entry: ListEntry,
  chooser: EndpointChooser,
  options: InspectListOptions,
): Promise<InspectRow> {
  const { timeoutMs, console, signal } = options;
  const image = options.placeOf(entry);
  const name = formatReference(image);
  using limit = timeLimit({ signal, timeoutMs });
  try {
    limit.signal.throwIfAborted();
    return {
      image: name,
      ...await lookAt(image, chooser, options, limit.signal),
    };
  } catch (thrown) {
    if (signal.aborted) {
      return { image: name, error: "interrupted before it was finished" };
    }
    const error = limit.signal.aborted ? limit.signal.reason : thrown;
    console.error(`${name}: ${describeError(error)}`, entry.ordinal);
    return { image: name, error: describeError(error) };
  }
}

async function lookAt(
  image: ImageAddress,
  chooser: EndpointChooser,
  { network, routes, console }: InspectListOptions,
  signal: AbortSignal,
) {
  const reader = (place: ImageAddress) => network.reader(place);
  const place = await chooser.choose(
    { ...image, endpoints: routes?.pullFrom(image) },
    { reader, warn: (message) => console.warn(message), signal },
  );
  return await inspectListEntry(reader(place), place, signal);
}
