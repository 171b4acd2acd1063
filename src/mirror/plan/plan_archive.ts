/**
 * The images of a list, and the names that they have in an archive: those of
 * their sources.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import type { EntrySettings } from "../../lists/entry_settings.ts";
import type { ImageList, ListEntry } from "../../lists/image_list.ts";
import { formatWritten, type ImageAddress } from "../../names/address.ts";
import type { Reference } from "../../names/reference.ts";
import { isAttachmentTag } from "../../oci/attachment.ts";
import {
  type PlanOptions,
  type Routes,
  sourceAddress,
} from "./plan_addresses.ts";
import { refuse } from "./plan_conflicts.ts";
import type { MirrorPlan } from "./plan_mirror.ts";
import type { MirrorTask } from "./task.ts";

/** The place of an image in an archive: its full name is the repository there. */
export function inArchive(image: ImageAddress, archive: string): ImageAddress {
  const { registry, repository, tag, digest } = image;
  return {
    registry: archive,
    repository: `${registry}/${repository}`,
    tag,
    digest,
  };
}

/** Leads all sources to an archive, and destinations where `routes` say. */
export function archiveRoutes(
  archive: string,
  routes: Routes | undefined,
): Routes {
  return {
    areElsewhere: true,
    pullFrom: (image) => [inArchive(image, archive)],
    pushTo: (image) => routes?.pushTo(image) ?? image,
  };
}

/**
 * Plans the saving of a list. Where a line says that its image goes does not
 * matter here.
 *
 * @param archive what the archive is called
 * @param saveAs the name of a single image there, where it gets another
 */
export function planArchive(
  list: ImageList,
  options: PlanOptions,
  archive: string,
  saveAs?: Reference,
): MirrorPlan {
  const tasks = new Map<string, MirrorTask>();
  for (const entry of list.entries) {
    const source = sourceAddress(entry, options);
    const destination = inArchive(saveAs ?? source, archive);
    const key = formatWritten(destination);
    const same = tasks.get(key);
    if (same) {
      tasks.set(key, joined(same, entry, source, list.name));
      continue;
    }
    tasks.set(key, {
      id: entry.ordinal,
      lines: [entry.line],
      texts: [entry.text],
      ...routed(source, options),
      destination,
      ...(entry.settings && { settings: forArchive(entry.settings) }),
      ...(isSignature(source) && {
        skip:
          `${source.tag} holds signatures of another image, with which it is saved: list that image instead`,
      }),
    });
  }
  return { tasks: [...tasks.values()], warnings: [] };
}

/**
 * What an entry says of what is read. The image is saved under its own name, so
 * what it says of its destination counts when it is loaded.
 */
function forArchive(settings: EntrySettings): EntrySettings {
  const { platform, platforms, referrerTarget: _, backup: __, ...rest } =
    settings;
  return {
    ...rest,
    platforms: platforms ?? (platform && { architectures: [platform] }),
  };
}

function isSignature({ tag }: ImageAddress): boolean {
  return tag !== undefined && isAttachmentTag(tag);
}

/** A task that stands for one more line; a tag has one digest alone. */
function joined(
  task: MirrorTask,
  entry: ListEntry,
  source: ImageAddress,
  name: string,
): MirrorTask {
  const lines = [...task.lines, entry.line];
  const texts = [...task.texts, entry.text];
  if (task.destination.digest === source.digest || task.refusal) {
    // What one of them would leave out, the other may want.
    const settings = task.settings || entry.settings ? {} : undefined;
    return { ...task, lines, texts, ...(settings && { settings }) };
  }
  return {
    ...refuse(
      [{ entry, source, destination: task.destination }],
      `${name}: lines ${
        lines.join(", ")
      } pin ${source.tag} to different digests`,
    ),
    id: task.id,
    lines,
    texts,
  };
}

/** The source, with the places where it is really read. */
function routed(
  source: ImageAddress,
  { routes }: PlanOptions,
): Pick<MirrorTask, "sources" | "refusal"> {
  if (!routes) return { sources: [source] };
  try {
    return { sources: [{ ...source, endpoints: routes.pullFrom(source) }] };
  } catch (error) {
    if (!(error instanceof HangarError)) throw error;
    return { sources: [source], refusal: error };
  }
}
