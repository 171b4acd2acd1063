/**
 * A control plane of Kubernetes on loopback, without nodes: etcd,
 * kube-apiserver, and the controllers of Jobs, CronJobs and namespaces.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { makeServerCertificate } from "../certificates.ts";
import { ChildServer } from "../child_server.ts";
import { optionalTool, run, runChecked, type RunResult } from "../tools.ts";
import { KubernetesApi } from "./kubernetes_api.ts";

const PROGRAMS = [
  "etcd",
  "kube-apiserver",
  "kube-controller-manager",
  "kubectl",
] as const;

type Program = typeof PROGRAMS[number];

const paths = new Map(PROGRAMS.map((name) => [name, optionalTool(name)]));

/** What is lacking for a control plane; empty where there can be one. */
export const missingPrograms: readonly Program[] = PROGRAMS.filter((name) =>
  paths.get(name) === undefined
);

/** How long each server may take to be ready, in ms: a busy machine is slow. */
const PATIENCE = 180_000;

/** How often servers are started anew where a port was taken meanwhile. */
const TRIES = 5;

/** The last lines that a server wrote are of use when it fails. */
const KEPT_LINES = 30;

/** One server, and what it said last. */
class Server {
  readonly #name: Program;
  readonly #said: string[] = [];
  readonly #child: ChildServer;
  #code: number | undefined;

  constructor(name: Program, args: readonly string[]) {
    this.#name = name;
    const keep = (line: string) => {
      this.#said.push(line);
      if (this.#said.length > KEPT_LINES) this.#said.shift();
    };
    this.#child = new ChildServer(paths.get(name)!, {
      args,
      onStdout: keep,
      onStderr: keep,
    });
    this.#child.ended.then((code) => this.#code = code);
  }

  /** @throws {Error} with its words when it ends, or is not ready in time */
  async ready(isReady: () => Promise<boolean>): Promise<void> {
    const until = Date.now() + PATIENCE;
    while (!await isReady().catch(() => false)) {
      if (this.#code === undefined && Date.now() < until) {
        await delay(200);
        continue;
      }
      throw new Error(
        `${this.#name} ${
          this.#code === undefined ? "is too slow" : `ended with ${this.#code}`
        }: ${this.#said.join("\n")}`,
      );
    }
  }

  async stop(): Promise<void> {
    await this.#child.stop();
  }
}

/** Ports that are free at this moment. */
function freePorts(count: number): number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  for (const listener of listeners) listener.close();
  return listeners.map(({ addr }) => addr.port);
}

/** A control plane that runs; see {@linkcode ControlPlane.start}. */
export class ControlPlane implements AsyncDisposable {
  readonly #directory: string;
  readonly #servers: Server[] = [];
  readonly #token = crypto.randomUUID();
  #api: KubernetesApi | undefined;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Starts it, and waits until it answers. Use it as
   * `await using plane = await ControlPlane.start()`.
   *
   * @throws {Error} with a server's own words when it does not start
   */
  static async start(): Promise<ControlPlane> {
    for (let attempt = 1;; attempt++) {
      const directory = await Deno.makeTempDir({ prefix: "hangar-cluster-" });
      const plane = new ControlPlane(directory);
      try {
        await plane.#start();
        return plane;
      } catch (error) {
        await plane[Symbol.asyncDispose]();
        // Between the choice of a port and its use, others may have taken it.
        const isTaken = /address already in use/.test(`${error}`);
        if (!isTaken || attempt === TRIES) throw error;
      }
    }
  }

  /** The API, with all rights. */
  get api(): KubernetesApi {
    return this.#api!;
  }

  /** Runs kubectl as a user does. */
  kubectl(args: readonly string[], cwd?: string): Promise<RunResult> {
    return run(paths.get("kubectl")!, args, {
      cwd,
      env: { KUBECONFIG: this.#kubeconfig, HOME: this.#directory },
    });
  }

  get #kubeconfig(): string {
    return `${this.#directory}/kubeconfig`;
  }

  async #start(): Promise<void> {
    const [etcdPort, peerPort, apiPort] = freePorts(3);
    const file = (name: string) => `${this.#directory}/${name}`;
    const etcd = `http://127.0.0.1:${etcdPort}`;
    const peer = `http://127.0.0.1:${peerPort}`;
    await this.#serve("etcd", [
      `--data-dir=${file("etcd")}`,
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      "--log-level=warn",
    ], async () => {
      const response = await fetch(`${etcd}/health`);
      return /"true"/.test(await response.text());
    });
    const url = `https://127.0.0.1:${apiPort}`;
    const { caFile, certFile, keyFile } = await makeServerCertificate(
      this.#directory,
    );
    await this.#writeKeys();
    const api = new KubernetesApi(url, this.#token, caFile);
    this.#api = api;
    await this.#serve("kube-apiserver", [
      `--etcd-servers=${etcd}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      `--secure-port=${apiPort}`,
      `--tls-cert-file=${certFile}`,
      `--tls-private-key-file=${keyFile}`,
      `--cert-dir=${file("apiserver")}`,
      `--token-auth-file=${file("tokens.csv")}`,
      "--authorization-mode=AlwaysAllow",
      // Nothing here makes the account that each pod would be given.
      "--disable-admission-plugins=ServiceAccount",
      `--service-account-issuer=${url}`,
      `--service-account-key-file=${file("accounts.pub")}`,
      `--service-account-signing-key-file=${file("accounts.key")}`,
      "--service-cluster-ip-range=10.0.0.0/24",
      "--endpoint-reconciler-type=none",
    ], async () => await api.request("GET", "/readyz") === "ok");
    await Deno.writeTextFile(
      this.#kubeconfig,
      this.#kubeconfigText(url, caFile),
    );
    await this.#serve("kube-controller-manager", [
      `--kubeconfig=${this.#kubeconfig}`,
      "--controllers=job-controller,cronjob-controller,namespace-controller",
      "--leader-elect=false",
      "--secure-port=0",
    ], () => Promise.resolve(true));
  }

  async #serve(
    name: Program,
    args: readonly string[],
    isReady: () => Promise<boolean>,
  ): Promise<void> {
    const server = new Server(name, args);
    this.#servers.push(server);
    await server.ready(isReady);
  }

  async #writeKeys(): Promise<void> {
    const key = `${this.#directory}/accounts.key`;
    await runChecked("openssl", [
      ...["genpkey", "-algorithm", "RSA", "-out", key],
      ...["-pkeyopt", "rsa_keygen_bits:2048"],
    ]);
    await runChecked("openssl", [
      ...["pkey", "-in", key, "-pubout"],
      ...["-out", `${this.#directory}/accounts.pub`],
    ]);
    await Deno.writeTextFile(
      `${this.#directory}/tokens.csv`,
      `${this.#token},admin,admin,"system:masters"\n`,
    );
  }

  #kubeconfigText(server: string, caFile: string): string {
    // JSON is YAML.
    return JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{
        name: "test",
        cluster: { server, "certificate-authority": caFile },
      }],
      users: [{ name: "admin", user: { token: this.#token } }],
      contexts: [{ name: "test", context: { cluster: "test", user: "admin" } }],
      "current-context": "test",
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      // The controllers first: those that lose their server complain.
      for (const server of this.#servers.toReversed()) await server.stop();
    } finally {
      this.#api?.[Symbol.dispose]();
      await Deno.remove(this.#directory, { recursive: true });
    }
  }
}
