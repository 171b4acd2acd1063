/**
 * A mirror between two real registries, of which one request in so many fails.
 *
 * @module
 */

import { FaultingProxy, type FaultKind } from "../../support/faulting_proxy.ts";
import { hangar } from "../../support/hangar.ts";
import { makeMultiArch, randomBytes } from "../../support/images.ts";
import { seeded } from "../../support/random.ts";
import { type RealRegistry, startDockerRegistry } from "./docker_registry.ts";
import { pushImage } from "./push_image.ts";

/** Where requests fail. */
export type FaultySide = "source" | "destination" | "both";

/** What is to fail. */
export interface FaultRunOptions {
  readonly side: FaultySide;
  readonly seed: number;
  /** How many of 1 requests fail. */
  readonly rate: number;
  readonly kinds: readonly FaultKind[];
}

/** What came of one run. */
export interface FaultRunResult {
  readonly code: number;
  readonly stderr: string;
  readonly copied: number;
  readonly bytesSent: number;
  readonly bytesResent: number;
  /** Requests that the proxies saw, and those that they failed. */
  readonly requests: number;
  readonly faults: number;
  /** Images that the destination holds as the source does. */
  readonly arrived: number;
}

/** Two real registries, and images of two platforms in one of them. */
export class FaultWorld implements AsyncDisposable {
  readonly #source: RealRegistry;
  readonly #destination: RealRegistry;
  /** Digest of each image, by its repository. */
  readonly #images: ReadonlyMap<string, string>;
  readonly #directory = Deno.makeTempDirSync();
  #runs = 0;

  private constructor(
    source: RealRegistry,
    destination: RealRegistry,
    images: ReadonlyMap<string, string>,
  ) {
    this.#source = source;
    this.#destination = destination;
    this.#images = images;
  }

  /** Starts registries of a program, and fills one with so many images. */
  static async start(count: number, program?: string): Promise<FaultWorld> {
    const source = await startDockerRegistry({ program });
    const destination = await startDockerRegistry({ program });
    const base = randomBytes(1_500_000, "base");
    const images = new Map<string, string>();
    for (let i = 0; i < count; i++) {
      const repo = `corp/app-${i}`;
      const layers = [base, 600_000 + i * 50_000, 40_000, 500];
      const image = makeMultiArch(`app ${i}`, { layers });
      await pushImage(source, { repo, tag: "v1", ...image });
      images.set(repo, image.digest);
    }
    return new FaultWorld(source, destination, images);
  }

  /** Mirrors all images, into a project of their own. */
  async run(options: FaultRunOptions): Promise<FaultRunResult> {
    const { side, seed } = options;
    const project = `run-${++this.#runs}`;
    const random = seeded(seed);
    const proxy = (target: string, isFaulty: boolean) =>
      new FaultingProxy({
        target,
        rate: isFaulty ? options.rate : 0,
        kinds: options.kinds,
        random,
      });
    await using from = proxy(this.#source.host, side !== "destination");
    await using to = proxy(this.#destination.host, side !== "source");
    const report = `${this.#directory}/${project}.json`;
    const { code, stderr } = await hangar([
      ...["mirror", "-f-", "-j4"],
      ...[`--source=http://${from.host}`, `--destination=http://${to.host}`],
      ...[`--destination-project=${project}`, `--report=${report}`],
      `--failed=${this.#directory}/failed.txt`,
    ], {
      stdin: [...this.#images.keys()].map((repo) => `${repo}:v1`).join("\n"),
      // As many attempts as users have, with shorter waits.
      retry: { baseDelayMs: 40 },
    });
    const { totals } = JSON.parse(await Deno.readTextFile(report));
    return {
      code,
      stderr,
      copied: totals.copied,
      bytesSent: totals.bytesSent,
      bytesResent: totals.bytesResent,
      requests: from.count.requests + to.count.requests,
      faults: from.count.failed + to.count.failed,
      arrived: await this.#arrived(project),
    };
  }

  async #arrived(project: string): Promise<number> {
    let arrived = 0;
    for (const [repo, digest] of this.#images) {
      const name = repo.replace("corp/", `${project}/`);
      const response = await this.#destination.fetch(
        `/v2/${name}/manifests/v1`,
        {
          headers: { accept: "application/vnd.oci.image.index.v1+json" },
        },
      );
      await response.body?.cancel();
      if (response.headers.get("docker-content-digest") === digest) arrived++;
    }
    return arrived;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source[Symbol.asyncDispose]();
    await this.#destination[Symbol.asyncDispose]();
    await Deno.remove(this.#directory, { recursive: true });
  }
}
