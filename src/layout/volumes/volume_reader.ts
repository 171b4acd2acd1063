/**
 * A set of volumes, to be read as one archive.
 *
 * @module
 */

import type { ByteReader } from "../../bytes.ts";
import type { Digest } from "../../oci/digest.ts";
import type { VolumeContent } from "../archive_record.ts";
import type { Content } from "../content.ts";
import type { MediumReader } from "../medium.ts";
import { notThere } from "../tar/tar_reader.ts";
import { isWhole, partPath } from "./assign_volumes.ts";

/** What holds the content of a volume. */
export type VolumeTar =
  & Pick<
    MediumReader,
    "name" | "sizeOf" | "open" | "readFile" | typeof Symbol.asyncDispose
  >
  & {
    /** The size of a file beside the content; undefined where it is not there. */
    fileSize(path: string): number | undefined;
    /** Opens a part of a file beside the content. */
    openFile(
      path: string,
      part: { readonly offset: number; readonly size: number },
    ): Promise<ByteReader>;
  };

/** A part, and the volume that holds it. */
interface PlacedPart extends VolumeContent {
  readonly volume: VolumeTar;
}

/** Reads the volumes of a set. */
export class VolumeSetReader implements MediumReader {
  readonly name: string;
  readonly #volumes: ReadonlyMap<number, VolumeTar>;
  readonly #parts = new Map<Digest, PlacedPart[]>();

  /**
   * @param volumes those that are there, by their numbers from 1
   * @param contents what each of all volumes holds; the first is volume 1
   */
  constructor(
    name: string,
    volumes: ReadonlyMap<number, VolumeTar>,
    contents: readonly (readonly VolumeContent[])[],
  ) {
    this.name = name;
    this.#volumes = volumes;
    for (const [i, parts] of contents.entries()) {
      const volume = volumes.get(i + 1);
      if (!volume) continue;
      for (const part of parts) this.#add({ ...part, volume });
    }
    for (const parts of this.#parts.values()) {
      parts.sort((a, b) => a.offset - b.offset);
    }
  }

  async sizeOf(digest: Digest): Promise<number | undefined> {
    const parts = await this.#wholeParts(digest);
    return parts?.[0]?.size;
  }

  async open(content: Content, offset: number): Promise<ByteReader> {
    const parts = await this.#wholeParts(content.digest);
    if (!parts) throw notThere(content.digest, this.name);
    return joined(parts, offset);
  }

  async readFile(path: string, limit: number): Promise<Uint8Array | undefined> {
    const [first] = this.#volumes.values();
    return await first?.readFile(path, limit);
  }

  async *contents(): AsyncIterable<Content> {
    for (const [digest, parts] of this.#parts) {
      if (await this.#wholeParts(digest)) {
        yield { digest, size: parts[0]!.size };
      }
    }
  }

  filesOf(digest: Digest): readonly string[] {
    return (this.#parts.get(digest) ?? []).map(({ volume }) => volume.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const volume of this.#volumes.values()) {
      await volume[Symbol.asyncDispose]();
    }
  }

  #add(part: PlacedPart): void {
    const parts = this.#parts.get(part.digest);
    if (parts) parts.push(part);
    else this.#parts.set(part.digest, [part]);
  }

  /** The parts of some content; undefined where one is missing. */
  async #wholeParts(digest: Digest): Promise<PlacedPart[] | undefined> {
    const parts = this.#parts.get(digest);
    if (!parts) return undefined;
    let end = 0;
    for (const part of parts) {
      if (part.offset !== end || part.size !== parts[0]!.size) return undefined;
      if (await sizeIn(part) !== part.length) return undefined;
      end += part.length;
    }
    return end === parts[0]!.size ? parts : undefined;
  }
}

async function sizeIn(part: PlacedPart): Promise<number | undefined> {
  return isWhole(part)
    ? await part.volume.sizeOf(part.digest)
    : part.volume.fileSize(partPath(part));
}

/** One reader of all parts, from an offset in the content on. */
function joined(parts: readonly PlacedPart[], offset: number): ByteReader {
  const left = parts.filter((part) => part.offset + part.length > offset);
  let reader: ByteReader | undefined;
  let isFirst = true;
  return {
    read: async () => {
      while (true) {
        const piece = await reader?.read();
        if (piece) return piece;
        const part = left.shift();
        if (!part) return undefined;
        reader = await openPart(part, isFirst ? offset - part.offset : 0);
        isFirst = false;
      }
    },
    cancel: async () => {
      left.length = 0;
      await reader?.cancel();
    },
  };
}

async function openPart(part: PlacedPart, offset: number): Promise<ByteReader> {
  return isWhole(part)
    ? await part.volume.open(part, offset)
    : await part.volume.openFile(partPath(part), {
      offset,
      size: part.length - offset,
    });
}
