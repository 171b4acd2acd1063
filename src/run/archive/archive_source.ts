/**
 * An archive as what images are read from.
 *
 * @module
 */

import { LayoutSource } from "../../layout/layout_source.ts";
import type { ArchiveSource } from "../run_mirror.ts";
import { LeftOutContent } from "./left_out_content.ts";
import type { OpenArchive } from "./open_archive.ts";

/**
 * The archive as a source.
 *
 * @param command the command that reads it
 */
export function archiveSource(
  { medium, index, record }: OpenArchive,
  command: string,
): ArchiveSource {
  return {
    command,
    store: new LayoutSource(medium, index),
    leftOut: record && record.leftOut.length > 0
      ? (look) => new LeftOutContent(record, look)
      : undefined,
  };
}
