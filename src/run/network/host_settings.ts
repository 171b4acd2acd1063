/**
 * How a list says that requests to registries go out.
 *
 * @module
 */

import type { ListSettings } from "../../lists/image_list.ts";
import type { RegistrySettings } from "../../lists/registry_settings.ts";

/** How requests to one registry go out. */
export interface HostSettings {
  /** The host that answers for it. */
  readonly apiHost?: string;
  readonly tls?: RegistrySettings["tls"];
  /** The most requests at once. */
  readonly maxAtOnce?: number;
  /** The most requests in a second. */
  readonly perSecond?: number;
}

/** The settings by registry; later ones of one registry add to earlier ones. */
export function hostSettings(
  { registries = [] }: ListSettings = {},
): ReadonlyMap<string, HostSettings> {
  const hosts = new Map<string, HostSettings>();
  for (const { registry, hostname, tls, maxAtOnce, perSecond } of registries) {
    const known = hosts.get(registry);
    hosts.set(registry, {
      apiHost: hostname ?? known?.apiHost,
      tls: tls ?? known?.tls,
      maxAtOnce: maxAtOnce ?? known?.maxAtOnce,
      perSecond: perSecond ?? known?.perSecond,
    });
  }
  return hosts;
}
