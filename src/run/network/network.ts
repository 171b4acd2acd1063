/**
 * The only file that puts the network parts together.
 *
 * @module
 */

import {
  type ImageAddress,
  type RegistryAddress,
  registryOf,
} from "../../names/address.ts";
import type { LoginState } from "../../auth/authenticator.ts";
import { withBasic } from "../../auth/basic.ts";
import { AttachmentFinder } from "../../copy/attachments/attachment_finder.ts";
import { SharedSources } from "../../copy/fan_out/shared_sources.ts";
import { ContentLedger } from "../../copy/content_ledger.ts";
import { Expectation } from "../../copy/expectation.ts";
import { KeyedLock } from "../../copy/keyed_lock.ts";
import { DigestChecks } from "../../copy/blobs/digest_checks.ts";
import { Mounts } from "../../copy/blobs/mounts.ts";
import { HangarError } from "../../errors.ts";
import { SparseTrials } from "../../mirror/decide/sparse_trials.ts";
import { EndpointChooser } from "../../mirror/endpoints.ts";
import type { RunServices } from "../../mirror/image_run.ts";
import type { MirrorPlan } from "../../mirror/plan/plan_mirror.ts";
import type { VerifyMode } from "../../oci/digest.ts";
import type {
  ManifestRemover,
  ManifestWriter,
  SourceStore,
} from "../../oci/store.ts";
import { apiHostOf } from "../../names/docker_hub.ts";
import { HarborProjects } from "../../registry/harbor.ts";
import { type Access, Registry } from "../../registry/registry.ts";
import { isLoopback } from "../../transport/proxy/proxies.ts";
import type { HostUse } from "../../transport/request_gate.ts";
import { compose, type Transport } from "../../transport/transport.ts";
import { type ClientsOptions, RunClients } from "./clients.ts";
import type { HostSettings } from "./host_settings.ts";
import { type CredentialSource, RegistrySession } from "./registry_session.ts";

/** How registries are reached. */
export interface NetworkOptions extends Omit<ClientsOptions, "maxAt"> {
  /** What a list says of registries, by their names. @default {nothing} */
  readonly hosts?: ReadonlyMap<string, HostSettings>;
  readonly credentials: CredentialSource;
  /** How long it may take to check one login, in ms. @default {no limit} */
  readonly loginTimeoutMs?: number;
  /** Schemes that the user wrote before a registry, by host. */
  readonly schemes: ReadonlyMap<string, "http" | "https">;
  /** Who checks the digests of large blobs. @default {"auto"} */
  readonly verify?: VerifyMode;
  /** From which size on blobs are large, in bytes. */
  readonly verifyFromBytes?: number;
  /** Aborted when the user interrupts the run. */
  readonly signal: AbortSignal;
}

function lateLogin({ host }: RegistryAddress, ms: number): HangarError {
  return new HangarError(
    "timeout",
    `${host} did not say within ${
      ms / 1000
    } s whether it takes the credentials`,
    { host, hint: "give it more with --timeout" },
  );
}

/** The registries of a run: one connection and one login for each. */
export class Network implements AsyncDisposable {
  readonly #options: NetworkOptions;
  readonly #clients: RunClients;
  readonly #sessions = new Map<string, RegistrySession>();
  readonly #registries = new Map<string, Registry>();
  readonly #pullsLeft = new Map<string, number>();
  /** Finds what is attached to images. */
  readonly finder = new AttachmentFinder();
  readonly #digestChecks: DigestChecks;
  // Pings and tokens are shared, so they end with the run, not with an image.
  readonly #end = new AbortController();

