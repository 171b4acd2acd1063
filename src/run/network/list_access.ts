/**
 * How a list says that registries are reached.
 *
 * @module
 */

import {
  CredentialHelper,
  TOKEN_USERNAME,
} from "../../auth/credential_helper.ts";
import type { Credentials } from "../../auth/keychain.ts";
import type { KeychainEnvironment } from "../../auth/keychain.ts";
import type { ListSettings } from "../../lists/image_list.ts";
import type {
  RegistryLogin,
  RegistrySettings,
} from "../../lists/registry_settings.ts";
import { certificatesIn } from "../../machine/certs_d.ts";
import type { Routes } from "../../mirror/plan/plan_mirror.ts";
import { type ImageAddress, imageAt } from "../../names/address.ts";
import { apiHostOf } from "../../names/docker_hub.ts";
import type { HostCertificates } from "../../transport/host_client.ts";
import type { RegistryAccess } from "./connect_network.ts";

/** The user's access, with the logins and certificates of a list. */
export function accessOfList(
  access: RegistryAccess,
  { registries = [], withoutAuthFiles = false }: ListSettings = {},
  keychain: Pick<KeychainEnvironment, "runHelper">,
): RegistryAccess {
  const logins = new Map<string, RegistryLogin>();
  for (const { registry, login } of registries) {
    if (login) logins.set(registry, login);
  }
  const { credentials, certificates } = access;
  return {
    ...access,
    credentials: {
      async credentialsFor(host, repository) {
        const login = logins.get(host);
        const found = login && await credentialsOf(login, keychain);
        if (found || withoutAuthFiles) return found;
        return await credentials.credentialsFor(host, repository);
      },
      forget: () => credentials.forget?.(),
    },
    async certificates(host) {
      const usual = await certificates(host);
      return await withCertificates(
        usual,
        registries.filter(({ registry, hostname }) =>
          host === (hostname ?? apiHostOf(registry))
        ),
      );
    },
  };
}

async function credentialsOf(
  login: RegistryLogin,
  { runHelper }: Pick<KeychainEnvironment, "runHelper">,
): Promise<Credentials | undefined> {
  const origin = "the list";
  if (!("helper" in login)) return { ...login, origin };
  const helper = new CredentialHelper(login.helper, runHelper);
  const found = await helper.get(login.server);
  if (!found) return undefined;
  const { username, secret } = found;
  return username === TOKEN_USERNAME
    ? { identityToken: secret, origin }
    : { username, password: secret, origin };
}

async function withCertificates(
  usual: HostCertificates,
  registries: readonly RegistrySettings[],
): Promise<HostCertificates> {
  let all = usual;
  for (const { ca, client, certificatesIn: directory } of registries) {
    const there = directory === undefined
      ? undefined
      : await certificatesIn(directory);
    all = {
      ca: [...all.ca, ...(ca === undefined ? [] : [ca]), ...there?.ca ?? []],
      client: client ?? there?.client ?? all.client,
    };
  }
  return all;
}

/** Routes that try the mirrors of a list first, and add its path prefixes. */
export function routesOfList(
  routes: Routes | undefined,
  { registries = [] }: ListSettings = {},
): Routes | undefined {
  const settingsOf = (host: string) =>
    registries.findLast(({ registry }) => registry === host);
  const mirrorsOf = (host: string) =>
    (settingsOf(host)?.mirrors ?? []).toSorted((a, b) =>
      (settingsOf(b)?.priority ?? 0) - (settingsOf(a)?.priority ?? 0)
    );
  const prefixed = (image: ImageAddress) => {
    const prefix = settingsOf(image.registry)?.pathPrefix;
    return prefix === undefined
      ? image
      : { ...image, repository: `${prefix}/${image.repository}` };
  };
  const isPlain = ({ mirrors, pathPrefix }: RegistrySettings) =>
    !mirrors?.length && pathPrefix === undefined;
  if (registries.every(isPlain)) return routes;
  return {
    pullFrom: (image) => [
      ...mirrorsOf(image.registry).map((host) =>
        prefixed(imageAt({ host }, image))
      ),
      ...(routes?.pullFrom(image) ?? [image]).map(prefixed),
    ],
    pushTo: (image) => prefixed(routes?.pushTo(image) ?? image),
  };
}
