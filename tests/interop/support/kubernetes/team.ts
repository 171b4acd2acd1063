/**
 * A team that mirrors in Kubernetes as docs/kubernetes.md says: its registries,
 * its directory of manifests, and its cluster.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { shardOf } from "../../../../src/mirror/plan/shard.ts";
import type { MirrorReport } from "../../../../src/report/json_report.ts";
import { hangar } from "../../../support/hangar.ts";
import { makeMultiArch } from "../../../support/images.ts";
import { type RealRegistry, startDockerRegistry } from "../docker_registry.ts";
import { pushImage } from "../push_image.ts";
import { run } from "../tools.ts";
import { ControlPlane } from "./control_plane.ts";
import { HeldRegistry } from "./held_registry.ts";
import type { Kubelet } from "./kubelet.ts";

const ROOT = new URL("../../../../", import.meta.url);

/** The namespace of the manifests. */
export const NAMESPACE = "hangar";

/** What the destination asks for. */
export const LOGIN = { user: "mirror", password: "of this year" } as const;

/** Images of each shard. */
const EACH = 3;

/** What a Job left behind, joined. */
export interface Merged {
  readonly code: number;
  readonly stderr: string;
  /** Undefined where the reports could not be joined. */
  readonly report?: MirrorReport;
  /** Undefined where nothing failed. */
  readonly failedList?: string;
}

/** Repositories of each shard. Where a name falls depends on the port. */
function namesOf(destination: string, count: number): string[][] {
  const shards: string[][] = Array.from({ length: count }, () => []);
  for (let i = 0; shards.some(({ length }) => length < EACH); i++) {
    const name = `team${i % 3}/app${i}`;
    const shard = shards[shardOf(`${destination}/${name}`, count)]!;
    if (shard.length < EACH) shard.push(name);
  }
  return shards;
}

async function digestOf(
  registry: RealRegistry,
  name: string,
): Promise<string | undefined> {
  const response = await registry.fetch(`/v2/${name}/manifests/v1`, {
    method: "HEAD",
    headers: { accept: "application/vnd.oci.image.index.v1+json" },
  });
  await response.body?.cancel();
  return response.headers.get("docker-content-digest") ?? undefined;
}

/** The digests of images; undefined for those that are not there. */
export function digestsOf(
  registry: RealRegistry,
  names: readonly string[],
): Promise<(string | undefined)[]> {
  return Promise.all(names.map((name) => digestOf(registry, name)));
}

/** See {@linkcode Team.start}. */
export class Team implements AsyncDisposable {
  /** The repositories of the list, by the shard that they fall to. */
  readonly shards: readonly (readonly string[])[];
  readonly #directory: string;
  readonly #stack: AsyncDisposableStack;
  #password: string = LOGIN.password;

  private constructor(
    readonly source: RealRegistry,
    /** The same, where blobs are kept back until they are released. */
    readonly held: HeldRegistry,
    readonly destination: RealRegistry,
    readonly plane: ControlPlane,
    options: {
      readonly shards: number;
      readonly directory: string;
      readonly stack: AsyncDisposableStack;
    },
  ) {
    this.shards = namesOf(destination.host, options.shards);
    this.#directory = options.directory;
    this.#stack = options.stack;
  }

  /** Starts registries and a control plane; nothing is in them. */
  static async start(options: { readonly shards: number }): Promise<Team> {
    await using stack = new AsyncDisposableStack();
    const directory = await Deno.makeTempDir({ prefix: "hangar-team-" });
    stack.defer(() => Deno.remove(directory, { recursive: true }));
    const source = stack.use(await startDockerRegistry());
    const held = stack.use(new HeldRegistry(source));
    const destination = stack.use(
      await startDockerRegistry({ htpasswd: LOGIN }),
    );
    const plane = stack.use(await ControlPlane.start());
    return new Team(source, held, destination, plane, {
      ...options,
      directory,
      stack: stack.move(),
    });
  }

