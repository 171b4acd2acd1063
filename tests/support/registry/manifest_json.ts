/**
 * The parts of a manifest that a registry looks at.
 *
 * @module
 */

/** What a manifest needs to be there. */
export interface References {
  readonly children: readonly string[];
  readonly blobs: readonly string[];
  /** Blobs with `urls`, which clients have from elsewhere. */
  readonly foreign: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** One manifest, parsed. */
export class ManifestJson {
  readonly #json: Json;

  /** @throws {Error} where the bytes are no JSON object */
  constructor(bytes: Uint8Array) {
    const json: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (!isObject(json)) throw new Error("no JSON object");
    this.#json = json;
  }

  get mediaType(): unknown {
    return this.#json["mediaType"];
  }

  /** The digest of what it refers to. */
  get subject(): string | undefined {
    const { subject } = this.#json;
    return isObject(subject) ? textOf(subject["digest"]) : undefined;
  }

  /** Its own, or the media type of its config. */
  get artifactType(): string | undefined {
    const { artifactType, config } = this.#json;
    return textOf(artifactType) ??
      (isObject(config) ? textOf(config["mediaType"]) : undefined);
  }

  get annotations(): Json | undefined {
    const { annotations } = this.#json;
    return isObject(annotations) ? annotations : undefined;
  }

  /** @throws {Error} where it is neither an image nor an index */
  references(): References {
    const { manifests, config, layers } = this.#json;
    if (Array.isArray(manifests)) {
      return { children: manifests.map(digestOf), blobs: [], foreign: [] };
    }
    if (!Array.isArray(layers)) throw new Error("no layers");
    const isForeign = (layer: unknown) => isObject(layer) && !!layer["urls"];
    return {
      children: [],
      blobs: [
        digestOf(config),
        ...layers.filter((layer) => !isForeign(layer)).map(digestOf),
      ],
      foreign: layers.filter(isForeign).map(digestOf),
    };
  }
}

function digestOf(descriptor: unknown): string {
  const digest = isObject(descriptor) && textOf(descriptor["digest"]);
  if (!digest) throw new Error("a descriptor without a digest");
  return digest;
}
