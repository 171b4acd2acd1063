// Types of what is used of yauzl, which comes without any.

declare module "yauzl" {
  /** A file in a zip, as the central directory describes it. */
  export interface Entry {
    readonly fileNameRaw: Uint8Array;
    readonly generalPurposeBitFlag: number;
    readonly versionMadeBy: number;
    readonly compressionMethod: number;
    readonly compressedSize: number;
    readonly uncompressedSize: number;
    readonly externalFileAttributes: number;
    readonly relativeOffsetOfLocalHeader: number;
  }

  export interface ZipFile {
    readonly entryCount: number;
    eachEntry(): AsyncIterable<Entry>;
    readLocalFileHeaderPromise(
      entry: Pick<Entry, "relativeOffsetOfLocalHeader" | "compressedSize">,
      options: { readonly minimal: true },
    ): Promise<{ readonly fileDataStart: number }>;
  }

  export class RandomAccessReader {
    read(
      buffer: Uint8Array,
      offset: number,
      length: number,
      position: number,
      callback: (error: unknown, count?: number) => void,
    ): void;
  }

  const yauzl: {
    readonly RandomAccessReader: typeof RandomAccessReader;
    fromRandomAccessReaderPromise(
      reader: RandomAccessReader,
      totalSize: number,
      options: {
        readonly autoClose: boolean;
        readonly decodeStrings: boolean;
        readonly validateEntrySizes: boolean;
      },
    ): Promise<ZipFile>;
  };
  export default yauzl;
}
