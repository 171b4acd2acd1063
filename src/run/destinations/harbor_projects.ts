/**
 * `--create-project`: the projects of destinations that are Harbor.
 *
 * @module
 */

import {
  type ImageAddress,
  type RegistryAddress,
  registryOf,
} from "../../names/address.ts";
import type { MirrorPlan } from "../../mirror/plan/plan_mirror.ts";
import type { Console } from "../../report/console.ts";
import { allOf } from "../../together.ts";
import type { Network } from "../network/network.ts";

/** The project of a repository in Harbor: the first part of its name. */
interface Project {
  readonly registry: RegistryAddress;
  readonly project: string;
  /** `host/project` */
  readonly key: string;
}

function projectOf(image: ImageAddress): Project {
  const { registry: host, repository } = image;
  const project = repository.slice(0, Math.max(0, repository.indexOf("/")));
  return { registry: registryOf(image), project, key: `${host}/${project}` };
}

/** Makes the projects that a run needs, or tells which it would make. */
export class NeededProjects {
  readonly #dryRun: boolean;
  readonly #absent = new Set<string>();

  /** @param dryRun makes none */
  constructor(dryRun: boolean) {
    this.#dryRun = dryRun;
  }

  /** Whether an image is in a project that a dry run would have made. */
  isAbsent(image: ImageAddress): boolean {
    return this.#absent.has(projectOf(image).key);
  }

  /**
   * Looks for the projects of a plan's destinations, and makes the missing
   * ones.
   */
  async provide(
    network: Pick<Network, "projects">,
    { tasks }: MirrorPlan,
    console: Console,
    signal: AbortSignal,
  ): Promise<void> {
    const wanted = new Map<string, Project>();
    for (const { destination, refusal, skip } of tasks) {
      const project = projectOf(destination);
      if (refusal || skip !== undefined || project.project === "") continue;
      wanted.set(project.key, project);
    }
    await allOf([...wanted.values()].map(async (wanted) => {
      const { registry, project, key } = wanted;
      const projects = await network.projects(registry);
      if (!this.#dryRun) {
        if (await projects.ensure(project, signal)) {
          console.info(`Created project ${project} in ${registry.host}`);
        }
      } else if (!await projects.hasForSure(project, signal)) {
        console.info(`Would create project ${project} in ${registry.host}`);
        this.#absent.add(key);
      }
    }));
  }
}
