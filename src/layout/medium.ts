/**
 * How content is kept: in a directory, in one tar, or in several.
 *
 * @module
 */

import type { Content } from "./content.ts";
import type { ByteReader } from "../bytes.ts";
import type { VolumeRecord } from "./archive_record.ts";
import type { Digest } from "../oci/digest.ts";

/** Content that is being written. */
export interface IncomingContent {
  /** Appends bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /** Keeps what was written: all of it is there, and checked. */
  keep(): Promise<void>;
  /** Gives it up. It never fails. */
  drop(): Promise<void>;
}

/** Content by digest, and the files that describe it; to be read. */
export interface MediumReader extends AsyncDisposable {
  /** What users call it. */
  readonly name: string;
  /** The size of some content that is there whole; undefined where it is not. */
  sizeOf(digest: Digest): Promise<number | undefined>;
  /**
   * Opens content from an offset on; it is not checked.
   *
   * @throws {HangarError} `not-found`, `file`
   */
  open(content: Content, offset: number): Promise<ByteReader>;
  /**
   * A file that describes the content: `index.json`, or a path below
   * {@linkcode OWN_DIRECTORY}; undefined where there is none.
   *
   * @throws {HangarError} `too-large` past `limit` bytes, `file`
   */
  readFile(path: string, limit: number): Promise<Uint8Array | undefined>;
  /** All content that is there. */
  contents(): AsyncIterable<Content>;
  /**
   * The names of the files that hold some content. Only a medium of several files
   * has it.
   */
  filesOf?(digest: Digest): readonly string[];
}

/** The files that describe an archive, as they are written. */
export interface ArchiveFileSet {
  /** `index.json` */
  readonly index: Uint8Array;
  /** The path of hangar's own record, below {@linkcode OWN_DIRECTORY}. */
  readonly recordPath: string;
  /** The record, for one of several volumes or for all there is. */
  readonly record: (volume?: VolumeRecord) => Uint8Array;
  /** Content that is given up. */
  readonly unused: readonly Digest[];
}

/** Content by digest; to be read and written. */
export interface Medium extends MediumReader {
  /**
   * Begins to write content. It is asked for once at a time for each digest, and
   * only where {@linkcode MediumReader.sizeOf} has none.
   */
  begin(content: Content): Promise<IncomingContent>;
  /**
   * How many bytes the medium takes on the disk for more content, beyond what
   * it takes now.
   */
  cost(content: Iterable<Content>): number;
  /** The bytes that are free for it. */
  free(): Promise<number>;
  /**
   * Makes all that was written one archive. Before that, readers find the
   * archive as it was, or none.
   */
  commit(files: ArchiveFileSet): Promise<void>;
  /** Content that a run has left which did not end: it may be damaged. */
  leftovers(): AsyncIterable<Content>;
  /** Gives up some content. */
  forget(digest: Digest): Promise<void>;
  /** Removes what a run that wrote nothing of use has left. */
  discard(): Promise<void>;
}

export {
  type Content,
  contentPath,
  digestAt,
  LAYOUT_FILE,
  OWN_DIRECTORY,
} from "./content.ts";
