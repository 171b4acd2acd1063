/**
 * `hangar copy SRC DST`.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import type { ImageList } from "../../lists/image_list.ts";
import {
  parseReferenceArgument,
  type RegistryAddress,
} from "../../names/address.ts";
import { archiveFiles } from "../../machine/archive_files.ts";
import { formatReference, type Reference } from "../../names/reference.ts";
import { openArchivedImage } from "../../run/archive/archived_image.ts";
import { runSaveOne } from "../../run/archive/run_save.ts";
import { type MirrorRunOptions, runMirror } from "../../run/run_mirror.ts";
import { VERIFY_MODES } from "../../oci/digest.ts";
import type { CliContext } from "../context.ts";
import {
  type ArchiveSide,
  parseArchiveSide,
  savedName,
} from "./image/archive_side.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import type { FlagSpec, FlagValues } from "../flags/flags.ts";
import {
  LIST_FLAGS,
  NEWEST_FLAG,
  PROGRESS_MODES,
  SCOPED_FLAG,
  SELECTION_FLAGS,
} from "../flags/list_flags.ts";
import { NETWORK_FLAGS, reachOptions } from "../flags/network_options.ts";
import { loadPolicy, POLICY_FLAGS } from "../flags/policy_options.ts";
import {
  ATTEST_FLAG,
  loadSigner,
  SIGN_FLAGS,
  signersOf,
} from "../flags/sign_options.ts";
import { selectionOptions, WRITING_FLAGS } from "./mirror_command.ts";

/** Flags of lists that one image has, too. */
const OF_ONE = ["progress", "report", "skip-login", "timeout"];

const FLAGS: readonly FlagSpec[] = [
  ...LIST_FLAGS.filter(({ name }) => OF_ONE.includes(name)),
  ...SELECTION_FLAGS.filter((flag) =>
    flag !== NEWEST_FLAG && flag !== SCOPED_FLAG
  ),
  ...SIGN_FLAGS,
  ATTEST_FLAG,
  ...POLICY_FLAGS,
  ...NETWORK_FLAGS,
  ...WRITING_FLAGS,
];

/** The command. */
export const copyCommand: CommandSpec<CliContext> = {
  name: "copy",
  alsoCalled: ["cp"],
  summary: "Copy one image between registries and archives",
  usage: ["hangar copy SRC DST [flags]"],
  examples: `# Two platforms of an image, under the same tag.
hangar copy docker.io/library/nginx:1.27 registry.example:5000/team/nginx
# All of it, under a tag of its own.
hangar copy --platform all quay.io/team/app:1.2 registry.example/app:stable
# Into an OCI image layout, and out of one: a directory or a tar.
hangar copy quay.io/team/app:1.2 oci:images
hangar copy oci-archive:images.tar:1.2 registry.example/app
# From one into another, under a tag of its own.
hangar copy oci:images:1.2 oci-archive:app.tar:stable`,
  argument: { name: "SRC DST", many: true },
  flags: FLAGS,
  run: async (values, context, argument, more) => {
    const [to] = more;
    if (argument === "" || to === undefined || more.length > 1) {
      throw new HangarError(
        "usage",
        `copy takes two images, SRC and DST: ${
          argument === "" ? "none" : more.length + 1
        } given`,
        { hint: "see: hangar copy --help" },
      );
    }
    const [source, destination] = [
      parseArchiveSide(argument),
      parseArchiveSide(to),
    ];
    const texts = { argument, to };
    if (source) {
      return await fromArchive(source, destination, texts, values, context);
    }
    const from = { ...parseSide("SRC", argument, values), text: argument };
    return destination
      ? await toArchive(from, destination, values, context)
      : await copyImage(from, to, values, context);
  },
};

async function copyImage(
  source: Side & { readonly text: string },
  to: string,
  values: FlagValues,
  context: CliContext,
  from?: MirrorRunOptions["from"],
): Promise<number> {
  const destination = parseSide("DST", to, values);
  const list = listOf(
    { source: source.reference, destination, to },
    source.text,
  );
  return await runMirror({
    ...commonOptions(values),
    ...selectionOptions(values),
    input: { list },
    from,
    source: from ? undefined : source.address,
    destination: destination.address,
    skipLogin: values.bool("skip-login"),
    createProject: values.bool("create-project"),
    verify: values.choice("verify", VERIFY_MODES),
    dryRun: values.bool("dry-run"),
    ...signersOf(values, await loadSigner(values, context)),
    policy: await loadPolicy(values, context),
  }, context);
}

