/**
 * Kubernetes manifests: every image that their pods name.
 *
 * @module
 */

import { describeError } from "../../errors.ts";
import { parseReference } from "../../names/reference.ts";
import type { ImageList, InvalidLine, ListEntry } from "../image_list.ts";
import type { YamlValue } from "./yaml_values.ts";

/** The lists of containers in a pod's spec. */
const CONTAINERS = ["containers", "initContainers", "ephemeralContainers"];

/** Whether a document is an object of Kubernetes, or a list of them. */
export function isKubernetes(document: YamlValue): boolean {
  if (!document.isMap) return false;
  const values = document.map();
  return values.has("apiVersion") && values.has("kind");
}

/** Collects the images that a file names, each once. */
export class ImageCollector {
  readonly #entries: ListEntry[] = [];
  readonly #invalid: InvalidLine[] = [];
  readonly #seen = new Set<string>();

  /**
   * Takes the value of an `image`.
   *
   * @param written what it says
   */
  add(value: YamlValue, written = value.text()): void {
    const text = written.trim();
    if (text === "" || this.#seen.has(text)) return;
    this.#seen.add(text);
    const { line } = value;
    try {
      const source = parseReference(text);
      const ordinal = this.#entries.length + 1;
      this.#entries.push({ line, ordinal, text, source });
    } catch (error) {
      this.#invalid.push({ line, text, reason: describeError(error) });
    }
  }

  list(name: string): ImageList {
    return { name, entries: this.#entries, invalid: this.#invalid };
  }
}

/**
 * Reads documents, as of `helm template` or `kubectl get -o yaml`: pods, what
 * has a pod template (Deployments, CronJobs, also those of operators), and
 * lists of these. Image volumes count as well.
 *
 * @throws {HangarError} `usage`, naming key and line
 */
export function readKubernetes(
  documents: readonly YamlValue[],
  name: string,
): ImageList {
  const collector = new ImageCollector();
  for (const document of documents) {
    if (document.isMap || document.isList) walk(document, collector);
  }
  return collector.list(name);
}

function walk(value: YamlValue, collector: ImageCollector): void {
  if (value.isList) {
    for (const item of value.list()) walk(item, collector);
    return;
  }
  if (!value.isMap) return;
  const values = value.map();
  const isPod = CONTAINERS.some((key) => values.get(key)?.isList);
  for (const [key, child] of values) {
    if (CONTAINERS.includes(key) && child.isList) {
      for (const container of child.list()) imageOf(container, collector);
    } else if (isPod && key === "volumes" && child.isList) {
      for (const volume of child.list()) volumeOf(volume, collector);
    } else walk(child, collector);
  }
}

function imageOf(container: YamlValue, collector: ImageCollector): void {
  const image = container.isMap ? container.map().get("image") : undefined;
  if (image?.isText) collector.add(image);
}

/** `volumes[].image.reference` */
function volumeOf(volume: YamlValue, collector: ImageCollector): void {
  const image = volume.isMap ? volume.map().get("image") : undefined;
  const reference = image?.isMap ? image.map().get("reference") : undefined;
  if (reference?.isText) collector.add(reference);
}