  constructor(options: NetworkOptions) {
    this.#options = options;
    const { observer } = options;
    this.#clients = new RunClients({
      ...options,
      maxAt: (host) => options.hosts?.get(host)?.maxAtOnce,
      observer: {
        ...observer,
        onRateLimit: (host, rate) => {
          this.#pullsLeft.set(host, rate.remaining);
          observer?.onRateLimit?.(host, rate);
        },
      },
    });
    this.#digestChecks = new DigestChecks({
      mode: options.verify,
      fromBytes: options.verifyFromBytes,
      onResult: observer?.onDigestTrial,
    });
  }

  /**
   * What all images of a run share.
   *
   * @param access the access that tokens for destinations allow: a run that
   * writes nothing must not ask for push
   */
  runServices(access: "pull" | "pull,push"): RunServices {
    return {
      stores: {
        source: (image) => this.#registry(registryOf(image), "pull"),
        destination: (image) => this.#registry(registryOf(image), access),
      },
      blobs: new ContentLedger(),
      manifests: new ContentLedger(),
      mounts: new Mounts(),
      expected: { blob: new Expectation(), image: new Expectation() },
      digestChecks: this.#digestChecks,
      locks: new KeyedLock(),
      finder: this.finder,
      gate: this.#clients.gate,
      attempts: () => this.#clients.retrier.attempts(),
      endpoints: new EndpointChooser(),
      sparse: new SparseTrials(),
      pullsLeft: (image) => this.#pullsLeft.get(this.hostOf(image)),
    };
  }

  /** What the destinations of a plan share, where it has several. */
  sharedSources(
    { tasks }: Pick<MirrorPlan, "tasks">,
  ): SharedSources | undefined {
    if (tasks.every(({ place }) => place === undefined)) return undefined;
    return new SharedSources({
      gate: this.#clients.gate,
      destinationIds: new Set(
        tasks.map(({ destination }) => destination.registry),
      ),
      signal: this.#options.signal,
    });
  }

  /**
   * What was learned of hosts: how many requests at once they were sent, and
   * whether they check digests.
   */
  hostUses(): readonly (HostUse & { readonly checksDigests: boolean })[] {
    return this.#clients.gate.uses().map((use) => ({
      ...use,
      checksDigests: this.#digestChecks.isChecking(use.host),
    }));
  }

  /** The host at which a registry is reached. */
  hostOf(image: ImageAddress): string {
    const { registry } = image.endpoints?.at(-1) ?? image;
    return this.#apiHostOf(registry);
  }

  #apiHostOf(registry: string): string {
    return this.#options.hosts?.get(registry)?.apiHost ?? apiHostOf(registry);
  }

  /** Reaches hosts that are not registries, without credentials. */
  get plainTransport(): Transport {
    return this.#clients.usual.plain;
  }

  /** The store of an image, to read from. */
  reader(image: ImageAddress): SourceStore {
    return this.#registry(registryOf(image), "pull");
  }

  /**
   * The same, to change one image by itself: to tag it, or to delete it.
   *
   * @param access what tokens are asked for
   */
  editor(
    image: ImageAddress,
    access: Access,
  ): SourceStore & ManifestWriter & ManifestRemover {
    return this.#registry(registryOf(image), access);
  }

  /** The repositories of a registry, page by page. */
  listRepositories(
    address: RegistryAddress,
    options: { readonly maxPages: number; readonly signal: AbortSignal },
  ): AsyncIterable<readonly string[]> {
    return this.#registry(address, "pull").listRepositories(options);
  }

  /** The projects of a registry that is Harbor. */
  async projects(address: RegistryAddress): Promise<HarborProjects> {
    const { signal } = this.#options;
    const { base } = await this.#session(address).connection.endpoint(signal);
    const { host } = address;
    const found = await this.#options.credentials.credentialsFor(host);
    const { gate, insecure, retrier, usual } = this.#clients;
    const send = compose(
      (this.#isInsecure(address) ? insecure : usual).send,
      gate.limit(host),
      withBasic(found),
      retrier.decorate,
    );
    return new HarborProjects(send, base);
  }

  /**
   * Whether a registry accepts the credentials that hangar has.
   *
   * @param repositories what is to be written there
   */
  async checkLogin(
    registry: RegistryAddress,
    repositories: Iterable<string>,
  ): Promise<LoginState> {
    return await this.#inTime(
      registry,
      (signal) => this.#session(registry).checkLogin(repositories, signal),
    );
  }

  /** Whether a registry accepts credentials that the user wants to keep. */
  async tryLogin(registry: RegistryAddress): Promise<LoginState> {
    return await this.#inTime(
      registry,
      (signal) => this.#session(registry).tryLogin(signal),
    );
  }

  /** Runs work within the time for one login. */
  async #inTime<T>(
    registry: RegistryAddress,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { signal, loginTimeoutMs = 0 } = this.#options;
    const late = new AbortController();
    const timer = loginTimeoutMs > 0
      ? setTimeout(
        () => late.abort(lateLogin(registry, loginTimeoutMs)),
        loginTimeoutMs,
      )
      : undefined;
    try {
      return await work(AbortSignal.any([signal, late.signal]));
    } finally {
      clearTimeout(timer);
    }
  }

  #registry(address: RegistryAddress, access: Access): Registry {
    const key = `${access} ${this.#keyOf(address)}`;
    let registry = this.#registries.get(key);
    if (!registry) {
      registry = new Registry(this.#session(address).connection, { access });
      this.#registries.set(key, registry);
    }
    return registry;
  }

  #session(address: RegistryAddress): RegistrySession {
    const key = this.#keyOf(address);
    let session = this.#sessions.get(key);
    if (!session) {
      const { credentials, observer, signal, stallTimeoutMs } = this.#options;
      session = new RegistrySession({
        host: address.host,
        candidates: this.#candidates(address),
        isInsecure: this.#isInsecure(address),
        clients: this.#clients,
        perSecond: this.#options.hosts?.get(address.host)?.perSecond,
        credentials,
        observer,
        stallTimeoutMs,
        signal: AbortSignal.any([signal, this.#end.signal]),
      });
      this.#sessions.set(key, session);
    }
    return session;
  }

  #keyOf(address: RegistryAddress): string {
    return `${address.host}${this.#isInsecure(address) ? " insecure" : ""}`;
  }

  /** The option of the run outweighs the list, and that registries.conf. */
  #isInsecure({ host, insecure = false }: RegistryAddress): boolean {
    const { tlsVerify, hosts } = this.#options;
    const tls = hosts?.get(host)?.tls;
    return (tls === undefined ? insecure : tls === "insecure") &&
      tlsVerify === undefined;
  }

  #candidates(address: RegistryAddress): URL[] {
    const { host, scheme } = address;
    const { tlsVerify, schemes } = this.#options;
    const name = this.#apiHostOf(host);
    const tls = tlsVerify === undefined
      ? this.#options.hosts?.get(host)?.tls
      : undefined;
    const chosen = scheme ?? schemes.get(host) ??
      (tls === "disabled" ? "http" : tls === "enabled" ? "https" : undefined);
    if (chosen) return [new URL(`${chosen}://${name}`)];
    const mayBePlain = tlsVerify === false || this.#isInsecure(address) ||
      (tlsVerify === undefined && isLoopback(host));
    return [
      new URL(`https://${name}`),
      ...(mayBePlain ? [new URL(`http://${name}`)] : []),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort(new HangarError("interrupted", "the run is over"));
    await Promise.all([
      ...[...this.#registries.values()].map((r) => r[Symbol.asyncDispose]()),
      ...[...this.#sessions.values()].map((s) => s.settled()),
    ]);
    await this.#clients[Symbol.asyncDispose]();
  }
}
