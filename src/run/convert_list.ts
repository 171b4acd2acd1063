/**
 * Lists of all kinds as lines of the mirror format.
 *
 * @module
 */

import {
  type ConvertedList,
  convertEntries,
  type ConvertOptions,
  convertYaml,
} from "../lists/convert_list.ts";
import type { ImageList, InvalidLine } from "../lists/image_list.ts";
import { looksLikeYaml, readListText } from "../lists/read_list.ts";
import type { Narrowing } from "../lists/tags/tag_rules.ts";
import { readTemplateFile } from "../machine/read_input.ts";
import { loadRoutes } from "../machine/registries_files.ts";
import { sourceAddress } from "../mirror/plan/plan_mirror.ts";
import { consoleFor, type LogOptions } from "./log_console.ts";
import {
  connectNetwork,
  type ReachOptions,
  usersAccess,
} from "./network/connect_network.ts";
import { accessOfList, routesOfList } from "./network/list_access.ts";
import type { NetworkProcess } from "./network/with_network.ts";
import { Interrupt } from "./interrupt.ts";
import { resolveTags } from "./resolve_tags.ts";

/** The keys of files that name images without saying where they go. */
const OF_IMAGES = /^(?:apiVersion|services)\s*:|"apiVersion"\s*:/m;

/** Converts a list without asking anybody. */
export async function convertText(
  text: string,
  name: string,
  options: ConvertOptions & {
    readonly env: (name: string) => string | undefined;
  },
): Promise<ConvertedList> {
  const isYaml = looksLikeYaml(text) || /\.ya?ml$/i.test(name);
  const isOfImages = isYaml && OF_IMAGES.test(text) &&
    !/^sync\s*:/m.test(text);
  if (isYaml && !isOfImages) {
    return convertYaml(text, name, options);
  }
  const list = await readListText(text, name, {
    sources: { env: options.env, readFile: readTemplateFile },
  });
  // A line of a text may be anything; these files name images.
  return converted(list, isYaml ? [] : list.invalid, options, isYaml);
}

/**
 * The list, converted.
 *
 * @param harmless lines that are no images, and so no loss
 */
function converted(
  list: ImageList,
  harmless: readonly InvalidLine[],
  options: ConvertOptions,
  keepPinned: boolean,
): ConvertedList {
  const lost = list.invalid.filter((line) => !harmless.includes(line));
  const { lines, left, invalid } = convertEntries(
    { ...list, invalid: harmless },
    options,
    { keepPinned },
  );
  return {
    lines,
    left: [
      ...lost.map(({ line, reason }) => `${list.name}:${line}: ${reason}`),
      ...left,
    ],
    invalid,
  };
}

/** How a list is resolved. */
export interface ResolveTextOptions extends ConvertOptions, Narrowing {
  readonly reach: ReachOptions & LogOptions;
  readonly scoped: boolean;
}

/** Converts a list, each tag that it chooses by its name. */
export async function resolveText(
  { text, name }: { readonly text: string; readonly name: string },
  options: ResolveTextOptions,
  process: NetworkProcess,
): Promise<ConvertedList> {
  const { reach, newest, scoped } = options;
  const console = consoleFor(reach, process);
  using interrupt = new Interrupt(process.onInterrupt);
  const { signal } = interrupt;
  const read = await readListText(text, name, {
    sources: { env: process.env, readFile: readTemplateFile },
    skopeo: { host: options.destination?.host, scoped },
  });
  const { settings } = read;
  const routes = routesOfList(await loadRoutes(process.env), settings);
  await using network = connectNetwork(
    reach,
    [options.source],
    accessOfList(usersAccess(process), settings, process.keychain),
    console,
    signal,
    settings,
  );
  const list = await resolveTags(read, {
    network,
    routes,
    newest,
    placeOf: (choice) => sourceAddress(choice, options),
    log: console,
    signal,
  });
  signal.throwIfAborted();
  const harmless = looksLikeYaml(text) ? [] : read.invalid;
  return converted(list, harmless, options, true);
}
