/**
 * A list in YAML, of the kind that its keys show.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import type { ImageList } from "../image_list.ts";
import { type ReadListOptions, refuseScoped } from "../read_options.ts";
import { isCompose, readCompose } from "./compose.ts";
import { isKubernetes, readKubernetes } from "./kubernetes.ts";
import { isRegsync, readRegsync } from "./regsync.ts";
import { isSkopeoSync, readSkopeoSync } from "./skopeo_sync.ts";
import { YamlValue } from "./yaml_values.ts";

/**
 * Reads the list.
 *
 * @throws {HangarError} `usage`, naming key and line
 */
export async function readYamlList(
  text: string,
  name: string,
  { sources, skopeo = {} }: ReadListOptions,
): Promise<ImageList> {
  const documents = YamlValue.parse(text, name);
  const [first, ...more] = documents.filter((d) => !d.isEmpty);
  const isOne = first !== undefined && more.length === 0;
  if (skopeo.scoped && !(isOne && isSkopeoSync(first))) refuseScoped(name);
  if (isOne) {
    if (isRegsync(first)) return await readRegsync(first, sources);
    if (isCompose(first)) return readCompose(first, sources.env);
    if (!isKubernetes(first) && isSkopeoSync(first)) {
      return readSkopeoSync(first, skopeo);
    }
  }
  if ([first, ...more].some((document) => document && isKubernetes(document))) {
    return readKubernetes(documents, name);
  }
  const [second] = more;
  if (second && [first, ...more].some((d) => d && isRegsync(d))) {
    second.refuse("a regsync.yaml is one document, and here begins another");
  }
  throw new HangarError(
    "usage",
    `${name} is YAML, but no list that hangar knows: neither a regsync.yaml nor a skopeo sync file, nor Kubernetes manifests or a compose file`,
  );
}
