/**
 * Certificates: those of single registries (containers-certs.d(5)), and those
 * that the system trusts.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { canonicalRegistry } from "../names/docker_hub.ts";
import type { HostCertificates } from "../transport/host_client.ts";
import { fileError, isAbsent } from "./file_error.ts";

/** Gives a variable of the environment. */
export type Env = (name: string) => string | undefined;

/** The directories where a `certs.d` may be; the first one counts most. */
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
 * The certificates for `host[:port]`, from the first directory of that name.
 * Every `*.crt` is a CA; a `*.cert` with its `*.key` is the client certificate.
 * The directory of Docker Hub may have the name that references have: `docker.io`.
 *
 * @throws {HangarError} `file` when one cannot be read, or half a pair is missing
 */
export async function hostCertificates(
  host: string,
  directories: readonly string[],
): Promise<HostCertificates> {
  const names = new Set([canonicalRegistry(host), host]);
  for (const parent of directories) {
    for (const name of names) {
      const found = await findCertificates(`${parent}/${name}`);
      if (found) return found;
    }
  }
  return { ca: [] };
}

/**
 * The certificates in a directory that the user names.
 *
 * @throws {HangarError} as {@linkcode hostCertificates}; `file` too when there
 * is no such directory
 */
export async function certificatesIn(
  directory: string,
): Promise<HostCertificates> {
  const found = await findCertificates(directory);
  if (found) return found;
  throw new HangarError(
    "file",
    `${directory}, where certificates are said to be, does not exist`,
  );
}

/** The same; undefined when there is no such directory. */
export async function findCertificates(
  directory: string,
): Promise<HostCertificates | undefined> {
  const names = await filesIn(directory);
  if (!names) return undefined;
  const read = (name: string) => readPem(`${directory}/${name}`);
  const [certificate, ...others] = names.filter((n) => n.endsWith(".cert"));
  const key = certificate?.replace(/\.cert$/, ".key");
  const lonely = names.find((name) =>
    name.endsWith(".key") && !names.includes(name.replace(/\.key$/, ".cert"))
  );
  if (key !== undefined && !names.includes(key)) {
    throw missing(`${directory}/${key}`, `${directory}/${certificate}`);
  }
  if (lonely !== undefined) {
    const half = `${directory}/${lonely.replace(/\.key$/, ".cert")}`;
    throw missing(half, `${directory}/${lonely}`);
  }
  if (others.length > 0) {
    throw new HangarError(
      "file",
      `${directory} holds ${
        others.length + 1
      } client certificates, and only one can be shown`,
    );
  }
  return {
    ca: await Promise.all(names.filter((n) => n.endsWith(".crt")).map(read)),
    client: certificate !== undefined && key !== undefined
      ? { certificate: await read(certificate), key: await read(key) }
      : undefined,
  };
}

function missing(file: string, half: string): HangarError {
  return new HangarError(
    "file",
    `${file} is missing, which belongs to ${half}`,
    {
      hint: "a client certificate is NAME.cert with NAME.key",
    },
  );
}

/** The names in a directory, in order; undefined when there is none. */
async function filesIn(directory: string): Promise<string[] | undefined> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(directory)) {
      if (!entry.isDirectory) names.push(entry.name);
    }
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    throw fileError("read", directory, cause);
  }
  return names.sort();
}

async function readPem(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw fileError("read", path, cause);
  }
}

/**
 * The CAs that the system trusts: `SSL_CERT_FILE` and the files of
 * `SSL_CERT_DIR` where they are set, else the system's own store.
 *
 * @throws {HangarError} `file`
 */
export async function systemCertificates(env: Env): Promise<string[]> {
  const file = env("SSL_CERT_FILE");
  const directories = env("SSL_CERT_DIR")?.split(":").filter(Boolean) ?? [];
  if (!file && directories.length === 0) {
    const { getCACertificates } = await import("node:tls");
    return getCACertificates("system");
  }
  const listed = await Promise.all(
    directories.map(async (directory) =>
      (await filesIn(directory) ?? []).map((name) => `${directory}/${name}`)
    ),
  );
  const texts = await Promise.all(
    [...(file ? [file] : []), ...listed.flat()].map(readPem),
  );
  return texts.filter((text) => text.includes("-----BEGIN CERTIFICATE-----"));
}
