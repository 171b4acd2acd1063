/**
 * One image while it is worked on: its task, its two sides, and its result.
 *
 * @module
 */

import type { Company } from "../copy/fan_out/company.ts";
import type { CopyEvents, CopyServices } from "../copy/copy_services.ts";
import { SharedSource } from "../copy/fan_out/shared_source.ts";
import type { SharedSources } from "../copy/fan_out/shared_sources.ts";
import type { DestinationSide } from "../copy/destination_side.ts";
import { RecentSources } from "../copy/recent_source.ts";
import type { SourceSide } from "../copy/sides.ts";
import type { ImageAddress } from "../names/address.ts";
import type { Digest } from "../oci/digest.ts";
import type { DestinationStore, SourceStore } from "../oci/store.ts";
import { allOf } from "../together.ts";
import type { SparseTrials } from "./decide/sparse_trials.ts";
import type { EndpointChooser } from "./endpoints.ts";
import type {
  ImageMerge,
  ImagePhase,
  ImagePlan,
  NothingSelected,
  OutcomeKind,
  PlatformDigest,
  SparseIndex,
} from "./events.ts";
import type { MirrorTask } from "./plan/plan_mirror.ts";

/** The stores that images are read from and written to. */
export interface Stores {
  readonly source: (image: ImageAddress) => SourceStore;
  readonly destination: (image: ImageAddress) => DestinationStore;
}

/** What all images of a run share. */
export interface RunServices extends CopyServices {
  readonly stores: Stores;
  /** Set where every image goes to several destinations. */
  readonly sharedSources?: SharedSources;
  /** Set where several lines may name one image. */
  readonly recentSources?: RecentSources;
  readonly endpoints: EndpointChooser;
  readonly sparse: SparseTrials;
  /**
   * How many pulls the registry of an image allows, by its last answer.
   *
   * @default {no registry says}
   */
  readonly pullsLeft?: (image: ImageAddress) => number | undefined;
  /** Waits so many ms. @default {a timer} */
  readonly wait?: (
    ms: number,
    options: { readonly signal: AbortSignal },
  ) => Promise<void>;
}

/** The services for an image: others may read its sources, too. */
export function servicesFor<S extends RunServices>(
  services: S,
  { task: { place }, company }: ImageJob,
): S {
  const { sharedSources, recentSources, stores } = services;
  const source = (image: ImageAddress) => {
    const store = stores.source(image);
    return place !== undefined && company && sharedSources?.mayShare(store)
      ? new SharedSource(store, sharedSources, { place, company })
      : recentSources?.around(store, image.repository) ?? store;
  };
  return { ...services, stores: { ...stores, source } };
}

/** What is remembered of the sources of a plan. */
export function recentSources(tasks: readonly MirrorTask[]): RecentSources {
  const written = tasks.flatMap(({ destination, settings }) => [
    destination,
    ...settings?.referrerTarget ? [settings.referrerTarget] : [],
  ]);
  return new RecentSources(
    written.map(({ registry, repository }) => `${registry}/${repository}`),
  );
}

/** What one image reports while it is worked on. */
export interface ImageEvents extends CopyEvents {
  /** Another phase begins; the first is `checking`. */
  onPhase?(phase: ImagePhase): void;
}

/** The task, where its events go, and the signal that ends it. */
export interface ImageJob {
  readonly task: MirrorTask;
  readonly events: ImageEvents;
  readonly signal: AbortSignal;
  /** The other destinations of its line, where there are several. */
  readonly company?: Company;
  /**
   * Called when only a last look at the destination is left to do.
   *
   * @default {the next image waits for the end of this one}
   */
  readonly letNextBegin?: () => void;
  /**
   * Does work whose time does not count for the image's timeout.
   *
   * @default {all time counts}
   */
  readonly untimed?: <T>(work: () => Promise<T>) => Promise<T>;
}

