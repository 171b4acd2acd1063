/**
 * Archives as Go hangar writes them (cnrancher/hangar, pkg/hangar/archive and
 * pkg/image/source/copy.go), of generated images.
 *
 * @module
 */

import type { MadeImage, MadeManifest } from "../images.ts";
import { sha256 } from "../images.ts";
import { writeZip, type ZipOptions, type ZippedFile } from "./zip.ts";

/** What one `save` or `sync` stored. */
export interface GoSaved {
  /** `REGISTRY/PROJECT/NAME` */
  readonly source: string;
  readonly tag: string;
  readonly image: MadeImage;
  /** The architectures that were saved. @default {all} */
  readonly arch?: readonly string[];
}

type Json = Record<string, unknown>;

function parse(bytes: Uint8Array): Json {
  return JSON.parse(new TextDecoder().decode(bytes));
}

function encode(json: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(json));
}

/** What the index of the archive says of one manifest. */
function specOf(
  manifest: MadeManifest,
  platform: Json | undefined,
  annotations: Json | undefined,
): Json {
  const { layers, config } = parse(manifest.bytes) as {
    layers: { digest: string; urls?: string[] }[];
    config: { digest: string };
  };
  return {
    ...platform?.["architecture"] ? { arch: platform["architecture"] } : {},
    ...platform?.["os"] ? { os: platform["os"] } : {},
    ...platform?.["os.version"] ? { osVersion: platform["os.version"] } : {},
    ...platform?.["variant"] ? { variant: platform["variant"] } : {},
    mediaType: manifest.mediaType,
    layers: layers.filter(({ urls }) => !urls).map(({ digest }) => digest),
    config: config.digest,
    digest: manifest.digest,
    ...annotations ? { annotations } : {},
  };
}

/** The manifests of an image that the architectures choose. */
function specsOf({ image, arch }: GoSaved): Json[] {
  const entries = parse(image.bytes)["manifests"] as Json[] | undefined;
  if (!entries) return [specOf(image, image.platform, undefined)];
  const isWanted = (entry: Json) =>
    !arch || arch.includes(String((entry["platform"] as Json)["architecture"]));
  const chosen = new Set(entries.filter(isWanted).map((e) => e["digest"]));
  return entries.filter((entry) => {
    const subject = (entry["annotations"] as Json | undefined)
      ?.["vnd.docker.reference.digest"];
    return chosen.has(subject ?? entry["digest"]);
  }).map((entry) => {
    const manifest = image.manifests.find((m) => m.digest === entry["digest"])!;
    return specOf(
      manifest,
      entry["platform"] as Json,
      entry["annotations"] as Json | undefined,
    );
  });
}

/** The root `index.json`, before it is written. */
export function goIndex(saved: readonly GoSaved[]): Json {
  return {
    list: saved.map((item) => {
      const images = specsOf(item);
      return {
        source: item.source,
        tag: item.tag,
        archList: [...new Set(images.map((i) => i["arch"] ?? ""))],
        osList: [...new Set(images.map((i) => i["os"] ?? ""))],
        images,
      };
    }),
    version: "v1.2.0",
    time: "2026-01-02T03:04:05.678901234Z",
  };
}

/** The files of an archive, `index.json` last. */
export function goFiles(
  saved: readonly GoSaved[],
  index: Json = goIndex(saved),
): ZippedFile[] {
  const files = new Map<string, Uint8Array>();
  for (const item of saved) {
    for (const spec of specsOf(item)) {
      const manifest = item.image.manifests.find((m) =>
        m.digest === spec["digest"]
      )!;
      const hex = manifest.digest.slice("sha256:".length);
      const { mediaType, digest } = manifest;
      const layout = {
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.index.v1+json",
        manifests: [{ mediaType, digest, size: manifest.bytes.byteLength }],
      };
      files.set(`${hex}/index.json`, encode(layout));
      files.set(
        `${hex}/oci-layout`,
        encode({ imageLayoutVersion: "1.0.0" }),
      );
      const blobs = [spec["config"], ...spec["layers"] as string[]].map((d) =>
        item.image.blobs.get(String(d))!
      );
      for (const bytes of [manifest.bytes, ...blobs]) {
        files.set(`share/${sha256(bytes).replace(":", "/")}`, bytes);
      }
    }
  }
  files.set("index.json", encode(index));
  return [...files].map(([name, bytes]) => ({ name, bytes }));
}

/** An archive. */
export function goZip(
  saved: readonly GoSaved[],
  options?: ZipOptions,
): Uint8Array<ArrayBuffer> {
  return writeZip(goFiles(saved), options);
}
