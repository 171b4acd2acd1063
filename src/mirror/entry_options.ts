/**
 * How one image is looked at: by the options of the run, and by what its list
 * says of it.
 *
 * @module
 */

import type { Descriptor } from "../oci/manifest.ts";
import type { AttachmentChoice } from "../copy/attachments/attachment_choice.ts";
import type { EntrySettings } from "../lists/entry_settings.ts";
import type { DecideOptions } from "./decide/decision.ts";

/** The options of a run that entries may change. */
export interface CommonOptions extends DecideOptions {
  /** Whether the user gave the filter; the default does not count everywhere. */
  readonly isFilterGiven?: boolean;
  /** @default {all come along} */
  readonly attachments?: AttachmentChoice;
  /** Whether nothing more is looked for where a tag is up to date. */
  readonly fastCheck?: boolean;
}

/** The options for an entry with settings: it is copied as regsync copies it. */
export function withSettings<Options extends CommonOptions>(
  options: Options,
  settings: EntrySettings | undefined,
): Options {
  if (!settings) return options;
  const { platform, platforms } = settings;
  const isOwn = platform !== undefined || platforms !== undefined;
  const isFiltered = !isOwn && options.isFilterGiven === true;
  return {
    ...options,
    filter: platforms ?? (isFiltered ? options.filter : {}),
    platform,
    // A filter of the user's is for what several runs put together.
    replace: !isFiltered,
    overwrite: options.overwrite || settings.forceRecursive,
    mediaTypes: settings.mediaTypes,
    fastCheck: settings.fastCheck,
    attachments: choiceOf(settings),
  };
}

function choiceOf(settings: EntrySettings): AttachmentChoice {
  const { digestTags, referrers, referrerFilters } = settings;
  return {
    tags: digestTags === true ? "all" : digestTags,
    referrers,
    ...(referrerFilters && {
      accepts: (referrer) =>
        referrerFilters.some(({ artifactType, annotations }) =>
          (artifactType === undefined ||
            referrer.json["artifactType"] === artifactType) &&
          hasAnnotations(referrer, annotations)
        ),
    }),
  };
}

function hasAnnotations(
  { annotations: held = {} }: Descriptor,
  wanted: Readonly<Record<string, string>> = {},
): boolean {
  return Object.entries(wanted).every(([key, value]) =>
    Object.hasOwn(held, key) && (value === "" || held[key] === value)
  );
}
