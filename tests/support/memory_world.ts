/**
 * The engine between two stores in memory: no network, no command line.
 *
 * @module
 */

import { AttachmentFinder } from "../../src/copy/attachments/attachment_finder.ts";
import { ContentLedger } from "../../src/copy/content_ledger.ts";
import { Expectation } from "../../src/copy/expectation.ts";
import { KeyedLock } from "../../src/copy/keyed_lock.ts";
import { DigestChecks } from "../../src/copy/blobs/digest_checks.ts";
import { Mounts } from "../../src/copy/blobs/mounts.ts";
import { dryRunImage } from "../../src/mirror/dry_run_image.ts";
import { SparseTrials } from "../../src/mirror/decide/sparse_trials.ts";
import { EndpointChooser } from "../../src/mirror/endpoints.ts";
import type {
  ImageJob,
  ImageResult,
  RunServices,
} from "../../src/mirror/image_run.ts";
import {
  mirrorImage,
  type MirrorOptions,
} from "../../src/mirror/mirror_image.ts";
import { validateImage } from "../../src/mirror/validate_image.ts";
import type { ImageAddress } from "../../src/names/address.ts";
import { parseReference } from "../../src/names/reference.ts";
import { parsePlatformFilter } from "../../src/oci/platform.ts";
import { RequestGate } from "../../src/transport/request_gate.ts";
import { MemoryStore, type MemoryStoreOptions } from "./memory_store.ts";

/** Which images go from where to where; the registry in them does not count. */
export interface Order {
  readonly sources: readonly string[];
  readonly destination: string;
}

/** What is chosen of an image where a test does not say. */
const EVERYTHING = {
  filter: parsePlatformFilter({ platforms: ["all"] }),
  provenance: true,
};

/** Two stores, and what the images of one run share. */
export class MemoryWorld {
  readonly source: MemoryStore;
  readonly destination: MemoryStore;
  readonly warnings: string[] = [];
  /** How each blob came to the destination, in the order in which it was told. */
  readonly blobs: string[] = [];
  #services: RunServices;

  /** @param options of the destination; with the source's id, it is the source */
  constructor(
    options: MemoryStoreOptions = {},
    source: MemoryStoreOptions = {},
  ) {
    this.destination = new MemoryStore({ id: "destination.test", ...options });
    this.source = options.id === source.id && options.id !== undefined
      ? this.destination
      : new MemoryStore({ id: "source.test", ...source });
    this.#services = this.#fresh();
  }

  /** Forgets what the run has learned, as the next run would not know it. */
  nextRun(): void {
    this.#services = this.#fresh();
    this.source.calls.length = 0;
    this.destination.calls.length = 0;
  }

  async mirror(
    order: Order,
    options: Partial<MirrorOptions> = {},
  ): Promise<ImageResult> {
    return await mirrorImage(this.#job(order), this.#services, {
      ...EVERYTHING,
      ...options,
    });
  }

  async dryRun(
    order: Order,
    options: Partial<MirrorOptions> = {},
  ): Promise<ImageResult> {
    return await dryRunImage(this.#job(order), this.#services, {
      ...EVERYTHING,
      ...options,
    });
  }

  async validate(
    order: Order,
    options: Partial<MirrorOptions> = {},
  ): Promise<ImageResult> {
    return await validateImage(this.#job(order), this.#services, {
      ...EVERYTHING,
      depth: "bytes",
      ...options,
    });
  }

  #job({ sources, destination }: Order): ImageJob {
    return {
      task: {
        id: 1,
        lines: [1],
        texts: [""],
        sources: sources.map(addressOf),
        destination: addressOf(destination),
      },
      events: {
        warn: (message) => this.warnings.push(message),
        onBlob: (_digest, _size, how) => this.blobs.push(how),
      },
      signal: new AbortController().signal,
    };
  }

  #fresh(): RunServices {
    return {
      stores: {
        source: () => this.source,
        destination: () => this.destination,
      },
      endpoints: new EndpointChooser(),
      sparse: new SparseTrials(),
      blobs: new ContentLedger(),
      manifests: new ContentLedger(),
      mounts: new Mounts(),
      expected: { blob: new Expectation(), image: new Expectation() },
      digestChecks: new DigestChecks(),
      locks: new KeyedLock(),
      finder: new AttachmentFinder(),
      gate: new RequestGate({ maxPerHost: 6 }),
      attempts: () => ({
        failed: (error) => Promise.reject(error),
        progressed: () => {},
      }),
    };
  }
}

function addressOf(text: string): ImageAddress {
  const { registry, repository, tag, digest } = parseReference(
    `store.test/${text}`,
  );
  return { registry, repository, tag, digest };
}
