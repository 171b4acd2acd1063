/**
 * The user's and the system's registries.conf, and the addresses they give.
 *
 * @module
 */

import {
  type ImageAddress,
  imageAt,
  type RegistryAddress,
} from "../names/address.ts";
import type {
  RegistriesConf,
  RegistriesConfFile,
} from "../config/registries_conf.ts";
import { HangarError } from "../errors.ts";
import type { Routes } from "../mirror/plan/plan_mirror.ts";
import type { Env } from "./certs_d.ts";
import { fileError, isAbsent } from "./file_error.ts";

const SYSTEM = "/etc/containers";

/**
 * The files in the order in which they override each other: the main file, then
 * those of `registries.conf.d`, the system's and then the user's. A user's main
 * file replaces the system's main file and its directory.
 */
export async function registriesFiles(env: Env): Promise<RegistriesConfFile[]> {
  const given = env("CONTAINERS_REGISTRIES_CONF");
  const home = env("HOME");
  const user = home && `${home}/.config/containers`;
  const own = user && !given
    ? await readFile(`${user}/registries.conf`)
    : undefined;
  const main = own ?? await readFile(given || `${SYSTEM}/registries.conf`);
  if (given && !main) {
    throw new HangarError(
      "file",
      `${given} (CONTAINERS_REGISTRIES_CONF) does not exist`,
    );
  }
  return [
    ...(main ? [main] : []),
    ...(own ? [] : await readDirectory(`${SYSTEM}/registries.conf.d`)),
    ...(user ? await readDirectory(`${user}/registries.conf.d`) : []),
  ];
}

async function readFile(
  name: string,
): Promise<RegistriesConfFile | undefined> {
  try {
    return { name, text: await Deno.readTextFile(name) };
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    throw fileError("read", name, cause);
  }
}

async function readDirectory(path: string): Promise<RegistriesConfFile[]> {
  const names: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(path)) {
      if (!isDirectory && name.endsWith(".conf")) names.push(name);
    }
  } catch (cause) {
    if (isAbsent(cause)) return [];
    throw fileError("read", path, cause);
  }
  const files = await Promise.all(
    names.sort().map((name) => readFile(`${path}/${name}`)),
  );
  return files.flatMap((file) => file ?? []);
}

/** The routes that the files define; undefined when they define none. */
export async function loadRoutes(env: Env): Promise<ConfRoutes | undefined> {
  const files = await registriesFiles(env);
  if (files.length === 0) return undefined;
  const { RegistriesConf } = await import("../config/registries_conf.ts");
  const conf = new RegistriesConf(files);
  return conf.isEmpty ? undefined : new ConfRoutes(conf);
}

/** Routes by registries.conf. */
export class ConfRoutes implements Routes {
  readonly #conf: RegistriesConf;

  constructor(conf: RegistriesConf) {
    this.#conf = conf;
  }

  pullFrom(image: ImageAddress): ImageAddress[] {
    return this.#conf.pullFrom(image).map(
      ({ reference, insecure }) => {
        const { registry, repository, tag, digest } = reference;
        const scheme = registry === image.registry
          ? image.reach?.scheme
          : undefined;
        return imageAt({ host: registry, scheme, insecure }, {
          repository,
          tag,
          digest,
        });
      },
    );
  }

  pushTo(image: ImageAddress): ImageAddress {
    const insecure = this.#conf.isInsecure(image);
    return { ...image, reach: { ...image.reach, insecure } };
  }

  /** A registry as a whole. */
  registry(address: RegistryAddress): RegistryAddress {
    return { ...address, insecure: this.#conf.isInsecureHost(address.host) };
  }
}
