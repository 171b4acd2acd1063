/**
 * An OCI image layout in a directory.
 *
 * @module
 */

import type { ByteReader } from "../bytes.ts";
import { HangarError } from "../errors.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import type { ArchiveFiles } from "./files.ts";
import { IncomingFile } from "./incoming_file.ts";
import {
  type Content,
  contentPath,
  LAYOUT_FILE,
  OWN_DIRECTORY,
} from "./content.ts";
import type {
  ArchiveFileSet,
  IncomingContent,
  Medium,
  MediumReader,
} from "./medium.ts";
import { readPart, readWholePart } from "./random_access.ts";
import { notThere } from "./tar/tar_reader.ts";

/** The directories of content, one for each algorithm. */
const ALGORITHMS = ["sha256", "sha512"] as const;

/** A file is there as long as a run that changes the directory has not ended. */
const MARK = `${OWN_DIRECTORY}/incomplete`;

/** Where content is on its way. */
const INCOMING = `${OWN_DIRECTORY}/incoming`;

/** What a small file takes on most disks, in bytes. */
const CLUSTER_BYTES = 4096;

/** Reads a layout in a directory. */
export class DirectoryReader implements MediumReader {
  readonly name: string;
  protected readonly files: ArchiveFiles;

  constructor(files: ArchiveFiles, path: string) {
    this.name = path;
    this.files = files;
  }

  protected pathOf(path: string): string {
    return `${this.name}/${path}`;
  }

  async sizeOf(digest: Digest): Promise<number | undefined> {
    const info = await this.files.look(this.pathOf(contentPath(digest)));
    if (info === undefined) return undefined;
    if (info.kind === "file") return info.size;
    throw new HangarError(
      "invalid-archive",
      `${this.pathOf(contentPath(digest))} is not a plain file`,
    );
  }

  async open(content: Content, offset: number): Promise<ByteReader> {
    const size = await this.sizeOf(content.digest);
    if (size === undefined) throw notThere(content.digest, this.name);
    const file = await this.files.read(
      this.pathOf(contentPath(content.digest)),
    );
    const rest = Math.max(0, file.size - offset);
    return readPart(
      file,
      { offset, size: rest },
      file,
    );
  }

  async readFile(path: string, limit: number): Promise<Uint8Array | undefined> {
    const full = this.pathOf(path);
    const info = await this.files.look(full);
    if (info === undefined) return undefined;
    if (info.kind !== "file") {
      throw new HangarError("invalid-archive", `${full} is not a plain file`);
    }
    if (info.size > limit) {
      throw new HangarError(
        "too-large",
        `${full} has ${info.size} bytes, the limit is ${limit}`,
      );
    }
    await using file = await this.files.read(full);
    return await readWholePart(file, { offset: 0, size: file.size }, full);
  }

