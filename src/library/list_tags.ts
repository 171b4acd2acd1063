/**
 * Listing tags for programs.
 *
 * @module
 */

import { tagPages } from "../run/network/look_at_image.ts";
import { askRegistry } from "./ask_registry.ts";
import { invalidOption } from "./check_options.ts";
import { namedImage, suffixOf } from "./named_image.ts";
import type { RegistryOptions } from "./options.ts";

/** All tags of a repository, as the registry orders them. */
export async function tagsOf(
  repository: string,
  options: RegistryOptions,
): Promise<string[]> {
  return await askRegistry(
    options,
    () => {
      const named = namedImage("repository", repository, options);
      const written = suffixOf(repository);
      if (!written.tag && !written.digest) return named;
      throw invalidOption(
        "repository",
        repository,
        "want a repository, without tag and digest",
      );
    },
    async (named, looking) => {
      const tags: string[] = [];
      for await (const page of tagPages(named, looking)) {
        for (const tag of page) tags.push(tag);
      }
      return tags;
    },
  );
}
