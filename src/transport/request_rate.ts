/**
 * How many requests a host is sent in a second.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { Transport, TransportDecorator } from "./transport.ts";

/** Spaces requests evenly. A request that waits holds no slot. */
export function limitRate(perSecond: number): TransportDecorator {
  const interval = 1000 / perSecond;
  let next = 0;
  return (send: Transport): Transport => async (request) => {
    const now = performance.now();
    const start = Math.max(now, next);
    next = start + interval;
    if (start > now) await delay(start - now, { signal: request.signal });
    return await send(request);
  };
}
