/**
 * What the images of an archive are made of: the manifests below a descriptor,
 * and the blobs that they name.
 *
 * @module
 */

import { describeError, HangarError } from "../errors.ts";
import { type Digest, verifyBytes } from "../oci/digest.ts";
import {
  attestationSubject,
  depthInside,
  type Descriptor,
  isImageConfigType,
  isIndexType,
  type Manifest,
  MAX_MANIFEST_BYTES,
  parseConfig,
  platformFromJson,
} from "../oci/manifest.ts";
import { subjectOf } from "../oci/attachment.ts";
import { parseDescribed } from "../oci/parse_manifest.ts";
import { formatPlatform } from "../oci/platform.ts";
import type { Content } from "./content.ts";
import type { MediumReader } from "./medium.ts";

/** The most manifests of one image. */
const MAX_MANIFESTS = 10_000;

/** Configs are a few KB; one with a long history stays far below this. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/** Content that an image lacks, or that is damaged. */
export interface TreeFault {
  readonly digest: Digest;
  /** What is wrong, as a finding says it. */
  readonly text: string;
}

/** An image of an archive. */
export interface ImageTree {
  /** Its manifests, its own first. */
  readonly manifests: readonly Content[];
  /** Its configs and layers. */
  readonly blobs: readonly Content[];
  /** Content that is not there, and that another archive or registry has. */
  readonly leftOut: readonly Content[];
  /** The platforms that are there, in the order of its index. */
  readonly platforms: readonly string[];
  /** Whether BuildKit's attestations are there. */
  readonly hasAttestations: boolean;
  /** The children of its own index, and how many of them are not there. */
  readonly children?: {
    readonly present: readonly Digest[];
    readonly absent: number;
    /** Those of the absent that are no attestations. */
    readonly absentPlatforms: number;
  };
  /** What its own manifest refers to. */
  readonly subject?: Digest;
  readonly faults: readonly TreeFault[];
}

/**
 * The children of an image's own index that must be there: some, all, or
 * undefined where any of them may be absent.
 */
export type ExpectedChildren = ReadonlySet<string> | "all" | undefined;

/** What trees are read from. */
export type TreeSource = Pick<MediumReader, "sizeOf" | "open">;

/** Reads small content whole, and checks it. */
async function readContent(
  source: TreeSource,
  content: Content,
  limit: number,
): Promise<Uint8Array> {
  if (content.size > limit) {
    throw new HangarError(
      "too-large",
      `it has ${content.size} bytes, the limit is ${limit}`,
    );
  }
  const bytes = new Uint8Array(content.size);
  const reader = await source.open(content, 0);
  let at = 0;
  try {
    for (let piece; (piece = await reader.read());) {
      bytes.set(piece.subarray(0, bytes.length - at), at);
      at += piece.byteLength;
      if (at > bytes.length) break;
    }
  } finally {
    await reader.cancel();
  }
  if (at !== content.size) {
    throw new HangarError(
      "content-mismatch",
      `it has ${at > content.size ? "more" : at} of its ${content.size} bytes`,
    );
  }
  verifyBytes(bytes, content);
  return bytes;
}

/** Reads the trees of an archive's images. */
export class TreeReader {
  readonly #source: TreeSource;
  readonly #leftOut: ReadonlySet<Digest>;

  /** @param leftOut content that the archive says others have */
  constructor(source: TreeSource, leftOut: Iterable<Content> = []) {
    this.#source = source;
    this.#leftOut = new Set([...leftOut].map(({ digest }) => digest));
  }

  /** Reads the image that a descriptor stands for. What is wrong is a fault. */
  async read(
    top: Descriptor,
    expected?: ExpectedChildren,
  ): Promise<ImageTree> {
    const walk = new TreeWalk(this.#source, this.#leftOut, expected);
    await walk.manifest(top, 0);
    return walk.tree();
  }
}

/** One image. */
class TreeWalk {
  readonly #source: TreeSource;
  readonly #away: ReadonlySet<Digest>;
  readonly #manifests = new Map<Digest, Content>();
  readonly #blobs = new Map<Digest, Content>();
  readonly #leftOut = new Map<Digest, Content>();
  readonly #platforms = new Set<string>();
  readonly #faults = new Map<Digest, string>();
  readonly #expected: ExpectedChildren;
  #hasAttestations = false;
  #children?: ImageTree["children"];
  #subject?: Digest;

  constructor(
    source: TreeSource,
    away: ReadonlySet<Digest>,
    expected: ExpectedChildren,
  ) {
    this.#source = source;
    this.#away = away;
    this.#expected = expected;
  }

