/**
 * `receipt`: what a registry holds of the images of a list, as a file that
 * `save --since` takes on the other side.
 *
 * @module
 */

import { counted } from "../counted.ts";
import { describeError } from "../errors.ts";
import { type MadeReceipt, receiptJson } from "../layout/receipt.ts";
import { checkFailedPath, refuseSameFile } from "../machine/failed_list.ts";
import { writeOutput } from "../machine/write_output.ts";
import { type HeldImage, heldImage, KnownBlobs } from "../mirror/held_image.ts";
import { planInPlace } from "../mirror/plan/plan_mirror.ts";
import type { RegistryAddress } from "../names/address.ts";
import { formatReference, type Reference } from "../names/reference.ts";
import type { Digest } from "../oci/digest.ts";
import { logHoldings, receiptLine } from "../report/receipt_log.ts";
import { VERSION } from "../version.ts";
import { ExitCode } from "./exit_code.ts";
import { consoleFor } from "./log_console.ts";
import type { RunProcess } from "./process.ts";
import type { ListRunOptions } from "./list_job.ts";
import { runList } from "./run_list.ts";

/** How a receipt is made. */
export interface ReceiptOptions extends ListRunOptions {
  readonly destination: RegistryAddress;
  /** The file for the receipt, `-` for standard output. */
  readonly output: string;
}

/** Makes a receipt; gives the exit code. An interrupted run writes none. */
export async function runReceipt(
  options: ReceiptOptions,
  process: RunProcess,
): Promise<number> {
  const { input, output, failed, report } = options;
  if (output !== "-") {
    const file = "file" in input ? input.file : "-";
    await checkFailedPath(output, file, "--output");
    if (failed !== undefined) {
      await refuseSameFile(failed, output, { flag: "--output" });
    }
    if (report && report !== "-") {
      const what = {
        flag: "--output",
        why: "the report goes to the same file",
        other: "--report",
      };
      await refuseSameFile(report, output, what);
    }
  }
  const holdings = new Holdings();
  const code = await runList(options, process, {
    command: "receipt",
    log: logHoldings,
    summary: receiptLine,
    plan: planInPlace,
    needsLogin: false,
    work: (network, { tasks }) => {
      const services = network.runServices("pull");
      const known = new KnownBlobs();
      holdings.expect(tasks.map(({ destination }) => destination));
      return async (job) => {
        const found = await heldImage(job, services, known);
        holdings.add(job.task.destination, found);
        return found.result;
      };
    },
  });
  if (code === ExitCode.interrupted) return code;
  const console = consoleFor(options, process);
  const told = holdings.told();
  const json = receiptJson({
    tool: { name: "hangar", version: VERSION },
    registry: options.destination.host,
    madeAt: new Date(process.now?.() ?? Date.now()).toISOString(),
    ...told,
  });
  const { repositories } = told;
  try {
    await writeOutput(output, `${JSON.stringify(json, null, 1)}\n`, {
      ...process,
      what: "the receipt",
    });
  } catch (error) {
    console.error(describeError(error));
    return ExitCode.someFailed;
  }
  const digests = new Set(
    repositories.flatMap(({ manifests, blobs }) => [...manifests, ...blobs]),
  );
  console.result(
    `The receipt ${
      output === "-" ? "is on standard output" : `is ${output}`
    }: ${counted(digests.size, "digest")} in ${
      counted(repositories.length, "repository", "repositories")
    }`,
  );
  return code;
}

/** What was seen in a run. */
class Holdings {
  readonly #repositories = new Map<
    string,
    { readonly manifests: Set<Digest>; readonly blobs: Set<Digest> }
  >();
  /** The digest of each image, in list order; null where it is not there. */
  readonly #seen = new Map<string, Digest | null | undefined>();

  /** Takes the images that will be looked for. */
  expect(images: readonly Reference[]): void {
    for (const image of images) {
      this.#seen.set(formatReference(image), undefined);
    }
  }

  /** Takes what was found of one of them. */
  add(image: Reference, { result, held }: HeldImage): void {
    const reference = formatReference(image);
    if (result.kind === "skipped") this.#seen.set(reference, null);
    if (!held) return;
    this.#seen.set(reference, result.digest);
    const known = this.#repositories.get(image.repository) ??
      { manifests: new Set(), blobs: new Set() };
    this.#repositories.set(image.repository, known);
    for (const digest of held.manifests) known.manifests.add(digest);
    for (const digest of held.blobs) known.blobs.add(digest);
  }

  /** What a receipt says of it. */
  told(): Pick<MadeReceipt, "images" | "absent" | "repositories"> {
    const seen = [...this.#seen];
    return {
      images: seen.flatMap(([reference, digest]) =>
        digest ? [{ reference, digest }] : []
      ),
      absent: seen.flatMap(([reference, digest]) =>
        digest === null ? [reference] : []
      ),
      repositories: [...this.#repositories].map(
        ([repository, { manifests, blobs }]) => ({
          repository,
          manifests: [...manifests],
          blobs: [...blobs],
        }),
      ),
    };
  }
}
