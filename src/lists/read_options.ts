/**
 * What reading a list needs besides its text.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import type { TemplateSources } from "./template/run_template.ts";
import type { SkopeoDestination } from "./yaml/skopeo_sync.ts";

/** What reading a list may need. */
export interface ReadListOptions {
  /** What the templates of a `regsync.yaml` may ask of the machine. */
  readonly sources: TemplateSources;
  /** Where the images of a `skopeo sync` file go. */
  readonly skopeo?: SkopeoDestination;
}

/** @throws {HangarError} `usage` */
export function refuseScoped(name: string): never {
  throw new HangarError(
    "usage",
    `--scoped is for the files of skopeo sync, and ${name} is none`,
  );
}
