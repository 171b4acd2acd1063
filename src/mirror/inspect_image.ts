/**
 * Inspecting an image: its manifest, its config, and the summary that skopeo
 * prints.
 *
 * @module
 */

import type { Place } from "../copy/sides.ts";
import { HangarError, withContext } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import type { Reference } from "../names/reference.ts";
import type { Digest } from "../oci/digest.ts";
import {
  attestationSubject,
  type Descriptor,
  type ImageManifest,
  isImageConfigType,
  type Manifest,
  type ManifestContent,
  parseConfig,
  platformFromJson,
} from "../oci/manifest.ts";
import { parseContent, parseDescribed } from "../oci/parse_manifest.ts";
import {
  formatPlatform,
  matchesFilter,
  parsePlatformFilter,
} from "../oci/platform.ts";
import type { SourceStore } from "../oci/store.ts";
import type { ImageAddress } from "../names/address.ts";

/** Which image of an index is meant, and what the summary shows. */
export interface InspectOptions {
  readonly platform: {
    readonly os: string;
    readonly architecture: string;
    readonly variant?: string;
  };
  /** The name of the repository in the summary. @default {where it is read} */
  readonly name?: string;
  /** Whether the summary lists the tags of the repository. */
  readonly withTags: boolean;
}

/** An image, read as far as was asked for. */
export interface InspectedImage {
  readonly manifest: Manifest;
  /** Where it was read. */
  readonly place: Place<SourceStore>;
  /** The manifest under the reference, as the registry holds it. */
  readonly manifestBytes: Uint8Array;
  readonly digest: Digest;
  /** The image itself, or the chosen one of an index. */
  image(): Promise<ImageManifest>;
  /** The config of the image, or of the chosen one of an index. */
  configBytes(): Promise<Uint8Array>;
  /** The same, parsed; undefined when it is not an image config. */
  config(): Promise<JsonObject | undefined>;
  summary(): Promise<JsonObject>;
}

const MAX_CONFIG_BYTES = 4 * 1024 * 1024;
const MAX_TAG_PAGES = 1000;

/**
 * Reads what a reference points at.
 *
 * @throws {HangarError} `not-found`, or any fault of the registry
 */
export async function inspectImage(
  store: SourceStore,
  reference: Reference,
  options: InspectOptions,
  signal: AbortSignal,
): Promise<InspectedImage> {
  const { repository } = reference;
  const name = `${store.id}/${repository}`;
  const read = (digest: string, entry: Descriptor) =>
    readContent(
      store,
      { repository, which: digest },
      signal,
      (content) => parseDescribed(content, entry),
    );
  const top = await readContent(
    store,
    namedBy(reference),
    signal,
    parseContent,
  );
  let chosen: Promise<ImageManifest> | undefined;
  const image = () => chosen ??= choose(top, name, options, read);
  const configBytes = async () => {
    const { config } = await image();
    return await store.readBlob(repository, config, MAX_CONFIG_BYTES, {
      signal,
    });
  };
  const config = async () => {
    const { config } = await image();
    return isImageConfigType(config.mediaType)
      ? parseConfig(await configBytes(), config.digest)
      : undefined;
  };
  return {
    manifest: top,
    place: { store, repository },
    manifestBytes: top.content.bytes,
    digest: top.content.digest,
    image,
    configBytes,
    config,
    summary: async () => {
      const tags: string[] = [];
      if (options.withTags) {
        const pages = store.listTags(repository, {
          maxPages: MAX_TAG_PAGES,
          signal,
        });
        for await (const page of pages) for (const tag of page) tags.push(tag);
      }
      return summarize(
        options.name ?? name,
        reference,
        top,
        await image(),
        await config(),
        tags,
      );
    },
  };
}

/**
 * What a reference points at, byte for byte, whatever it is.
 *
 * @throws {HangarError} `not-found`, or any fault of the registry
 */
export async function readRaw(
  store: SourceStore,
  reference: Reference,
  signal: AbortSignal,
): Promise<Uint8Array> {
  return await readContent(
    store,
    namedBy(reference),
    signal,
    ({ bytes }) => bytes,
  );
}

/** One manifest of a repository, and what it is called in errors. */
interface NamedManifest {
  readonly repository: string;
  /** Tag or digest. */
  readonly which: string;
  /** @default {which} */
  readonly what?: string;
}