/** A job whose sides are open. */
export interface ImageRun extends ImageJob {
  /** In the order of the task, each read where it was found. */
  readonly sources: readonly SourceSide[];
  readonly destination: DestinationSide;
  /** Where referrers are and go to, where that is not where the image does. */
  readonly referrerSides?: ReferrerSides;
  /**
   * Whether the registry of an image counts the manifests that are read.
   *
   * @default {none does}
   */
  readonly hasQuota?: (image: ImageAddress) => boolean;
}

/** Where referrers are, and where they go. */
export interface ReferrerSides {
  readonly source: SourceSide;
  readonly destination: DestinationSide;
}

/** The result for an image. */
export interface ImageResult {
  readonly kind: OutcomeKind;
  /** What the destination reference points at now. */
  readonly digest?: Digest;
  /** What the sources' references point at, in their order. */
  readonly sourceDigests?: readonly Digest[];
  /** What is missing or different at the destination, one thing each. */
  readonly findings?: readonly string[];
  /** What the index has, or would have: one manifest for each platform. */
  readonly platforms?: readonly PlatformDigest[];
  /** Set when the tag's index is, or would be, one that no source has. */
  readonly merge?: ImageMerge;
  /** Set when the tag's index is a source's, of which not all is there. */
  readonly sparse?: SparseIndex;
  /** Set where nothing was selected. */
  readonly nothing?: NothingSelected;
  /** The result of a dry run. */
  readonly plan?: ImagePlan;
  /** Signatures and referrers that a dry run would copy for what is there. */
  readonly attachments?: number;
}

/**
 * The most manifests read at one source for one image; real images need a few
 * dozen.
 */
export const MAX_MANIFESTS = 2_000;

/** How the sides are opened. */
export interface OpenOptions {
  /** As in {@linkcode DestinationSide}. @default {false} */
  readonly recheck?: boolean;
}

/**
 * Opens both sides. A source may be in several places: the first that has it is
 * opened.
 */
export async function openImage(
  job: ImageJob,
  services: RunServices,
  options: OpenOptions = {},
): Promise<ImageRun> {
  const { task, events, signal } = job;
  const { stores, endpoints, pullsLeft } = services;
  const sources = await allOf(task.sources.map(async (image) => {
    const place = await endpoints.choose(image, {
      reader: stores.source,
      warn: (message) => events.warn(message),
      signal,
    });
    return {
      store: stores.source(place),
      repository: place.repository,
      blobs: new Map(),
      manifests: new Map(),
      allowance: { manifests: MAX_MANIFESTS },
      withForeignLayers: task.settings?.includeExternal,
    };
  }));
  const destination = openDestination(job, services, options);
  return {
    ...job,
    sources,
    destination,
    referrerSides: referrerSides(job, services, { sources, destination }),
    hasQuota: (image) => pullsLeft?.(image) !== undefined,
  };
}

function referrerSides(
  { task: { settings, destination: place } }: ImageJob,
  { stores }: RunServices,
  { sources, destination }: Pick<ImageRun, "sources" | "destination">,
): ReferrerSides | undefined {
  const { referrerSource, referrerTarget } = settings ?? {};
  if (!referrerSource && !referrerTarget) return undefined;
  return {
    source: referrerSource
      ? {
        store: stores.source(referrerSource),
        repository: referrerSource.repository,
        blobs: new Map(),
        manifests: new Map(),
        allowance: { manifests: MAX_MANIFESTS },
      }
      : sources[0]!,
    destination: referrerTarget
      ? {
        ...destination,
        store: stores.destination(
          referrerTarget.registry === place.registry
            ? { ...referrerTarget, reach: place.reach }
            : referrerTarget,
        ),
        repository: referrerTarget.repository,
      }
      : destination,
  };
}

/** Opens the destination alone. */
export function openDestination(
  { task, events }: ImageJob,
  services: RunServices,
  { recheck }: OpenOptions = {},
): DestinationSide {
  const { destination } = task;
  return {
    store: services.stores.destination(destination),
    repository: destination.repository,
    services,
    events,
    recheck,
  };
}