  async *contents(): AsyncIterable<Content> {
    for (const algorithm of ALGORITHMS) {
      const names = await this.files.list(this.pathOf(`blobs/${algorithm}`));
      for (const name of names) {
        const digest = `${algorithm}:${name}`;
        if (!isDigest(digest)) continue;
        const size = await this.sizeOf(digest);
        if (size !== undefined) yield { digest, size };
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * Opens a layout in a directory to read it.
 *
 * @throws {HangarError} `invalid-archive` where it leads out of the directory
 */
export async function openDirectory(
  files: ArchiveFiles,
  path: string,
): Promise<DirectoryReader> {
  await checkDirectories(files, path);
  return new DirectoryReader(files, path);
}

/** Refuses a link in place of a directory: what is in it may be anybody's. */
async function checkDirectories(
  files: ArchiveFiles,
  path: string,
): Promise<void> {
  const names = [
    OWN_DIRECTORY,
    INCOMING,
    "blobs",
    ...ALGORITHMS.map((algorithm) => `blobs/${algorithm}`),
  ];
  for (const name of names) {
    const info = await files.look(`${path}/${name}`);
    if (info === undefined || info.kind === "directory") continue;
    throw new HangarError(
      "invalid-archive",
      `${path}/${name} is not a directory`,
    );
  }
}

/** Writes a layout in a directory. */
export class DirectoryMedium extends DirectoryReader implements Medium {
  /** Whether a run that changed the directory has not ended. */
  readonly wasLeft: boolean;
  readonly #isNew: boolean;
  readonly #anew: boolean;
  #number = 0;

  private constructor(
    files: ArchiveFiles,
    path: string,
    { wasLeft, isNew, anew }: {
      readonly wasLeft: boolean;
      readonly isNew: boolean;
      readonly anew: boolean;
    },
  ) {
    super(files, path);
    this.wasLeft = wasLeft;
    this.#isNew = isNew;
    this.#anew = anew;
  }

  /**
   * Opens a directory to change it, and makes it where there is none.
   *
   * @param options.anew whether what it holds is replaced, and used again only
   * where it is needed. @default {false}
   * @throws {HangarError} `invalid-archive` where it leads out of the directory
   */
  static async open(
    files: ArchiveFiles,
    path: string,
    { anew = false }: { readonly anew?: boolean } = {},
  ): Promise<DirectoryMedium> {
    await checkDirectories(files, path);
    const isNew = await files.look(path) === undefined;
    const wasLeft = await files.look(`${path}/${MARK}`) !== undefined;
    await files.makeDirectory(`${path}/${OWN_DIRECTORY}`);
    await files.replace(`${path}/${MARK}`, new Uint8Array());
    const incoming = `${path}/${INCOMING}`;
    // What was on its way is begun anew.
    for (const name of await files.list(incoming)) {
      await files.remove(`${incoming}/${name}`);
    }
    await files.makeDirectory(incoming);
    for (const algorithm of ALGORITHMS) {
      await files.makeDirectory(`${path}/blobs/${algorithm}`);
    }
    return new DirectoryMedium(files, path, { wasLeft, isNew, anew });
  }

  async *leftovers(): AsyncIterable<Content> {
    if (this.wasLeft || this.#anew) yield* this.contents();
  }

  async forget(digest: Digest): Promise<void> {
    await this.files.remove(this.pathOf(contentPath(digest)));
  }

  async begin(content: Content): Promise<IncomingContent> {
    const path = this.pathOf(`${INCOMING}/${++this.#number}`);
    const file = await this.files.create(path);
    const { digest, size } = content;
    return new IncomingFile({
      file,
      size,
      name: digest,
      keep: () => this.files.rename(path, this.pathOf(contentPath(digest))),
      drop: () => this.files.remove(path),
    });
  }

  cost(content: Iterable<Content>): number {
    let sum = 0;
    for (const { size } of content) {
      sum += Math.ceil(size / CLUSTER_BYTES) * CLUSTER_BYTES;
    }
    return sum;
  }

  async free(): Promise<number> {
    return await this.files.free(this.name);
  }

  async commit(files: ArchiveFileSet): Promise<void> {
    const earlier = await this.files.list(this.pathOf(OWN_DIRECTORY));
    await this.files.replace(this.pathOf("oci-layout"), LAYOUT_FILE);
    await this.files.replace(this.pathOf(files.recordPath), files.record());
    // With this, readers find all that was written.
    await this.files.replace(this.pathOf("index.json"), files.index);
    for (const name of earlier) {
      const path = `${OWN_DIRECTORY}/${name}`;
      if (path.endsWith(".json") && path !== files.recordPath) {
        await this.files.remove(this.pathOf(path));
      }
    }
    for (const digest of files.unused) await this.forget(digest);
    await this.#unmark();
  }

  async discard(): Promise<void> {
    if (this.wasLeft) return;
    await this.#unmark();
    if (!this.#isNew) return;
    for await (const { digest } of this.contents()) await this.forget(digest);
    for (const algorithm of ALGORITHMS) {
      await this.files.remove(this.pathOf(`blobs/${algorithm}`));
    }
    await this.files.remove(this.pathOf("blobs"));
    await this.files.remove(this.pathOf(OWN_DIRECTORY));
    await this.files.remove(this.name);
  }

  async #unmark(): Promise<void> {
    await this.files.remove(this.pathOf(INCOMING));
    await this.files.remove(this.pathOf(MARK));
  }
}
