/**
 * When images were first seen at their sources: a record that each destination
 * repository keeps, as an OCI artifact under a tag (docs/lists.md).
 *
 * @module
 */

import { pushBytes } from "../copy/blobs/copy_blob.ts";
import type { DestinationSide } from "../copy/destination_side.ts";
import { putManifest } from "../copy/put_manifest.ts";
import { atDestination, placeName } from "../copy/sides.ts";
import { HangarError } from "../errors.ts";
import { isJsonObject } from "../json.ts";
import { FIRST_SEEN_TAG } from "../lists/tags/tag_rules.ts";
import { digestOf } from "../oci/digest.ts";
import {
  encodeManifest,
  type ImageManifest,
  MediaType,
  parseDescriptor,
} from "../oci/manifest.ts";
import { parseContent } from "../oci/parse_manifest.ts";

/** The type of the artifact, and of its one layer. */
export const FIRST_SEEN_TYPE = "application/vnd.hangar.first-seen.v1+json";

const EMPTY_TYPE = "application/vnd.oci.empty.v1+json";
const EMPTY = new TextEncoder().encode("{}");

/** A hundred thousand images at some 200 bytes stay below this. */
const MAX_RECORD_BYTES = 32 * 1024 * 1024;

/** A tag of a source, by what it pointed at when it was seen. */
interface Seen {
  readonly digest: string;
  /** RFC 3339. */
  readonly firstSeen: string;
}

/** The records of the destinations of a run. */
export class FirstSeen {
  readonly #now: () => number;
  /** What was read or written, by repository. */
  readonly #records = new Map<string, Map<string, Seen>>();

  /** @param now milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Since when an image has been seen as it is now; the present where it was not,
   * which is then recorded.
   *
   * @param source the image by its full name
   * @param digest what that points at
   * @param mayWrite whether a new image is recorded
   * @throws {HangarError} when the record cannot be read or written
   */
  async since(
    destination: DestinationSide,
    source: string,
    digest: string,
    { mayWrite, signal }: {
      readonly mayWrite: boolean;
      readonly signal: AbortSignal;
    },
  ): Promise<number> {
    const key = `${placeName(destination)}:${FIRST_SEEN_TAG}`;
    return await destination.services.locks.run(key, signal, async () => {
      const now = this.#now();
      const record = this.#records.get(key) ??
        await readRecord(destination, signal);
      this.#records.set(key, record);
      const seen = record.get(source);
      if (seen?.digest === digest) {
        // A time to come says nothing.
        return Math.min(now, Date.parse(seen.firstSeen));
      }
      if (mayWrite) {
        const firstSeen = new Date(now).toISOString();
        // Others may have written it meanwhile.
        const latest = await readRecord(destination, signal);
        latest.set(source, { digest, firstSeen });
        await writeRecord(destination, latest, signal);
        this.#records.set(key, latest);
      }
      return now;
    });
  }
}

async function readRecord(
  destination: DestinationSide,
  signal: AbortSignal,
): Promise<Map<string, Seen>> {
  const { store, repository } = destination;
  return await atDestination(
    destination,
    `read the record of first-seen images, ${FIRST_SEEN_TAG}, of`,
    (async () => {
      const content = await store.getManifest(repository, FIRST_SEEN_TAG, {
        signal,
      });
      if (!content) return new Map();
      const manifest = parseContent(content);
      if (manifest.kind === "index") return refuse("it is an index");
      const [layer] = (manifest satisfies ImageManifest).layers;
      if (layer?.mediaType !== FIRST_SEEN_TYPE) return refuse("it is another");
      const bytes = await store.readBlob(repository, layer, MAX_RECORD_BYTES, {
        signal,
      });
      return parseRecord(new TextDecoder().decode(bytes));
    })(),
  );
}

/** A record that cannot be understood must not pass for an empty one. */
function refuse(why: string): never {
  throw new HangarError(
    "protocol",
    `what the tag holds is no such record: ${why}`,
    { hint: "delete the tag: all images wait anew then" },
  );
}

function parseRecord(text: string): Map<string, Seen> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return refuse("it is not JSON");
  }
  const images = isJsonObject(json) ? json["images"] : undefined;
  if (!isJsonObject(images)) return refuse("it has no images");
  const record = new Map<string, Seen>();
  for (const [source, seen] of Object.entries(images)) {
    const { digest, firstSeen } = isJsonObject(seen) ? seen : {};
    if (
      typeof digest !== "string" || typeof firstSeen !== "string" ||
      Number.isNaN(Date.parse(firstSeen))
    ) return refuse("an image has no digest or no time");
    record.set(source, { digest, firstSeen });
  }
  return record;
}

async function writeRecord(
  destination: DestinationSide,
  record: ReadonlyMap<string, Seen>,
  signal: AbortSignal,
): Promise<void> {
  const sorted = [...record].sort(([a], [b]) => a < b ? -1 : 1);
  const bytes = new TextEncoder().encode(
    JSON.stringify({ schemaVersion: 1, images: Object.fromEntries(sorted) }),
  );
  const describe = (mediaType: string, content: Uint8Array) => ({
    mediaType,
    digest: digestOf(content),
    size: content.byteLength,
  });
  const config = describe(EMPTY_TYPE, EMPTY);
  const layer = describe(FIRST_SEEN_TYPE, bytes);
  for (const [blob, content] of [[config, EMPTY], [layer, bytes]] as const) {
    await pushBytes(destination, parseDescriptor(blob, "blob"), content, {
      signal,
    });
  }
  const manifest = parseContent(encodeManifest({
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    artifactType: FIRST_SEEN_TYPE,
    config,
    layers: [layer],
  }));
  await putManifest(destination, manifest, FIRST_SEEN_TAG, {
    role: "root",
    signal,
  });
}
