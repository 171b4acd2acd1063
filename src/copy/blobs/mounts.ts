/**
 * How registries answer requests to mount a blob.
 *
 * @module
 */

/** A trial is worth its request only after this many missing blobs. */
const WORTH_A_TRIAL = 20;

interface Habits {
  /** It did not mount a blob that another repository held. */
  isIgnoring: boolean;
  absent: number;
  trial: "due" | "begun" | "honoured" | "ignored";
}

/** What is known, in this run, of how registries mount blobs. */
export class Mounts {
  readonly #habits = new Map<string, Habits>();

  /** Whether a mount from another repository is worth asking for. */
  mayMount(registry: string): boolean {
    return !this.#habits.get(registry)?.isIgnoring;
  }

  /**
   * Notes that a registry did not mount a blob that another of its repositories
   * is known to hold.
   */
  noteIgnored(registry: string): void {
    this.#of(registry).isIgnoring = true;
  }

  /**
   * Whether a registry has shown that it mounts a blob into a repository from
   * that repository itself.
   */
  ownHonouredBy(registry: string): boolean {
    return this.#habits.get(registry)?.trial === "honoured";
  }

  /** Notes that the registry was asked for a blob and does not have it. */
  noteAbsent(registry: string): void {
    this.#of(registry).absent++;
  }

  /**
   * Tries a mount from the repository itself, once for each registry and only
   * in a run that is long enough. Such a mount either succeeds, since the blob
   * is there, or opens the upload that is needed otherwise: one request instead
   * of two. Some registries always open an upload; they would get blobs again
   * that they have. So this is tried once, with a blob that is known to be
   * there.
   *
   * @param mount mounts a blob from the repository that holds it
   */
  async tryOwnOnce(
    registry: string,
    mount: () => Promise<boolean>,
  ): Promise<void> {
    const habits = this.#of(registry);
    if (habits.trial !== "due" || habits.absent < WORTH_A_TRIAL) return;
    habits.trial = "begun";
    // A fault counts as a refusal: if the cause stays, the next request meets
    // it too.
    const honoured = await mount().catch(() => false);
    habits.trial = honoured ? "honoured" : "ignored";
  }

  #of(registry: string): Habits {
    let habits = this.#habits.get(registry);
    if (!habits) {
      habits = { isIgnoring: false, absent: 0, trial: "due" };
      this.#habits.set(registry, habits);
    }
    return habits;
  }
}
