/**
 * Generated images: the same seed gives the same bytes. Nothing here uses
 * hangar's own code, so that a test's expectations stand on their own feet.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** A manifest or index, byte for byte. */
export interface MadeManifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly digest: string;
}

/** An image, index or artifact with all that belongs to it. */
export interface MadeImage extends MadeManifest {
  /** All manifests, children first; the last one is this one. */
  readonly manifests: readonly MadeManifest[];
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  /** What an index entry says of it. */
  readonly platform?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const OCI = "application/vnd.oci.image";
const DOCKER = "application/vnd.docker.distribution.manifest";

/** The sha256 digest of some bytes. */
export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Pseudo-random bytes, which do not compress. */
export function randomBytes(size: number, seed: string): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = createHash("sha256").update(seed).digest().readUInt32LE(0) | 1;
  for (let i = 0; i < size; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state & 0xff;
  }
  return bytes;
}

function encode(json: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(json, null, 2));
}

function manifestOf(json: Readonly<Record<string, unknown>>): MadeManifest {
  const bytes = encode(json);
  return { bytes, mediaType: String(json["mediaType"]), digest: sha256(bytes) };
}

/** Options of {@linkcode makeImage}. */
export interface ImageOptions {
  /** Anything; the same one gives the same image. */
  readonly seed: string;
  /** `os/architecture[/variant]`. @default {"linux/amd64"} */
  readonly platform?: string;
  readonly osVersion?: string;
  /** Sizes, or the bytes of layers to share. @default {[1000, 2000]} */
  readonly layers?: readonly (number | Uint8Array)[];
  /** Docker's media types instead of OCI's. */
  readonly docker?: boolean;
  /** A layer with `urls` that is not among the blobs. */
  readonly foreignLayer?: boolean;
}

/** A single image. */
export function makeImage(options: ImageOptions): MadeImage {
  const { seed, docker = false, platform = "linux/amd64" } = options;
  const [os = "", architecture = "", variant] = platform.split("/");
  const blobs = new Map<string, Uint8Array>();
  const layers = (options.layers ?? [1000, 2000]).map((layer, i) => {
    const bytes = typeof layer === "number"
      ? randomBytes(layer, `${seed} layer ${i}`)
      : layer;
    const digest = sha256(bytes);
    blobs.set(digest, bytes);
    return {
      mediaType: docker
        ? "application/vnd.docker.image.rootfs.diff.tar.gzip"
        : `${OCI}.layer.v1.tar+gzip`,
      digest,
      size: bytes.byteLength,
    };
  });
  const foreign = options.foreignLayer
    ? [{
      mediaType: docker
        ? "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
        : `${OCI}.layer.nondistributable.v1.tar+gzip`,
      digest: sha256(randomBytes(10, `${seed} foreign`)),
      size: 10,
      urls: ["https://layers.example.invalid/base"],
    }]
    : [];
  const config = encode({
    created: "2024-01-01T00:00:00Z",
    architecture,
    os,
    ...(variant && { variant }),
    ...(options.osVersion && { "os.version": options.osVersion }),
    config: { Env: ["PATH=/bin"], Labels: { seed } },
    rootfs: { type: "layers", diff_ids: layers.map((l) => l.digest) },
    history: layers.map((_, i) => ({ created_by: `layer ${i}` })),
  });
  const configDigest = sha256(config);
  blobs.set(configDigest, config);
  const manifest = manifestOf({
    schemaVersion: 2,
    mediaType: docker ? `${DOCKER}.v2+json` : `${OCI}.manifest.v1+json`,
    config: {
      mediaType: docker
        ? "application/vnd.docker.container.image.v1+json"
        : `${OCI}.config.v1+json`,
      digest: configDigest,
      size: config.byteLength,
    },
    layers: [...foreign, ...layers],
  });
  return {
    ...manifest,
    manifests: [manifest],
    blobs,
    platform: {
      architecture,
      os,
      ...(variant && { variant }),
      ...(options.osVersion && { "os.version": options.osVersion }),
    },
  };
}

/** Something that is no image, such as a Helm chart. */
export function makeArtifact(
  seed: string,
  configMediaType = "application/vnd.cncf.helm.config.v1+json",
): MadeImage {
  const config = encode({ name: seed, version: "1.0.0" });
  const chart = randomBytes(1500, seed);
  const manifest = manifestOf({
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config: {
      mediaType: configMediaType,
      digest: sha256(config),
      size: config.byteLength,
    },
    layers: [{
      mediaType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
      digest: sha256(chart),
      size: chart.byteLength,
    }],
  });
  return {
    ...manifest,
    manifests: [manifest],
    blobs: new Map([[sha256(config), config], [sha256(chart), chart]]),
  };
}

function makeAttestation(subject: MadeImage): MadeImage {
  const made = makeImage({
    seed: `attestation of ${subject.digest}`,
    platform: "unknown/unknown",
    layers: [300],
  });
  return {
    ...made,
    annotations: {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": subject.digest,
    },
  };
}

