/**
 * The tags that a list chooses, asked for at its registries.
 *
 * @module
 */

import { counted } from "../counted.ts";
import { withContext } from "../errors.ts";
import type { ImageList, ListChoice } from "../lists/image_list.ts";
import type { Narrowing } from "../lists/tags/tag_rules.ts";
import type { Routes } from "../mirror/plan/plan_mirror.ts";
import {
  type ResolvedList,
  resolvedText,
  resolveList,
} from "../mirror/plan/resolve_list.ts";
import type { ImageAddress, RegistryAddress } from "../names/address.ts";
import { formatReference, isTag } from "../names/reference.ts";
import type { Network } from "./network/network.ts";

/** A million tags at a thousand a page. */
const MAX_PAGES = 1000;

/** What is needed besides the list. */
export interface ResolveTagsOptions extends Narrowing {
  readonly network: Pick<Network, "reader" | "finder" | "listRepositories">;
  /** The repository in which a choice is made. */
  readonly placeOf: (choice: ListChoice) => ImageAddress;
  /** @default {every repository is where its name says} */
  readonly routes?: Routes;
  readonly log: {
    info(message: string): void;
    warn(message: string): void;
  };
  /** Whether every line that a choice came to is told. @default {false} */
  readonly showLines?: boolean;
  readonly signal: AbortSignal;
}

/** The list with all its tags named. Each repository is listed once. */
export async function resolveTags(
  list: ImageList,
  options: ResolveTagsOptions,
): Promise<ResolvedList> {
  const { log, newest, showLines = false } = options;
  if (!list.choices?.length) {
    if (newest !== undefined) {
      log.warn(`${list.name}: --newest has no effect: no line chooses tags`);
    }
    return { ...list, choices: undefined };
  }
  const resolved = await resolveList(list, {
    newest,
    placeOf: options.placeOf,
    tagsOf: (place) => allTags(place, options),
    repositoriesOf: (registry) => allRepositories(registry, options),
    warn: (message) => log.warn(message),
    signal: options.signal,
  });
  log.info(resolvedText(list, resolved));
  if (showLines) {
    const lines = new Set(list.choices.map(({ line }) => line));
    for (const { line, text } of resolved.entries) {
      if (lines.has(line)) log.info(`${list.name}:${line}: ${text}`);
    }
  }
  return resolved;
}

/** Mirrors of registries.conf are not asked: they may lack some. */
async function allTags(
  place: ImageAddress,
  { network, routes, log, signal }: ResolveTagsOptions,
): Promise<readonly string[]> {
  const there = routes?.pullFrom(place).at(-1) ?? place;
  const { repository } = there;
  const store = network.reader(there);
  const tags: string[] = [];
  let unusable = 0;
  try {
    const pages = store.listTags(repository, {
      maxPages: MAX_PAGES,
      signal,
    });
    for await (const page of pages) {
      for (const tag of page) {
        if (isTag(tag)) tags.push(tag);
        else unusable++;
      }
    }
  } catch (error) {
    throw withContext(`cannot list the tags of ${nameOf(place)}`, error);
  }
  network.finder.learnTags({ store, repository }, tags);
  if (unusable > 0) {
    log.warn(
      `${nameOf(place)} lists ${
        counted(unusable, "name", "names")
      } that cannot be a tag: left out`,
    );
  }
  return tags;
}

async function allRepositories(
  registry: RegistryAddress,
  { network, signal }: ResolveTagsOptions,
): Promise<readonly string[]> {
  const names: string[] = [];
  const limits = { maxPages: MAX_PAGES, signal };
  try {
    for await (const page of network.listRepositories(registry, limits)) {
      names.push(...page);
    }
  } catch (error) {
    throw withContext(
      `cannot list the repositories of ${registry.host}`,
      error,
    );
  }
  return names;
}

function nameOf({ registry, repository }: ImageAddress): string {
  return formatReference({ registry, repository });
}