  /** All repositories of the list. */
  get names(): string[] {
    return this.shards.flat();
  }

  /** Where the volumes of pods are. */
  get volumes(): string {
    return `${this.#directory}/volumes`;
  }

  get #manifests(): string {
    return `${this.#directory}/mirror`;
  }

  /** Makes an image at the source. */
  async push(name: string): Promise<void> {
    const { manifests, blobs } = makeMultiArch(name);
    await pushImage(this.source, { repo: name, tag: "v1", manifests, blobs });
  }

  /**
   * Does what the page says, up to `kubectl apply`.
   *
   * @param fromHeld the repository whose blobs are kept back
   */
  async prepare(fromHeld: string): Promise<void> {
    await Deno.mkdir(this.#manifests);
    const base = new URL("deploy/kubernetes/", ROOT);
    for await (const { name } of Deno.readDir(base)) {
      await Deno.copyFile(new URL(name, base), `${this.#manifests}/${name}`);
    }
    const list = this.names.map((name) => {
      const { host } = name === fromHeld ? this.held : this.source;
      return `${host}/${name}:v1\n`;
    });
    await Deno.writeTextFile(`${this.#manifests}/images.txt`, list.join(""));
    const login = await hangar([
      ...["login", this.destination.host],
      ...["--username", LOGIN.user, "--password", LOGIN.password],
    ], { env: { REGISTRY_AUTH_FILE: `${this.#manifests}/auth.json` } });
    assertEquals(login.code, 0, login.stderr);
    await this.#edit();
  }

  /** Runs the page's own command that edits the manifests. */
  async #edit(): Promise<void> {
    const page = await Deno.readTextFile(new URL("docs/kubernetes.md", ROOT));
    const [command] = /^ *REGISTRY=.*\n[^]*?" job.yaml cronjob.yaml$/m
      .exec(page) ?? [];
    assert(command, "docs/kubernetes.md has no command that edits");
    const { code, stderr } = await run("sh", [
      "-ec",
      command.replace(/REGISTRY=.*/, `REGISTRY=${this.destination.url}`)
        .replace(/PODS=.*/, `PODS=${this.shards.length}`),
    ], { cwd: this.#manifests });
    assertEquals(code, 0, stderr);
  }

  /** Runs kubectl among the manifests; gives its output. */
  async kubectl(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.plane.kubectl(
      args,
      this.#manifests,
    );
    assertEquals(code, 0, stderr);
    return stdout;
  }

  /** Applies the manifests; gives a line for each object. */
  async apply(): Promise<string[]> {
    const output = await this.kubectl(
      ...["apply", "--server-side", "--kustomize", "."],
      "--validate=strict",
    );
    return output.trim().split("\n");
  }

  /** Gives the pods that start from now on another password. */
  async setPassword(password: string): Promise<void> {
    if (password === this.#password) return;
    this.#password = password;
    const auth = btoa(`${LOGIN.user}:${password}`);
    await Deno.writeTextFile(
      `${this.#manifests}/auth.json`,
      JSON.stringify({ auths: { [this.destination.host]: { auth } } }),
    );
    await this.apply();
  }

  /** Joins the reports that a Job has left on the volume. */
  async merge(kubelet: Kubelet, job: string): Promise<Merged> {
    const volume = kubelet.volume(NAMESPACE, "hangar-reports");
    const reports: string[] = [];
    for await (const { name } of Deno.readDir(volume)) {
      if (name.startsWith(`${job}.report-`)) reports.push(`${volume}/${name}`);
    }
    const failed = `${this.#directory}/${job}-failed.txt`;
    const { code, stdout, stderr } = await hangar([
      ...["report", "merge", ...reports.sort(), "--failed", failed],
    ]);
    const failedList = await Deno.readTextFile(failed).catch(() => undefined);
    const report = code === 0 ? JSON.parse(stdout) : undefined;
    return { code, stderr, report, failedList };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
