/**
 * What a list says of registries.
 *
 * @module
 */

/** How one registry is reached, as a list has it. */
export interface RegistrySettings {
  /** Canonical `host[:port]`, as references name it. */
  readonly registry: string;
  /** The host that answers for it. @default {the registry} */
  readonly hostname?: string;
  /** @default {what the auth files say} */
  readonly login?: RegistryLogin;
  /** @default {as the flags have it} */
  readonly tls?: "enabled" | "disabled" | "insecure";
  /** A CA to trust there, in PEM. */
  readonly ca?: string;
  /** The client certificate and its key, in PEM. */
  readonly client?: { readonly certificate: string; readonly key: string };
  /** A directory of certificates, laid out as in `certs.d`. */
  readonly certificatesIn?: string;
  /** Registries that are tried first. */
  readonly mirrors?: readonly string[];
  /** Mirrors of a higher one are tried first. @default {0} */
  readonly priority?: number;
  /** Put before the path of repositories, where it serves as a mirror. */
  readonly pathPrefix?: string;
  /** The most requests at once there. */
  readonly maxAtOnce?: number;
  /** The most requests in a second there. */
  readonly perSecond?: number;
}

/** How to log in. */
export type RegistryLogin =
  | { readonly username: string; readonly password: string }
  | { readonly identityToken: string }
  /** A program `docker-credential-NAME`, asked for the credentials of a server. */
  | { readonly helper: string; readonly server: string };
