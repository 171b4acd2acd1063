/**
 * Whether a registry says by a mount that a repository holds a blob already.
 *
 * @module
 */

/** So many blobs have to be missing before a trial is worth its request. */
const WORTH_A_TRIAL = 20;

interface Trial {
  absent: number;
  state: "due" | "begun" | "honoured" | "ignored";
}

/**
 * To mount a blob into a repository from that repository itself either succeeds,
 * since it is there, or opens the upload that is needed then: one request for
 * two. Some registries open an upload in any case, and would be sent again what
 * they have. So this is tried once, with a blob that is known to be there.
 */
export class OwnMounts {
  readonly #trials = new Map<string, Trial>();

  /** Whether a registry has shown that it honours such mounts. */
  honouredBy(registry: string): boolean {
    return this.#trials.get(registry)?.state === "honoured";
  }

  /** Notes that a blob had to be asked for, and was not there. */
  noteAbsent(registry: string): void {
    this.#trial(registry).absent++;
  }

  /**
   * Tries it, once for each registry and only in a run that is long enough.
   *
   * @param mount mounts a blob from the repository that holds it
   */
  async tryOnce(registry: string, mount: () => Promise<boolean>) {
    const trial = this.#trial(registry);
    if (trial.state !== "due" || trial.absent < WORTH_A_TRIAL) return;
    trial.state = "begun";
    // What is refused is not honoured; other faults meet the next request too.
    const honoured = await mount().catch(() => false);
    trial.state = honoured ? "honoured" : "ignored";
  }

  #trial(registry: string): Trial {
    let trial = this.#trials.get(registry);
    if (!trial) {
      trial = { absent: 0, state: "due" };
      this.#trials.set(registry, trial);
    }
    return trial;
  }
}
