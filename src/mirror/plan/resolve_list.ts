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
import { chooseTags, type Narrowing } from "../../lists/tags/tag_rules.ts";
import type { ImageAddress } from "../../names/address.ts";
import { formatReference } from "../../names/reference.ts";
import { allOf } from "../../together.ts";

/** What resolving a list needs. */
export interface ResolveOptions extends Narrowing {
  /** The repository in which a choice is made. */
  readonly placeOf: (choice: ListChoice) => ImageAddress;
  /** All tags of a repository; asked once for each. */
  readonly tagsOf: (place: ImageAddress) => Promise<readonly string[]>;
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal;
}

/** A list in which every line names one image. */
export interface ResolvedList extends ImageList {
  readonly choices?: undefined;
}

/** What a choice came to, or why it could not be made. */
type Chosen =
  | { readonly tags: readonly string[] }
  | { readonly reason: string };

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
  const listed = new Map<string, Promise<readonly string[]>>();
  const tagsOf = (place: ImageAddress) => {
    const key = formatReference(place);
    const known = listed.get(key) ?? options.tagsOf(place);
    listed.set(key, known);
    return known;
  };
  const chosen = await allOf(choices.map(async (choice): Promise<Chosen> => {
    try {
      const tags = await tagsOf(options.placeOf(choice));
      return { tags: chooseTags(tags, choice.tags, options) };
    } catch (error) {
      const { aborted, reason } = options.signal;
      return { reason: describeError(aborted ? reason : error) };
    }
  }));
  const items: (ListEntry | readonly ListEntry[])[] = [];
  for (const entry of list.entries) items[entry.ordinal] = entry;
  const failed: InvalidLine[] = [];
  for (const [i, choice] of choices.entries()) {
    const made = chosen[i]!;
    const { line, text } = choice;
    if ("reason" in made) {
      failed.push({ line, text, reason: made.reason });
      continue;
    }
    if (made.tags.length === 0) {
      options.warn(`${name}:${line}: no tag of ${text.trim()} was chosen`);
    }
    items[choice.ordinal] = made.tags.map((tag) => entryOf(choice, tag));
  }
  return {
    ...list,
    choices: undefined,
    entries: items.flat().map((entry, i) => ({ ...entry, ordinal: i + 1 })),
    invalid: [...list.invalid, ...failed].sort((a, b) => a.line - b.line),
  };
}

function entryOf(choice: ListChoice, tag: string): ListEntry {
  const { line, ordinal, source, destination, textOf } = choice;
  return {
    line,
    text: textOf(tag),
    ordinal,
    source: { ...source, tag },
    destination,
  };
}

/** What a list came to, in words. */
export function resolvedText(list: ImageList, resolved: ResolvedList): string {
  return `${list.name}: ${
    counted(list.choices?.length ?? 0, "line")
  } that choose came to ${
    counted(resolved.entries.length - list.entries.length, "image")
  }`;
}
