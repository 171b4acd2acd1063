/**
 * Writing what was decided: the manifest of a reference, when all below it is
 * there.
 *
 * @module
 */

import { putManifest } from "../copy/put_manifest.ts";
import { atDestination } from "../copy/sides.ts";
import type { Digest } from "../oci/digest.ts";
import type { DecidedImage } from "./decide/decision.ts";
import type { SparseTrials } from "./decide/sparse_trials.ts";
import type { ImageRun } from "./image_run.ts";

/** Writes the manifest of one image. */
export class ImageWriter {
  readonly #run: ImageRun;
  readonly #trials: SparseTrials;

  constructor(run: ImageRun, trials: SparseTrials) {
    this.#run = run;
    this.#trials = trials;
  }

  /**
   * Pushes the manifest under a tag or its digest.
   *
   * @throws {IndexRefused} when the registry refuses it for lack of entries
   */
  async put(
    { manifest, origin }: DecidedImage,
    reference: string,
  ): Promise<void> {
    const { sources, destination, signal } = this.#run;
    const put = () =>
      putManifest(destination, manifest, reference, {
        role: "root",
        source: sources[origin.top?.source ?? 0],
        signal,
      });
    if (origin.leftOut.size === 0) return await put();
    await this.#trials.put(destination.store.id, signal, put);
  }

  /**
   * The commit point. What the tag holds is looked at right before and after:
   * two runs may fill it at the same time, and neither may lose the other's
   * platforms.
   *
   * @returns whether nobody else wrote the tag meanwhile
   */
  async writeTag(decision: DecidedImage): Promise<boolean> {
    const tag = this.#run.task.destination.tag!;
    const { manifest, existing } = decision;
    if (await this.#held(tag) !== existing?.content.digest) return false;
    await this.put(decision, tag);
    this.#run.letNextBegin?.();
    // A registry that is slow to show it has not been written by others.
    const held = await this.#held(tag);
    return held === undefined || held === manifest.content.digest;
  }

  /** What the destination's tag points at now. */
  async #held(tag: string): Promise<Digest | undefined> {
    const { destination, signal } = this.#run;
    const { store, repository } = destination;
    const head = await atDestination(
      destination,
      `read tag ${tag} from`,
      store.headManifest(repository, tag, { signal }),
    );
    return head?.digest;
  }
}
