/**
 * References in options.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { parseReferenceArgument } from "../names/address.ts";
import type { NamedImage } from "../run/network/look_at_image.ts";
import { invalidOption, refusePlain } from "./check_options.ts";
import type { RegistryOptions } from "./options.ts";

/**
 * Parses `[scheme://][REGISTRY/]NAME[:TAG][@DIGEST]`.
 *
 * @param option the name of the option
 * @throws {HangarError} `usage`, naming the option
 */
export function namedImage(
  option: string,
  text: string,
  options: RegistryOptions,
): NamedImage {
  if (typeof text !== "string") {
    throw invalidOption(option, text, "want a reference");
  }
  refusePlain(options, option, text);
  try {
    return parseReferenceArgument(text);
  } catch (cause) {
    if (!(cause instanceof HangarError)) throw cause;
    throw new HangarError("usage", `${option}: ${cause.message}`, {
      cause,
      flag: option,
    });
  }
}

/** The part of a reference after the name of its repository. */
export function suffixOf(text: string): { tag: boolean; digest: boolean } {
  const name = text.slice(text.lastIndexOf("/") + 1);
  const at = name.indexOf("@");
  return {
    tag: (at < 0 ? name : name.slice(0, at)).includes(":"),
    digest: at >= 0,
  };
}
