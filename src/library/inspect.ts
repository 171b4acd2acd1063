/**
 * Looking at an image for programs.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { type InspectedImage, listedImage } from "../mirror/inspect_image.ts";
import { formatReference } from "../names/reference.ts";
import {
  type ArchitectureChoice,
  parsePlatformFilter,
} from "../oci/platform.ts";
import { lookAtImage } from "../run/network/look_at_image.ts";
import { askRegistry } from "./ask_registry.ts";
import { namedImage } from "./named_image.ts";
import type { InspectOptions } from "./options.ts";

/** What a registry holds under a reference. */
export interface ImageInspection {
  /** In full, with registry and tag or digest. */
  readonly reference: string;
  /** Of the manifest or index. */
  readonly digest: string;
  /** Of the manifest or index. */
  readonly mediaType: string;
  /** As `os/arch[/variant]`; empty for an artifact, such as a Helm chart. */
  readonly platforms: readonly string[];
  /** The manifest or index, byte for byte. */
  readonly manifest: Uint8Array;
  /**
   * The image's config, as the image specification has it; of an index, where a
   * platform was asked for. Undefined for an artifact.
   */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** The options where no platform is named. */
const ANY: ArchitectureChoice = { os: "linux", architecture: "amd64" };

/** Looks at the image. */
export async function inspectReference(
  reference: string,
  options: InspectOptions,
): Promise<ImageInspection> {
  return await askRegistry(
    options,
    () => namedImage("reference", reference, options),
    async (named, looking) => {
      const chosen = options.platform === undefined
        ? undefined
        : platformOf(options.platform);
      const { os = "linux", architecture, variant } = chosen ?? ANY;
      const image = readOnce(
        await lookAtImage(named, {
          platform: { os, architecture, variant },
          withTags: false,
        }, looking),
      );
      const listed = await listedImage(image);
      const { digest, mediaType, platforms } = listed;
      return {
        reference: formatReference(named.reference),
        digest,
        mediaType,
        platforms,
        manifest: image.manifestBytes,
        config: chosen || image.manifest.kind === "image"
          ? await configOf(image, platforms)
          : undefined,
      };
    },
  );
}

/** The same image, whose config is read once. */
function readOnce(image: InspectedImage): InspectedImage {
  let config: ReturnType<InspectedImage["config"]> | undefined;
  return { ...image, config: () => config ??= image.config() };
}

function platformOf(text: string): ArchitectureChoice {
  const { architectures = [] } = parsePlatformFilter({ platforms: [text] });
  const [choice] = architectures;
  if (choice) return choice;
  throw new HangarError("usage", "platform: want one platform, not all");
}

async function configOf(
  image: InspectedImage,
  platforms: readonly string[],
): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    return await image.config();
  } catch (error) {
    const isOther = error instanceof HangarError &&
      error.code === "not-found" && error.status === undefined;
    if (!isOther) throw error;
    throw new HangarError("not-found", error.message, {
      cause: error,
      hint: `it has ${platforms.join(", ") || "none with a platform"}`,
    });
  }
}
