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

/** Longer texts are no references. */
const MAX_REFERENCE = 512;

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
 * lists of these. Image volumes count as well, and what an operator's object
 * names with registry and tag (`spec.image` of a Prometheus).
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

/**
 * @param isOperated whether it is in the spec of an object that is not of
 * Kubernetes itself
 */
function walk(
  value: YamlValue,
  collector: ImageCollector,
  isOperated = false,
): void {
  if (value.isList) {
    for (const item of value.list()) walk(item, collector, isOperated);
    return;
  }
  if (!value.isMap) return;
  const values = value.map();
  const isPod = CONTAINERS.some((key) => values.get(key)?.isList);
  const isCustom = isOfOperator(values);
  for (const [key, child] of values) {
    if (CONTAINERS.includes(key) && child.isList) {
      for (const container of child.list()) imageOf(container, collector);
    } else if (isPod && key === "volumes" && child.isList) {
      for (const volume of child.list()) volumeOf(volume, collector);
    } else if (isOperated && key === "image" && isFullReference(child)) {
      collector.add(child);
    } else walk(child, collector, isOperated || (isCustom && key === "spec"));
  }
}

/** The groups of Kubernetes itself: `apps`, `batch`, `networking.k8s.io`. */
const OWN_GROUP = /^(?:[^./]+|[^/]+\.k8s\.io)$/;

/** Whether an object is of a kind that an operator knows. */
function isOfOperator(values: ReadonlyMap<string, YamlValue>): boolean {
  const [version, kind] = [values.get("apiVersion"), values.get("kind")];
  if (!version?.isText || !kind?.isText) return false;
  const [group = "", ...rest] = version.text().split("/");
  return rest.length === 1 && !OWN_GROUP.test(group);
}

/** `quay.io/team/app:1`: what else an `image` may be, such as a file, is not. */
const FULL_REFERENCE =
  /^(?:[\w-]+(?:\.[\w-]+)+|localhost|[\w.-]+(?=:\d))(?::\d+)?\/[^\s:@]+(?::[\w][\w.-]*)?(?:@[\w+.-]+:[0-9a-f]+)?$/;

/** Whether it names an image with registry, and with tag or digest. */
function isFullReference(value: YamlValue): boolean {
  if (!value.isText) return false;
  const text = value.text();
  const name = text.slice(text.lastIndexOf("/") + 1);
  return text.length <= MAX_REFERENCE && /[:@]/.test(name) &&
    FULL_REFERENCE.test(text);
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
