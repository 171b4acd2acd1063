/**
 * CA certificates for single registries (containers-certs.d(5)).
 *
 * @module
 */

import { HangarError } from "../errors.ts";

/** Gives a variable of the environment. */
export type Env = (name: string) => string | undefined;

/** The places where a `certs.d` may be, the first of them most important. */
export function certsDirectories(env: Env): string[] {
  const home = env("HOME");
  const config = env("XDG_CONFIG_HOME") || (home && `${home}/.config`);
  return [
    ...(config ? [`${config}/containers/certs.d`] : []),
    "/etc/containers/certs.d",
    "/etc/docker/certs.d",
  ];
}

/**
 * The CA certificates (PEM) for `host[:port]`: every `*.crt` in the first
 * directory that is named after it.
 *
 * @throws {HangarError} `file` when one is there but cannot be read
 */
export async function caCertificates(
  host: string,
  directories: readonly string[],
): Promise<string[]> {
  for (const parent of directories) {
    const directory = `${parent}/${host}`;
    try {
      const names: string[] = [];
      for await (const entry of Deno.readDir(directory)) {
        if (!entry.isDirectory && entry.name.endsWith(".crt")) {
          names.push(entry.name);
        }
      }
      return await Promise.all(
        names.sort().map((name) => Deno.readTextFile(`${directory}/${name}`)),
      );
    } catch (cause) {
      if (
        cause instanceof Deno.errors.NotFound ||
        cause instanceof Deno.errors.NotADirectory
      ) {
        continue;
      }
      throw new HangarError("file", `cannot read ${directory}`, { cause });
    }
  }
  return [];
}
