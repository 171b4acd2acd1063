/**
 * Messages about an image at one of several destinations name that destination.
 *
 * @module
 */

import type { MirrorEventSink } from "../mirror/events.ts";

/** A sink whose messages name the destination's registry, where it is one of several. */
export function namingDestinations(read: MirrorEventSink): MirrorEventSink {
  /** By their place. */
  const registries = new Map<number, string>();
  return (event) => {
    const { type } = event;
    if (type === "image-started" && event.place !== undefined) {
      const { place, destination } = event;
      registries.set(place, destination.slice(0, destination.indexOf("/")));
    }
    if (type !== "warning" && type !== "note") return read(event);
    const { place, message } = event;
    const registry = place === undefined ? undefined : registries.get(place);
    read(
      registry === undefined || message.includes(registry)
        ? event
        : { ...event, message: `${registry}: ${message}` },
    );
  };
}
