/**
 * The flags that choose one image of a multi-arch image, as skopeo has them.
 *
 * @module
 */

import type { InspectOptions } from "../../../mirror/inspect_image.ts";
import type { FlagSpec, FlagValues } from "../../flags/flags.ts";

/** The flags. */
export const OVERRIDE_FLAGS: readonly FlagSpec[] = [
  {
    name: "override-arch",
    type: "string",
    suggested: ["amd64", "arm64", "arm", "s390x", "ppc64le", "riscv64"],
    help: "choose this architecture of a multi-arch image",
  },
  {
    name: "override-os",
    type: "string",
    suggested: ["linux", "windows"],
    default: "linux",
    help: "choose this OS of a multi-arch image",
  },
  {
    name: "override-variant",
    type: "string",
    help: "choose this variant of a multi-arch image",
  },
];

/** The platform that the flags name; by default, Linux on this machine's CPU. */
export function overriddenPlatform(
  values: FlagValues,
): InspectOptions["platform"] {
  return {
    os: values.string("override-os")!,
    architecture: values.string("override-arch") ?? hostArchitecture(),
    variant: values.string("override-variant"),
  };
}

/** Go's name for the architecture of this machine. */
function hostArchitecture(): string {
  return Deno.build.arch === "aarch64" ? "arm64" : "amd64";
}
