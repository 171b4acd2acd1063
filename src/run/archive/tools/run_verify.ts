/**
 * `archive verify`: all content of an archive is hashed, and what is damaged is
 * named with the images that it affects.
 *
 * @module
 */

import { counted } from "../../../counted.ts";
import { describeError, HangarError } from "../../../errors.ts";
import { ArchiveImages, nameOfEntry } from "../../../layout/archive_images.ts";
import type { ArchiveFiles } from "../../../layout/files.ts";
import type { Content } from "../../../layout/content.ts";
import type { MediumReader } from "../../../layout/medium.ts";
import { type Digest, DigestVerifier } from "../../../oci/digest.ts";
import type { Console } from "../../../report/console.ts";
import { formatBytes, formatDuration } from "../../../report/format.ts";
import { ExitCode } from "../../exit_code.ts";
import { Interrupt } from "../../interrupt.ts";
import { consoleFor, type LogOptions } from "../../log_console.ts";
import type { RunProcess } from "../../process.ts";
import { type OpenArchive, openArchive } from "../open_archive.ts";
import { Ticker } from "./ticker.ts";

/** How an archive is verified. */
export interface VerifyOptions extends LogOptions {
  readonly files: ArchiveFiles;
  readonly archive: string;
}

/** How many of the images that one fault affects are named. */
const MAX_NAMED = 20;

/** Verifies an archive; gives the exit code. */
export async function runVerify(
  { files, archive: path, ...log }: VerifyOptions,
  process: RunProcess,
): Promise<number> {
  const console = consoleFor(log, process);
  using interrupt = new Interrupt(process.onInterrupt);
  const { signal } = interrupt;
  const started = performance.now();
  await using archive = await openArchive(files, path);
  try {
    const hashed = await hashAll(archive.medium, console, signal);
    const faults = await findFaults(archive, hashed.damaged, signal);
    for (const { name, error } of archive.refused ?? []) {
      console.error(`${name} cannot be loaded: ${describeError(error)}`);
    }
    return tell(
      { ...faults, ...hashed, refused: archive.refused?.length ?? 0 },
      {
        console,
        path,
        took: performance.now() - started,
      },
    );
  } catch (error) {
    if (!signal.aborted) throw error;
    console.warn(`${path} was not looked at to its end`);
    return ExitCode.interrupted;
  }
}

/** All content, hashed. */
interface Hashed {
  readonly count: number;
  readonly bytes: number;
  readonly damaged: ReadonlyMap<Digest, string>;
}

async function hashAll(
  medium: MediumReader,
  console: Console,
  signal: AbortSignal,
): Promise<Hashed> {
  const contents: Content[] = [];
  for await (const content of medium.contents()) contents.push(content);
  const all = contents.reduce((sum, { size }) => sum + size, 0);
  const ticker = new Ticker((text) => console.info(text));
  const damaged = new Map<Digest, string>();
  let bytes = 0;
  for (const content of contents) {
    signal.throwIfAborted();
    const why = await damageOf(medium, content, (count) => {
      signal.throwIfAborted();
      bytes += count;
      ticker.tell(() => `${formatBytes(bytes)} of ${formatBytes(all)} hashed`);
    });
    if (why === undefined) continue;
    const { digest, size } = content;
    const files = medium.filesOf?.(digest) ?? [];
    const where = files.length > 0 ? ` in ${files.join(" or ")}` : "";
    damaged.set(digest, `damaged: ${digest} of ${size} bytes${where}: ${why}`);
  }
  return { count: contents.length, bytes, damaged };
}

/** What is wrong with some content; undefined when it is whole. */
async function damageOf(
  medium: Pick<MediumReader, "open">,
  content: Content,
  onBytes: (count: number) => void,
): Promise<string | undefined> {
  try {
    const reader = await medium.open(content, 0);
    const verifier = new DigestVerifier(content);
    try {
      for (let piece; (piece = await reader.read());) {
        verifier.update(piece);
        onBytes(piece.byteLength);
      }
      verifier.finish();
    } finally {
      await reader.cancel();
    }
    return undefined;
  } catch (error) {
    if (error instanceof HangarError && error.code !== "interrupted") {
      return error.message;
    }
    throw error;
  }
}

/** Faults, and the images that they affect. */
interface Faults {
  readonly faults: ReadonlyMap<string, readonly string[]>;
  readonly images: number;
  readonly affected: number;
}

async function findFaults(
  archive: OpenArchive,
  damaged: ReadonlyMap<Digest, string>,
  signal: AbortSignal,
): Promise<Faults> {
  const images = ArchiveImages.of(archive);
  const faults = new Map<string, string[]>(
    [...damaged.values()].map((text) => [text, []]),
  );
  let affected = 0;
  for (const entry of images.entries) {
    signal.throwIfAborted();
    const { manifests, blobs, faults: own } = await images.read(entry);
    const texts = new Set([
      ...[...manifests, ...blobs].flatMap(({ digest }) =>
        damaged.get(digest) ?? []
      ),
      ...own.map(({ digest, text }) => damaged.get(digest) ?? text),
    ]);
    if (texts.size > 0) affected++;
    for (const text of texts) {
      const names = faults.get(text) ?? [];
      names.push(nameOfEntry(entry));
      faults.set(text, names);
    }
  }
  return { faults, images: images.entries.length, affected };
}

function tell(
  { faults, images, affected, count, bytes, refused }:
    & Faults
    & Pick<Hashed, "count" | "bytes">
    & { readonly refused: number },
  { console, path, took }: {
    readonly console: Console;
    readonly path: string;
    readonly took: number;
  },
): number {
  for (const [text, names] of faults) {
    const named = names.slice(0, MAX_NAMED).join(", ");
    const more = names.length - MAX_NAMED;
    console.error(
      `${text}; ${
        names.length === 0
          ? "no image needs it"
          : `it affects ${named}${more > 0 ? ` and ${more} more` : ""}`
      }`,
    );
  }
  const isFine = faults.size === 0 && refused === 0;
  const line = [
    `${isFine ? "PASS" : "FAILED"}: ${path}: ${
      counted(count, "piece", "pieces")
    } of content hashed, ${formatBytes(bytes)}`,
    `${faults.size} damaged or missing`,
    ...refused > 0 ? [`${refused} not understood`] : [],
    `${affected} of ${counted(images, "entry", "entries")} affected`,
    formatDuration(took),
  ].join(", ");
  if (isFine) console.result(line);
  else console.error(line);
  return isFine ? ExitCode.done : ExitCode.someFailed;
}
