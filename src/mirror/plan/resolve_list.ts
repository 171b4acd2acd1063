/**
 * From a list that chooses tags to a list that names them.
 *
 * @module
 */

import { counted } from "../../counted.ts";
import { describeError } from "../../errors.ts";
import type {
  ImageList,
  InvalidLine,
  ListChoice,
  ListEntry,
} from "../../lists/image_list.ts";
import {
  chooseTags,
  type Narrowing,
  passes,
} from "../../lists/tags/tag_rules.ts";
import {
  type ImageAddress,
  type RegistryAddress,
  registryOf,
} from "../../names/address.ts";
import { formatReference } from "../../names/reference.ts";
import { allOf } from "../../together.ts";

/** What resolving a list needs. */
export interface ResolveOptions extends Narrowing {
  /** The repository in which a choice is made. */
  readonly placeOf: (choice: ListChoice) => ImageAddress;
  /** All tags of a repository; asked once for each. */
  readonly tagsOf: (place: ImageAddress) => Promise<readonly string[]>;
  /** All repositories of a registry; asked once for each. */
  readonly repositoriesOf: (
    registry: RegistryAddress,
  ) => Promise<readonly string[]>;
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal;
}

/** A list in which every line names one image. */
export interface ResolvedList extends ImageList {
  readonly choices?: undefined;
}

/** What was chosen, and what could not be. */
interface Chosen {
  readonly entries: readonly Unnumbered[];
  readonly failed: readonly InvalidLine[];
}

type Unnumbered = Omit<ListEntry, "ordinal">;

/**
 * Asks for the tags of all repositories in which a list chooses, side by side.
 * Lines whose tags cannot be listed count among the invalid ones: they failed,
 * and no other line does because of them.
 */
export async function resolveList(
  list: ImageList,
  options: ResolveOptions,
): Promise<ResolvedList> {
  const { name, choices = [] } = list;
  const resolver = new Resolver(options);
  const chosen = await allOf(choices.map((choice) => resolver.resolve(choice)));
  const items: (Unnumbered | readonly Unnumbered[])[] = [];
  for (const entry of list.entries) items[entry.ordinal] = entry;
  for (const [i, choice] of choices.entries()) {
    const { entries, failed } = chosen[i]!;
    items[choice.ordinal] = entries;
    if (entries.length === 0 && failed.length === 0) {
      options.warn(
        `${name}:${choice.line}: no tag of ${choice.text.trim()} was chosen`,
      );
    }
  }
  return {
    ...list,
    choices: undefined,
    entries: items.flat().map((entry, i) => ({ ...entry, ordinal: i + 1 })),
    invalid: [...list.invalid, ...chosen.flatMap(({ failed }) => failed)]
      .sort((a, b) => a.line - b.line),
  };
}

/** Asks once for the tags of each repository. */
class Resolver {
  readonly #options: ResolveOptions;
  readonly #tags = new Map<string, Promise<readonly string[]>>();
  readonly #repositories = new Map<string, Promise<readonly string[]>>();

  constructor(options: ResolveOptions) {
    this.#options = options;
  }

  async resolve(choice: ListChoice): Promise<Chosen> {
    const { line, catalog } = choice;
    if (!catalog) return await this.#chooseTags(choice);
    return await this.#attempt(choice, async () => {
      const registry = registryOf(this.#options.placeOf(choice));
      const names = await known(
        this.#repositories,
        registry.host,
        () => this.#options.repositoriesOf(registry),
      );
      const wanted = names.filter((repository) =>
        passes(repository, catalog.rule)
      );
      const chosen = await allOf(wanted.map((repository) =>
        this.#attempt(
          choice,
          () =>
            this.#chooseTags({
              ...catalog.choose(repository),
              line,
              ordinal: choice.ordinal,
            }),
        )
      ));
      return {
        entries: chosen.flatMap(({ entries }) => entries),
        // The line stands for all of its repositories.
        failed: chosen.flatMap(({ failed }) => failed).slice(0, 1),
      };
    });
  }

  async #chooseTags(choice: ListChoice): Promise<Chosen> {
    return await this.#attempt(choice, async () => {
      const place = this.#options.placeOf(choice);
      const tags = await known(
        this.#tags,
        formatReference(place),
        () => this.#options.tagsOf(place),
      );
      const chosen = chooseTags(tags, choice.tags, this.#options);
      const entries = chosen.map((tag) => entryOf(choice, tag));
      return { entries, failed: [] };
    });
  }

  /** A failure is the line's, and no other's. */
  async #attempt(
    { line, text }: ListChoice,
    choose: () => Promise<Chosen>,
  ): Promise<Chosen> {
    try {
      return await choose();
    } catch (error) {
      const { aborted, reason } = this.#options.signal;
      return {
        entries: [],
        failed: [{
          line,
          text,
          reason: describeError(aborted ? reason : error),
        }],
      };
    }
  }
}

/** What is asked for once for each key. */
function known<T>(
  promises: Map<string, Promise<T>>,
  key: string,
  ask: () => Promise<T>,
): Promise<T> {
  const promise = promises.get(key) ?? ask();
  promises.set(key, promise);
  return promise;
}

function entryOf(choice: ListChoice, tag: string): Unnumbered {
  const { line, source, destination, settings, textOf } = choice;
  return {
    line,
    text: textOf(tag),
    source: { ...source, tag },
    destination,
    settings,
  };
}

/** What a list came to, in words. */
export function resolvedText(list: ImageList, resolved: ResolvedList): string {
  const { length } = list.choices ?? [];
  return `${list.name}: ${
    counted(length, "line that chooses", "lines that choose")
  } came to ${counted(resolved.entries.length - list.entries.length, "image")}`;
}
