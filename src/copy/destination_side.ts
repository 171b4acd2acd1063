/**
 * The side that a copy writes to.
 *
 * @module
 */

import type { DestinationStore } from "../oci/store.ts";
import type { CopyEvents, CopyServices } from "./copy_services.ts";
import type { Place } from "./sides.ts";

/** A repository that content is brought to, and how much of it is rechecked. */
export interface DestinationSide extends Place<DestinationStore> {
  readonly services: CopyServices;
  readonly events: CopyEvents;
  /**
   * Whether content at the destination is rechecked: it is read and hashed,
   * sent again where it is missing or different, and then read once more.
   *
   * @default {false}
   */
  readonly recheck?: boolean;
}
