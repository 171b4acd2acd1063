/**
 * Where the images of a list are, with what the flags replace.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import type { ListEntry } from "../../lists/image_list.ts";
import {
  type ImageAddress,
  imageAt,
  type RegistryAddress,
} from "../../names/address.ts";
import { DOCKER_HUB } from "../../names/docker_hub.ts";
import { formatReference, type Reference } from "../../names/reference.ts";

/** Where images really are, by registries.conf or in an archive. */
export interface Routes {
  /**
   * Whether no source is read from where its name says: then its name may be
   * that of its destination.
   *
   * @default {false}
   */
  readonly areElsewhere?: boolean;
  /**
   * The places to read an image from, in the order in which to try.
   *
   * @throws {HangarError} `blocked`
   */
  pullFrom(image: ImageAddress): readonly ImageAddress[];
  /**
   * The place to write an image to: the same, with how to reach it.
   *
   * @throws {HangarError} `blocked`
   */
  pushTo(image: ImageAddress): ImageAddress;
}

/** What replaces parts of every source or destination. */
export interface PlanOptions {
  readonly source?: RegistryAddress;
  readonly sourceProject?: string;
  readonly destination?: RegistryAddress;
  readonly destinationProject?: string;
  /** @default {every image is where its name says} */
  readonly routes?: Routes;
}

interface Split {
  /** First path component; undefined for a bare name. */
  readonly project?: string;
  readonly name: string;
}

function split(repository: string): Split {
  const slash = repository.indexOf("/");
  return slash < 0 ? { name: repository } : {
    project: repository.slice(0, slash),
    name: repository.slice(slash + 1),
  };
}

function join(project: string | undefined, name: string): string {
  return project === undefined ? name : `${project}/${name}`;
}

/** What a list says of an image's place: of one tag, or of a repository. */
export type Placed =
  & Pick<ListEntry, "destination" | "line">
  & { readonly source: Reference };

/** Where a list entry is read from. */
export function sourceAddress(
  { source }: Pick<Placed, "source">,
  options: PlanOptions,
): ImageAddress {
  const { project, name } = split(source.repository);
  return imageAt(options.source ?? { host: source.registry }, {
    ...source,
    repository: join(options.sourceProject ?? project, name),
  });
}

/**
 * Where a list entry is written to.
 *
 * @throws {HangarError} `usage` when neither the line nor the options say it
 */
export function destinationOf(
  { source, destination, line }: Placed,
  options: PlanOptions,
  listName: string,
): ImageAddress {
  if (!destination && !options.destination) {
    refuseElsewhere(source, options, `${listName}:${line}`);
  }
  const named = destination ?? source;
  const { project, name } = split(named.repository);
  return imageAt(options.destination ?? { host: named.registry }, {
    ...source,
    tag: destination?.tag ?? source.tag,
    repository: join(
      options.destinationProject ?? project ??
        // A destination in the list is used as it is written.
        (destination ? undefined : "library"),
      name,
    ),
  });
}

/**
 * Refuses what is not of Docker Hub, or is read elsewhere: nobody means to push
 * images of a company to the public Hub.
 */
function refuseElsewhere(
  source: Reference,
  options: PlanOptions,
  place: string,
): void {
  const image = [source, sourceAddress({ source }, options)].find((image) =>
    image.registry !== DOCKER_HUB
  );
  if (!image) return;
  throw new HangarError(
    "usage",
    `${place}: ${
      formatReference(image)
    } does not come from docker.io, so where it goes must be said`,
    { hint: "give --destination, or SOURCE DESTINATION TAG in the line" },
  );
}
