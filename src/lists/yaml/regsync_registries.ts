/**
 * The `creds` of a `regsync.yaml`: how registries are reached.
 *
 * @module
 */

import { canonicalHost } from "../../names/reference.ts";
import type { RegistryLogin, RegistrySettings } from "../registry_settings.ts";
import {
  fillTemplate,
  type TemplateSources,
} from "../template/run_template.ts";
import { at, durationOf, only } from "./sync_settings.ts";
import type { YamlValue } from "./yaml_values.ts";

const KEYS = new Set([
  "registry",
  "hostname",
  "user",
  "pass",
  "token",
  "credHelper",
  "credExpire",
  "credHost",
  "tls",
  "regcert",
  "clientCert",
  "clientKey",
  "pathPrefix",
  "mirrors",
  "priority",
  "repoAuth",
  "reqPerSec",
  "reqConcurrent",
  "blobChunk",
  "blobMax",
  "apiOpts",
  "scheme",
]);

/** How blobs go up, hangar finds out by itself. */
const TUNING = ["blobChunk", "blobMax", "credExpire"];

const TLS = ["enabled", "disabled", "insecure"] as const;

/**
 * Reads one of them.
 *
 * @throws {HangarError} `usage`, naming key and line
 */
export async function readCredential(
  whole: YamlValue,
  sources: TemplateSources,
  warnings: string[],
): Promise<RegistrySettings> {
  const values = whole.map();
  only(whole, values, KEYS);
  const filled = async (key: string) => {
    const value = values.get(key);
    if (!value || value.isEmpty) return undefined;
    const text = value.text();
    return await fillTemplate(text, {}, sources).catch((error) =>
      at(value, () => {
        throw error;
      })
    ) || undefined;
  };
  const plain = (key: string) => values.get(key)?.text() || undefined;
  const registry = hostOf(
    values.get("registry") ?? whole,
    await filled("registry"),
  );
  const hostname = values.get("hostname");
  tellTuning(values, warnings);
  const certificate = await filled("clientCert");
  const key = await filled("clientKey");
  if ((certificate === undefined) !== (key === undefined)) {
    whole.refuse("clientCert and clientKey belong together");
  }
  const login = {
    user: await filled("user"),
    pass: await filled("pass"),
    token: plain("token"),
    helper: plain("credHelper"),
    server: plain("credHost"),
  };
  const host = hostname && !hostname.isEmpty
    ? hostOf(hostname, hostname.text())
    : undefined;
  return {
    registry,
    hostname: host === registry ? undefined : host,
    login: loginOf(whole, login, host ?? registry),
    tls: tlsOf(whole),
    ca: await filled("regcert"),
    client: certificate !== undefined && key !== undefined
      ? { certificate, key }
      : undefined,
    mirrors: values.get("mirrors")?.list().map((m) => hostOf(m, m.text())),
    priority: values.get("priority")?.integer(),
    pathPrefix: plain("pathPrefix"),
    maxAtOnce: values.get("reqConcurrent")?.integer() || undefined,
    perSecond: values.get("reqPerSec")?.number() || undefined,
  };
}

function hostOf(value: YamlValue, text: string | undefined): string {
  return canonicalHost(text?.replace(/^https:\/\//, "") ?? "") ??
    value.refuse("want a registry, as HOST or HOST:PORT");
}

function tellTuning(
  values: ReadonlyMap<string, YamlValue>,
  warnings: string[],
): void {
  for (const key of TUNING) {
    const value = values.get(key);
    if (!value || value.isEmpty) continue;
    if (key === "credExpire") durationOf(value);
    warnings.push(
      `${value.file}:${value.line}: ${value.path} has no effect: hangar finds that out by itself`,
    );
  }
  values.get("repoAuth")?.bool();
  const options = values.get("apiOpts");
  if (options && !options.isEmpty && options.map().size > 0) {
    options.refuse("hangar has no such options of registries");
  }
}

function tlsOf(whole: YamlValue): RegistrySettings["tls"] {
  const values = whole.map();
  const [tls, scheme] = [values.get("tls"), values.get("scheme")];
  const text = tls?.text().toLowerCase() ?? "";
  if (tls && text !== "") {
    return TLS.find((known) => known === text) ??
      tls.refuse(`want ${TLS.join(", ")}`);
  }
  switch (scheme?.text() ?? "") {
    case "":
      return undefined;
    case "http":
      return "disabled";
    case "https":
      return "enabled";
    default:
      return scheme!.refuse("want http or https");
  }
}

function loginOf(
  whole: YamlValue,
  { user, pass, token, helper, server }: {
    readonly user?: string;
    readonly pass?: string;
    readonly token?: string;
    readonly helper?: string;
    readonly server?: string;
  },
  registry: string,
): RegistryLogin | undefined {
  if (helper !== undefined) {
    const name = /^docker-credential-([\w.-]+)$/.exec(helper)?.[1];
    return name === undefined
      ? (whole.map().get("credHelper") ?? whole).refuse(
        "want the name of a program docker-credential-NAME",
      )
      : { helper: name, server: server ?? registry };
  }
  if (token !== undefined) return { identityToken: token };
  // A variable that is not set leaves an empty text: then it is as if nothing
  // were said.
  return user !== undefined && pass !== undefined
    ? { username: user, password: pass }
    : undefined;
}
