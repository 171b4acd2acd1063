/**
 * An archive of Go hangar, read as the layout that it could have been. It is a
 * zip with `index.json`, a list of images, and their content as
 * `share/ALGORITHM/HEX`. What else is in it is not needed.
 *
 * @module
 */

import { type ByteReader, bytesReader } from "../../bytes.ts";
import { HangarError, withContext } from "../../errors.ts";
import { formatReference } from "../../names/reference.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { MediaType } from "../../oci/manifest.ts";
import type { Content } from "../content.ts";
import type { MediumReader } from "../medium.ts";
import type { RandomAccess } from "../random_access.ts";
import {
  type GoIndex,
  type GoManifest,
  MAX_GO_INDEX_BYTES,
  parseGoIndex,
  type RefusedItem,
} from "./go_index.ts";
import { savedImage } from "./saved_image.ts";
import { ZipFile } from "./zip_file.ts";

const INDEX = "index.json";

/** An image of the archive. */
export interface GoImage {
  /** `REGISTRY/REPOSITORY:TAG` */
  readonly name: string;
  /** Of what the tag stands for: a manifest, or an index of those saved. */
  readonly top: Descriptor;
}

/** An archive of Go hangar, opened for reading. */
export class GoArchive implements MediumReader {
  readonly name: string;
  /** In the order of the archive, each reference once. */
  readonly images: readonly GoImage[];
  /** What the archive lists and nobody can load. */
  readonly refused: readonly RefusedItem[];
  /** When it was begun, as it was written. */
  readonly time?: string;
  readonly #file: RandomAccess & AsyncDisposable;
  readonly #zip: ZipFile;
  /** The indexes that are made here. */
  readonly #made = new Map<Digest, Uint8Array>();

  private constructor(
    file: RandomAccess & AsyncDisposable,
    name: string,
    zip: ZipFile,
    { items, refused, time }: GoIndex,
  ) {
    this.#file = file;
    this.name = name;
    this.#zip = zip;
    this.time = time;
    const lacking: RefusedItem[] = [];
    const byName = new Map<string, GoManifest[]>();
    for (const { reference, manifests } of items) {
      const name = formatReference(reference);
      byName.set(name, [...byName.get(name) ?? [], ...manifests]);
    }
    this.images = [...byName].flatMap(([name, manifests]) => {
      try {
        return [{ name, top: this.#topOf(manifests) }];
      } catch (error) {
        if (!(error instanceof HangarError)) throw error;
        lacking.push({ name, error });
        return [];
      }
    });
    this.refused = [...refused, ...lacking];
  }

  /**
   * Opens an archive.
   *
   * @param file stays open until the archive is disposed of, or cannot be read
   * @param name of the archive, for messages
   * @throws {HangarError} `invalid-archive` when it is no such archive, or not a
   * whole one
   */
  static async open(
    file: RandomAccess & AsyncDisposable,
    name: string,
  ): Promise<GoArchive> {
    try {
      const zip = await ZipFile.open(
        file,
        (path) => path === INDEX || digestAt(path) !== undefined,
      );
      const index = parseGoIndex(await readIndex(zip));
      return new GoArchive(file, name, zip, index);
    } catch (error) {
      await file[Symbol.asyncDispose]();
      throw withContext(`cannot read the archive ${name}`, error);
    }
  }

  /** The size of content, in bytes; undefined where it is not there. */
  sizeOf(digest: Digest): Promise<number | undefined> {
    return Promise.resolve(
      this.#made.get(digest)?.byteLength ?? this.#zip.sizeOf(pathOf(digest)),
    );
  }

  /**
   * Opens content, from an offset on. It is not checked.
   *
   * @throws {HangarError} `not-found`, or `content-mismatch` when it cannot be
   * read
   */
  async open({ digest }: Content, offset: number): Promise<ByteReader> {
    const made = this.#made.get(digest);
    return made
      ? bytesReader(made.subarray(offset))
      : await this.#zip.open(pathOf(digest), offset);
  }

  /**
   * The `index.json` that a layout with these images would have; there is no
   * other file.
   *
   * @throws {HangarError} `too-large` past `limit` bytes
   */
  readFile(path: string, limit: number): Promise<Uint8Array | undefined> {
    if (path !== INDEX) return Promise.resolve(undefined);
    const bytes = new TextEncoder().encode(JSON.stringify({
      schemaVersion: 2,
      mediaType: MediaType.ociIndex,
      manifests: this.images.map(({ name, top }) => ({
        ...top.json,
        annotations: {
          ...top.annotations,
          "io.containerd.image.name": name,
          "org.opencontainers.image.ref.name": name,
        },
      })),
    }));
    return bytes.byteLength <= limit
      ? Promise.resolve(bytes)
      : Promise.reject(tooLarge(bytes.byteLength, limit));
  }

  /** All content that is there, also what no image names. */
  async *contents(): AsyncIterable<Content> {
    for (const path of this.#zip.names()) {
      const digest = digestAt(path);
      const size = this.#zip.sizeOf(path);
      if (digest !== undefined && size !== undefined) yield { digest, size };
    }
    for (const [digest, bytes] of this.#made) {
      yield { digest, size: bytes.byteLength };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }

  #topOf(manifests: readonly GoManifest[]): Descriptor {
    const { top, index } = savedImage(manifests, ({ digest }) => {
      const size = this.#zip.sizeOf(pathOf(digest));
      if (size !== undefined) return size;
      throw new HangarError("not-found", `manifest ${digest} is not there`);
    });
    if (index) this.#made.set(index.digest, index.bytes);
    return top;
  }
}

function pathOf(digest: Digest): string {
  return `share/${digest.replace(":", "/")}`;
}

function digestAt(path: string): Digest | undefined {
  if (!path.startsWith("share/")) return undefined;
  const digest = path.slice("share/".length).replace("/", ":");
  return isDigest(digest) ? digest : undefined;
}

function tooLarge(size: number, limit: number): HangarError {
  return new HangarError(
    "too-large",
    `its ${INDEX} has ${size} bytes, the limit is ${limit}`,
  );
}

async function readIndex(zip: ZipFile): Promise<Uint8Array> {
  const size = zip.sizeOf(INDEX);
  if (size === undefined) {
    throw new HangarError("invalid-archive", `it holds no ${INDEX}`, {
      hint: "want an archive that hangar saved, from a save that ended",
    });
  }
  if (zip.isRepeated(INDEX)) {
    throw new HangarError("invalid-archive", `it holds two files ${INDEX}`);
  }
  if (size > MAX_GO_INDEX_BYTES) throw tooLarge(size, MAX_GO_INDEX_BYTES);
  const bytes = new Uint8Array(size);
  const reader = await zip.open(INDEX);
  let at = 0;
  for (let piece = await reader.read(); piece; piece = await reader.read()) {
    bytes.set(piece, at);
    at += piece.byteLength;
  }
  if (at === size) return bytes;
  throw new HangarError(
    "invalid-archive",
    `its ${INDEX} ends early: it is damaged`,
  );
}