async function fromArchive(
  { path, name }: ArchiveSide,
  destination: ArchiveSide | undefined,
  { argument, to }: { readonly argument: string; readonly to: string },
  values: FlagValues,
  context: CliContext,
): Promise<number> {
  if (destination) refuseIdle(values);
  await using image = await openArchivedImage(archiveFiles, path, name);
  const { source: reference, from } = image;
  const address = { host: reference.registry };
  const side = { reference, address, text: argument };
  if (!destination) return await copyImage(side, to, values, context, from);
  if (from.leftOut) {
    throw new HangarError(
      "usage",
      `${path} is a delta: some of its content is in other archives alone`,
      { hint: "join them with `hangar archive merge`, and copy from that" },
    );
  }
  return await toArchive(side, destination, values, context, from);
}

/** Flags that say what becomes of a registry, and nothing of an archive. */
const OF_REGISTRIES = [
  ...[...SIGN_FLAGS, ATTEST_FLAG].map(({ name }) => name),
  "create-project",
  "verify",
  "index",
  "min-age",
  "missing",
  "overwrite",
  "skip-login",
];

/** @throws {HangarError} `usage` */
function refuseIdle(values: FlagValues): void {
  const idle = OF_REGISTRIES.find((flag) => values.given(flag));
  if (idle === undefined) return;
  throw new HangarError("usage", `--${idle} means nothing for an archive`);
}

async function toArchive(
  source: Side & { readonly text: string },
  { path, kind, name }: ArchiveSide,
  values: FlagValues,
  context: CliContext,
  from?: MirrorRunOptions["from"],
): Promise<number> {
  refuseIdle(values);
  const { filter, isFilterGiven, provenance, signatures } = selectionOptions(
    values,
  );
  const { reference, text } = source;
  return await runSaveOne({
    ...commonOptions(values),
    input: {
      list: {
        name: "copy",
        entries: [{ line: 1, ordinal: 1, text, source: reference }],
        invalid: [],
      },
    },
    source: from ? undefined : source.address,
    from,
    archive: path,
    kind,
    files: archiveFiles,
    saveAs: name === undefined ? undefined : savedName(name, reference),
    skipLogin: true,
    filter,
    isFilterGiven,
    provenance,
    signatures,
    dryRun: values.bool("dry-run"),
    autoYes: false,
    policy: await loadPolicy(values, context),
  }, context);
}

/** The options that all ways of copying have. */
function commonOptions(values: FlagValues) {
  return {
    ...reachOptions(values),
    warnings: [],
    jobs: 1,
    timeoutMs: values.durationMs("timeout"),
    progress: values.choice("progress", PROGRESS_MODES),
    report: values.string("report"),
  };
}

/** One side, as it is written. */
interface Side {
  readonly address: RegistryAddress;
  readonly reference: Reference;
}

/** @throws {HangarError} `usage`, naming the side */
function parseSide(side: string, text: string, values: FlagValues): Side {
  const parsed = parseReferenceArgument(text);
  const { scheme } = parsed.address;
  if (scheme === "http" && values.optionalBool("tls-verify")) {
    throw new HangarError(
      "usage",
      `${side} ${text} contradicts --tls-verify, which requires HTTPS`,
    );
  }
  return parsed;
}

/** The one image as a list; without a tag, the destination has the source's. */
function listOf(
  { source, destination: { reference }, to }: {
    readonly source: Reference;
    readonly destination: Side;
    readonly to: string;
  },
  from: string,
): ImageList {
  if (reference.digest !== undefined && reference.digest !== source.digest) {
    throw new HangarError(
      "usage",
      `DST ${
        formatReference(reference)
      }: want a tag; the digest is the source's`,
    );
  }
  const hasTag = /:[^/@]+(?:@|$)/.test(to.slice(to.lastIndexOf("/") + 1));
  return {
    name: "copy",
    entries: [{
      line: 1,
      ordinal: 1,
      text: `${from} ${to}`,
      source,
      destination: {
        ...reference,
        explicitRegistry: true,
        tag: hasTag ? reference.tag : undefined,
      },
    }],
    invalid: [],
  };
}