/** Options of {@linkcode makeIndex}. */
export interface IndexOptions {
  readonly docker?: boolean;
  /** A BuildKit attestation for each image. */
  readonly attestations?: boolean;
  /** Leaves the platform out of the entries. */
  readonly withoutPlatforms?: boolean;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An index or manifest list. */
export function makeIndex(
  images: readonly MadeImage[],
  options: IndexOptions = {},
): MadeImage {
  const children = [
    ...images,
    ...(options.attestations ? images.map(makeAttestation) : []),
  ];
  const index = manifestOf({
    schemaVersion: 2,
    mediaType: options.docker
      ? `${DOCKER}.list.v2+json`
      : `${OCI}.index.v1+json`,
    manifests: children.map((child) => ({
      mediaType: child.mediaType,
      digest: child.digest,
      size: child.bytes.byteLength,
      ...(child.annotations && { annotations: child.annotations }),
      ...(!options.withoutPlatforms && child.platform &&
        { platform: child.platform }),
    })),
    ...(options.annotations && { annotations: options.annotations }),
  });
  return {
    ...index,
    manifests: [...children.flatMap((child) => child.manifests), index],
    blobs: new Map(children.flatMap((child) => [...child.blobs])),
  };
}

/** Two platforms, amd64 and arm64, the usual case. */
export function makeMultiArch(
  seed: string,
  options: IndexOptions & {
    readonly layers?: readonly (number | Uint8Array)[];
    readonly platforms?: readonly string[];
  } = {},
): MadeImage {
  const { platforms = ["linux/amd64", "linux/arm64"] } = options;
  return makeIndex(
    platforms.map((platform) =>
      makeImage({
        seed: `${seed} ${platform}`,
        platform,
        docker: options.docker,
        layers: options.layers,
      })
    ),
    options,
  );
}

/** An image whose layers and config are known by sha512. */
export function makeSha512(sizes: readonly number[]): MadeImage {
  const digestOf = (bytes: Uint8Array) =>
    `sha512:${createHash("sha512").update(bytes).digest("hex")}`;
  const config = encode({ os: "linux", architecture: "amd64" });
  const layers = sizes.map((size) => randomBytes(size, `sha512 ${size}`));
  const describe = (bytes: Uint8Array, type: string) => ({
    mediaType: `${OCI}.${type}`,
    digest: digestOf(bytes),
    size: bytes.byteLength,
  });
  const manifest = manifestOf({
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config: describe(config, "config.v1+json"),
    layers: layers.map((layer) => describe(layer, "layer.v1.tar+gzip")),
  });
  return {
    ...manifest,
    manifests: [manifest],
    blobs: new Map([config, ...layers].map((blob) => [digestOf(blob), blob])),
  };
}

/** What cosign keeps under a tag: a payload for each signature. */
export function makeSignatures(
  subject: string,
  seeds: readonly string[],
): MadeImage {
  const blobs = new Map<string, Uint8Array>();
  const layers = seeds.map((seed) => {
    const payload = new TextEncoder().encode(
      `payload for ${subject} by ${seed}`,
    );
    blobs.set(sha256(payload), payload);
    return {
      mediaType: "application/vnd.dev.cosign.simplesigning.v1+json",
      digest: sha256(payload),
      size: payload.byteLength,
      annotations: { "dev.cosignproject.cosign/signature": btoa(seed) },
    };
  });
  const config = encode({
    architecture: "",
    os: "",
    rootfs: { type: "layers", diff_ids: layers.map((l) => l.digest) },
  });
  blobs.set(sha256(config), config);
  const manifest = manifestOf({
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config: {
      mediaType: `${OCI}.config.v1+json`,
      digest: sha256(config),
      size: config.byteLength,
    },
    layers,
  });
  return { ...manifest, manifests: [manifest], blobs };
}

/** An artifact that refers to another manifest. */
export function makeReferrer(
  subject: MadeManifest,
  seed: string,
  artifactType = "application/spdx+json",
): MadeImage {
  const config = encode({});
  const layer = randomBytes(500, seed);
  const manifest = manifestOf({
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    artifactType,
    config: {
      mediaType: `${OCI.replace(".image", "")}.empty.v1+json`,
      digest: sha256(config),
      size: config.byteLength,
    },
    layers: [{ mediaType: artifactType, digest: sha256(layer), size: 500 }],
    subject: {
      mediaType: subject.mediaType,
      digest: subject.digest,
      size: subject.bytes.byteLength,
    },
    annotations: { seed },
  });
  return {
    ...manifest,
    manifests: [manifest],
    blobs: new Map([[sha256(config), config], [sha256(layer), layer]]),
  };
}

/** The index that stands in for a referrers API, under its tag. */
export function makeFallback(referrers: readonly MadeImage[]): MadeImage {
  const index = manifestOf({
    schemaVersion: 2,
    mediaType: `${OCI}.index.v1+json`,
    manifests: referrers.map((referrer) => ({
      mediaType: referrer.mediaType,
      digest: referrer.digest,
      size: referrer.bytes.byteLength,
      artifactType: JSON.parse(new TextDecoder().decode(referrer.bytes))
        .artifactType,
    })),
  });
  return {
    ...index,
    manifests: [...referrers.flatMap((r) => r.manifests), index],
    blobs: new Map(referrers.flatMap((r) => [...r.blobs])),
  };
}