  tree(): ImageTree {
    return {
      manifests: [...this.#manifests.values()],
      blobs: [...this.#blobs.values()],
      leftOut: [...this.#leftOut.values()],
      platforms: [...this.#platforms],
      hasAttestations: this.#hasAttestations,
      children: this.#children,
      subject: this.#subject,
      faults: [...this.#faults].map(([digest, text]) => ({ digest, text })),
    };
  }

  /** Takes a manifest and what is below it. */
  async manifest(named: Descriptor, depth: number): Promise<void> {
    const { digest } = named;
    if (this.#manifests.has(digest)) return;
    if (this.#manifests.size >= MAX_MANIFESTS) {
      this.#faults.set(
        digest,
        `refused: the image leads to more than ${MAX_MANIFESTS} manifests`,
      );
      return;
    }
    const isThere = await this.#take(named, this.#manifests, "manifest");
    this.#tellPlatform(named);
    if (!isThere) return;
    try {
      const bytes = await readContent(this.#source, named, MAX_MANIFEST_BYTES);
      const manifest = parseDescribed(
        { mediaType: named.mediaType, digest, bytes },
        named,
      );
      if (depth === 0) this.#subject = subjectOf(manifest);
      await this.#below(manifest, named, depth);
    } catch (error) {
      if (!(error instanceof HangarError)) throw error;
      this.#faults.set(
        digest,
        `damaged: manifest ${digest}: ${describeError(error)}`,
      );
    }
  }

  async #below(
    manifest: Manifest,
    named: Descriptor,
    depth: number,
  ): Promise<void> {
    const { digest } = named;
    if (manifest.kind === "index") {
      const inner = depthInside(depth, digest);
      const present: Descriptor[] = [];
      const absent: Descriptor[] = [];
      for (const entry of manifest.entries) {
        const isThere = await this.#isMeant(entry, depth);
        (isThere ? present : absent).push(entry);
      }
      if (depth === 0) {
        this.#children = {
          present: present.map(({ digest }) => digest),
          absent: absent.length,
          absentPlatforms: absent.filter((entry) =>
            attestationSubject(entry) === undefined
          ).length,
        };
      }
      for (const entry of present) await this.manifest(entry, inner);
      return;
    }
    const { config, layers } = manifest;
    for (const blob of [config, ...layers]) {
      // Foreign layers are where their URLs say.
      if (blob.urls?.length && !await this.#size(blob)) continue;
      await this.#take(blob, this.#blobs, "blob");
    }
    if (!named.platform && isImageConfigType(config.mediaType)) {
      await this.#readPlatform(config);
    }
  }

  /** An archive may hold some children of an index, and name the others. */
  async #isMeant({ digest }: Descriptor, depth: number): Promise<boolean> {
    const expected = this.#expected;
    if (expected === "all" || (expected && depth > 0)) return true;
    if (expected) return expected.has(digest);
    return this.#away.has(digest) ||
      await this.#source.sizeOf(digest) !== undefined;
  }

  async #size({ digest }: Content): Promise<number | undefined> {
    return await this.#source.sizeOf(digest);
  }

  /** Notes content; whether it is there. */
  async #take(
    content: Content,
    kind: Map<Digest, Content>,
    name: string,
  ): Promise<boolean> {
    const { digest, size } = content;
    if (kind.has(digest) || this.#leftOut.has(digest)) return kind.has(digest);
    const held = await this.#size(content);
    if (held === size) {
      kind.set(digest, { digest, size });
      return true;
    }
    if (held === undefined && this.#away.has(digest)) {
      this.#leftOut.set(digest, { digest, size });
      return false;
    }
    this.#faults.set(
      digest,
      held === undefined
        ? `missing: ${name} ${digest} of ${size} bytes`
        : `damaged: ${name} ${digest} has ${held} bytes of its ${size}`,
    );
    return false;
  }

  #tellPlatform(named: Descriptor): void {
    if (attestationSubject(named) !== undefined) this.#hasAttestations = true;
    else if (named.platform && !isIndexType(named.mediaType)) {
      this.#platforms.add(formatPlatform(named.platform));
    }
  }

  async #readPlatform(config: Descriptor): Promise<void> {
    if (!this.#blobs.has(config.digest)) return;
    try {
      const bytes = await readContent(this.#source, config, MAX_CONFIG_BYTES);
      const platform = platformFromJson(parseConfig(bytes, config.digest));
      if (platform) this.#platforms.add(formatPlatform(platform));
    } catch (error) {
      if (!(error instanceof HangarError)) throw error;
      this.#faults.set(
        config.digest,
        `damaged: blob ${config.digest}: ${describeError(error)}`,
      );
    }
  }
}
