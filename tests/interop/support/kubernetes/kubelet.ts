/**
 * A node that is none: runs the pods of a control plane as processes of this
 * machine, and tells the control plane what becomes of them.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { type KubernetesApi, type Pod, podPath } from "./kubernetes_api.ts";
import { PodProcess } from "./pod_process.ts";

const NODE = "test-node";

/** How often the control plane is asked, in ms. */
const PERIOD = 300;

/** So much of the end of each log is told when something fails. */
const LOG_END = 2_000;

const INDEX = "batch.kubernetes.io/job-completion-index";
const JOB = "batch.kubernetes.io/job-name";

/** How a pod came to its end, or is on its way there. */
export interface PodRun {
  readonly pod: Pod;
  readonly job: string;
  /** Its index in the Job. */
  readonly index: number;
  /** How many pods of this index there were before it. */
  readonly attempt: number;
  readonly process: PodProcess;
  /** Its exit code, once it has ended. */
  code?: number;
}

/** Told of a pod before its volumes are made. */
export type BeforeStart = (pod: {
  readonly job: string;
  readonly index: number;
  readonly attempt: number;
}) => void | Promise<void>;

/** Runs pods until it is disposed of. */
export class Kubelet implements AsyncDisposable {
  /** In the order of their start. */
  readonly runs: PodRun[] = [];
  readonly #api: KubernetesApi;
  readonly #directory: string;
  readonly #beforeStart: BeforeStart;
  readonly #known = new Set<string>();
  readonly #ending = new Set<string>();
  readonly #under = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  readonly #loop: Promise<void>;
  #failure: unknown;

  /** @param directory for the volumes */
  constructor(
    api: KubernetesApi,
    directory: string,
    beforeStart: BeforeStart = () => {},
  ) {
    this.#api = api;
    this.#directory = directory;
    this.#beforeStart = beforeStart;
    this.#loop = this.#work();
  }

  /** The directory that a claim in a namespace stands for. */
  volume(namespace: string, claim: string): string {
    return `${this.#directory}/claims/${namespace}-${claim}`;
  }

  /** The runs of an index of a Job, the first attempt first. */
  runsOf(job: string, index: number): PodRun[] {
    return this.runs.filter((run) => run.job === job && run.index === index);
  }

  /**
   * Waits until something is there.
   *
   * @throws {Error} naming it when it takes too long, or when the kubelet failed
   */
  async until<T>(
    what: string,
    find: () => Promise<T | undefined> | T | undefined,
    patienceMs = 240_000,
  ): Promise<T> {
    const deadline = Date.now() + patienceMs;
    while (true) {
      const found = await find();
      if (found !== undefined) return found;
      if (this.#failure !== undefined) throw this.#failure;
      if (Date.now() > deadline) {
        throw new Error(
          `waited too long for ${what}:\n${await this.#story()}`,
        );
      }
      await delay(PERIOD);
    }
  }

  /** What there is to know when something does not come to be. */
  async #story(): Promise<string> {
    const runs = this.runs.map(({ job, index, attempt, code, process }) =>
      `${job} ${index} attempt ${attempt}: ${code ?? "runs"}\n${
        process.log.slice(-LOG_END)
      }`
    );
    return [...runs, ...await this.#api.warnings()].join("\n");
  }

  async #work(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        for (const pod of await this.#api.pods()) await this.#look(pod);
      } catch (error) {
        this.#failure ??= error;
      }
      await delay(PERIOD, { signal }).catch(() => {});
    }
  }

  /** Starts a pod that is new, and ends one that is to go. */
  async #look(pod: Pod): Promise<void> {
    const { uid, deletionTimestamp } = pod.metadata;
    const run = this.runs.find((run) => run.pod.metadata.uid === uid);
    if (deletionTimestamp !== undefined) {
      // Once: a second signal would end the process at once.
      if (run && run.code === undefined && !this.#ending.has(uid)) {
        this.#ending.add(uid);
        const graceMs = pod.spec.terminationGracePeriodSeconds * 1_000;
        this.#keep(run.process.stop(graceMs));
      }
      return;
    }
    if (this.#known.has(uid) || pod.status.phase !== "Pending") return;
    this.#known.add(uid);
    // One after the other, so that volumes are made in a known order.
    await this.#start(pod);
  }

  #keep(work: Promise<void>): void {
    const kept = work.catch((error) => {
      if (!this.#abort.signal.aborted) this.#failure ??= error;
    }).finally(() => this.#under.delete(kept));
    this.#under.add(kept);
  }

  async #start(pod: Pod): Promise<void> {
    const { annotations, labels, uid } = pod.metadata;
    const job = labels?.[JOB];
    const text = annotations?.[INDEX];
    if (job === undefined || text === undefined) {
      throw new Error(`${pod.metadata.name} is no pod of an Indexed Job`);
    }
    const index = Number(text);
    const attempt = this.runsOf(job, index).length;
    await this.#beforeStart({ job, index, attempt });
    // What the scheduler does.
    await this.#api.request("POST", podPath(pod, "binding"), {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: pod.metadata.name },
      target: { apiVersion: "v1", kind: "Node", name: NODE },
    });
    const process = await PodProcess.start(pod, this.#api, {
      own: `${this.#directory}/pods/${uid}`,
      claims: `${this.#directory}/claims`,
    });
    const run: PodRun = { pod, job, index, attempt, process };
    this.runs.push(run);
    this.#keep(this.#follow(run));
  }

  async #follow(run: PodRun): Promise<void> {
    const { pod, process } = run;
    const startedAt = now();
    const ended = process.ended;
    await this.#tell(pod, "Running", { running: { startedAt } });
    const code = await ended;
    if (this.#abort.signal.aborted) return;
    await this.#tell(pod, code === 0 ? "Succeeded" : "Failed", {
      running: null,
      terminated: {
        exitCode: code,
        reason: code === 0 ? "Completed" : "Error",
        startedAt,
        finishedAt: now(),
      },
    });
    run.code = code;
    const seen = await this.#api.request("GET", podPath(pod)) as Pod;
    if (seen.metadata.deletionTimestamp === undefined) return;
    // The node has nothing left of it.
    await this.#api.request("DELETE", podPath(pod), { gracePeriodSeconds: 0 });
  }

  /** Tells what the container is doing; conditions of others stay. */
  async #tell(pod: Pod, phase: string, state: unknown): Promise<void> {
    const [{ name, image }] = pod.spec.containers;
    const isReady = phase === "Running";
    await this.#api.patch(podPath(pod, "status"), {
      status: {
        phase,
        conditions: [{ type: "Ready", status: isReady ? "True" : "False" }],
        containerStatuses: [{
          name,
          image,
          imageID: "",
          ready: isReady,
          restartCount: 0,
          state,
        }],
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#loop;
    await Promise.all(
      this.runs.filter(({ code }) => code === undefined)
        .map(({ process }) => process.stop(1_000)),
    );
    await Promise.all(this.#under);
  }
}

/** The time as Kubernetes writes it, without parts of a second. */
function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, "Z");
}