function namedBy(
  { repository, digest, tag = "latest" }: Reference,
): NamedManifest {
  return digest
    ? { repository, which: digest }
    : { repository, which: tag, what: `tag ${tag}` };
}

async function readContent<T>(
  store: SourceStore,
  { repository, which, what = which }: NamedManifest,
  signal: AbortSignal,
  use: (content: ManifestContent) => T,
): Promise<T> {
  const name = `${store.id}/${repository}`;
  try {
    const content = await store.getManifest(repository, which, { signal });
    if (content) return use(content);
  } catch (error) {
    throw withContext(`cannot read ${what} of ${name}`, error);
  }
  throw new HangarError("not-found", `${name} has no ${what}`, { status: 404 });
}

/** What a report says about an image. */
export interface ListedImage {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Empty for an artifact. */
  readonly platforms: readonly string[];
}

/**
 * Looks at an image for a report.
 *
 * @throws {HangarError} `not-found`, or any fault of the registry
 */
export async function inspectListEntry(
  store: SourceStore,
  image: ImageAddress,
  signal: AbortSignal,
): Promise<ListedImage> {
  const inspected = await inspectImage(
    store,
    image,
    { platform: { os: "linux", architecture: "amd64" }, withTags: false },
    signal,
  );
  return await listedImage(inspected);
}

/** The same for an image that is opened already. */
export async function listedImage(
  inspected: InspectedImage,
): Promise<ListedImage> {
  const { manifest } = inspected;
  const { mediaType } = manifest.content;
  if (manifest.kind === "index") {
    return {
      digest: inspected.digest,
      mediaType,
      platforms: platformsOf(manifest.entries),
    };
  }
  const config = await inspected.config();
  const platform = config && platformFromJson(config);
  return {
    digest: inspected.digest,
    mediaType,
    platforms: platform ? [formatPlatform(platform)] : [],
  };
}

async function choose(
  top: Manifest,
  name: string,
  { platform }: InspectOptions,
  read: (digest: string, entry: Descriptor) => Promise<Manifest>,
): Promise<ImageManifest> {
  if (top.kind === "image") return top;
  const { os, architecture, variant } = platform;
  const filter = parsePlatformFilter({
    architectures: [variant ? `${architecture}/${variant}` : architecture],
    oses: [os],
  });
  const entry = top.entries.find((e) =>
    e.platform !== undefined && attestationSubject(e) === undefined &&
    matchesFilter(filter, e.platform)
  );
  if (!entry) {
    throw new HangarError(
      "not-found",
      `${name} has no image for ${
        [os, architecture, variant].filter(Boolean).join("/")
      }`,
      {
        hint: `it has ${
          platformsOf(top.entries).join(", ") || "none with a platform"
        }: choose with --override-os, --override-arch and --override-variant`,
      },
    );
  }
  const manifest = await read(entry.digest, entry);
  if (manifest.kind === "image") return manifest;
  throw new HangarError(
    "unsupported-manifest",
    `${name}: ${entry.digest} is an index inside an index`,
    { hint: "inspect it by its digest" },
  );
}

function platformsOf(entries: readonly Descriptor[]): string[] {
  return entries.flatMap((entry) =>
    entry.platform && attestationSubject(entry) === undefined
      ? [formatPlatform(entry.platform)]
      : []
  );
}

// Field names and their order are those of `skopeo inspect`.
function summarize(
  name: string,
  reference: Reference,
  top: Manifest,
  image: ImageManifest,
  config: JsonObject | undefined,
  tags: readonly string[],
): JsonObject {
  const settings = config && isJsonObject(config["config"])
    ? config["config"]
    : {};
  return {
    Name: name,
    ...(reference.tag !== undefined && { Tag: reference.tag }),
    Digest: top.content.digest,
    RepoTags: tags,
    ...(config?.["created"] !== undefined && { Created: config["created"] }),
    DockerVersion: config?.["docker_version"] ?? "",
    Labels: settings["Labels"] ?? null,
    Architecture: config?.["architecture"] ?? "",
    Os: config?.["os"] ?? "",
    Layers: image.layers.map((layer) => layer.digest),
    LayersData: image.layers.map((layer) => ({
      MIMEType: layer.mediaType,
      Digest: layer.digest,
      Size: layer.size,
      Annotations: layer.annotations ?? null,
    })),
    Env: settings["Env"] ?? null,
    ...(top.kind === "index" && { Platforms: platformsOf(top.entries) }),
  };
}
