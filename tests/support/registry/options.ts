/**
 * What a fake registry is like.
 *
 * @module
 */

import type { MadeImage } from "../images.ts";
import type { FakeAuthOptions } from "./fake_auth.ts";
import type { FaultAction } from "./fault_script.ts";
import type { Quirks } from "./quirks.ts";
import type { SeenRequest } from "./request_log.ts";

/** What of Harbor's own API there is. */
export interface FakeHarbor {
  /** The projects that there are; those that are made join them. */
  readonly projects: Set<string>;
  /** Whether the account may make projects. @default {true} */
  readonly mayCreate?: boolean;
}

/** Options of `FakeRegistry.start`. */
export interface FakeRegistryOptions {
  readonly auth?: FakeAuthOptions;
  readonly quirks?: Quirks;
  /** Breaks requests as it likes. */
  readonly chaos?: (seen: SeenRequest) => FaultAction | undefined;
  /** Before every answer. */
  readonly latencyMs?: number;
  /** Requests beyond so many at once are answered 429. @default {no bound} */
  readonly maxAtOnce?: number;
  /** How many tags a page holds at most. @default {1000} */
  readonly tagPageSize?: number;
  /** Where the number of requests so far can be had, for other processes. */
  readonly countPath?: string;
  /** @default {true} */
  readonly keepRequests?: boolean;
  /** Whether there is a referrers API. @default {false} */
  readonly referrers?: boolean;
  /** How many referrers a page holds at most. @default {1000} */
  readonly referrerPageSize?: number;
  /** It is a Harbor: repositories are in projects. */
  readonly harbor?: FakeHarbor;
  /** Makes up an image for a tag that is not there. */
  readonly synthesize?: (repository: string, tag: string) => MadeImage;
}
