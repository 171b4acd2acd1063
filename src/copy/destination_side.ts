/**
 * The side that a copy writes to.
 *
 * @module
 */

import type { DestinationStore } from "../oci/store.ts";
import type { CopyEvents, CopyServices } from "./copy_services.ts";
import type { Place } from "./sides.ts";

/** A repository that content is brought to, and how. */
export interface DestinationSide extends Place<DestinationStore> {
  readonly services: CopyServices;
  readonly events: CopyEvents;
  /**
   * Nothing there is taken for granted: what is there is read and hashed, sent
   * again where it is missing or different, and read once more.
   *
   * @default {false}
   */
  readonly recheck?: boolean;
}
