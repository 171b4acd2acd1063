/**
 * What the parts of a binary do that are loaded when they are needed: the report
 * page, metrics, keys and signatures, archives, TLS without verification,
 * completion, and lists in YAML.
 *
 * @module
 */

import { makeCertificate } from "../tests/support/certificates.ts";
import { FakeRegistry } from "../tests/support/fake_registry.ts";
import { makeMultiArch } from "../tests/support/images.ts";

/** What came of a command. */
export interface CommandResult {
  readonly code: number;
  readonly text: string;
}

/** Runs the binary with arguments in a directory. */
export type RunBinary = (
  args: readonly string[],
  directory: string,
) => Promise<CommandResult>;

/**
 * Runs command after command.
 *
 * @throws {Error} naming the first that does not do what it should
 */
export async function runCommands(run: RunBinary): Promise<void> {
  const source = FakeRegistry.start();
  const destination = FakeRegistry.start();
  const far = FakeRegistry.start();
  const unchecked = serveUnchecked();
  const directory = await Deno.makeTempDir();
  try {
    const app = makeMultiArch("app", { layers: [1_000_000, 500] });
    source.install("corp/app", "v1", app);
    await Deno.writeTextFile(`${directory}/images.txt`, "corp/app:v1\n");
    await Deno.writeTextFile(
      `${directory}/sync.yaml`,
      `"${source.host}":\n  images: { corp/app: [v1] }\n  tls-verify: false\n`,
    );
    const from = ["--file=images.txt", `--source=${source.host}`];
    const to = `--destination=${destination.host}`;
    const signed = ["--file=images.txt", to, "--retry-times=0"];
    const steps: readonly (readonly [readonly string[], string?])[] = [
      [["completion", "bash"], "__hangar_complete"],
      [["mirror", ...from, to, "--report=a.html", "--metrics=m.prom"]],
      [["mirror", ...from, to, "--report=a.json"], "1 up to date"],
      [["report", "merge", "a.json", "--output=all.json"]],
      [["report", "html", "all.json", "--output=b.html"]],
      [["generate-sigstore-key", "--prefix=key"]],
      [["sign", ...signed, "--key=key.key"], "1 signed"],
      [["sign", ...signed, "--key=key.key", "--sign-format=bundle"]],
      [["sign", "validate", ...signed, "--key=key.pub"], "1 passed"],
      [["save", ...from, "--destination=a.tar"]],
      [["archive", "verify", "a.tar"], "PASS"],
      [["load", "--source=a.tar", `--destination=${far.host}`], "1 copied"],
      [["list-tags", `${unchecked.host}/corp/app`, "--tls-verify=false"], "v9"],
      [["mirror", "--file=sync.yaml", to, "--dry-run"]],
      [
        ["inspect", `${source.host}/corp/app:v1`, "--format={{.Os}}"],
        "linux",
      ],
    ];
    for (const [args, wanted = ""] of steps) {
      const { code, text } = await run(args, directory);
      if (code !== 0 || !text.includes(wanted)) {
        throw new Error(`${args.join(" ")}: exit ${code}: ${text}`);
      }
    }
    for (const [name, wanted] of Object.entries(LEFT_BEHIND)) {
      const text = await Deno.readTextFile(`${directory}/${name}`);
      if (!text.includes(wanted)) throw new Error(`${name} lacks ${wanted}`);
    }
    if (far.digestOf("corp/app", "v1") !== app.digest) {
      throw new Error("what was saved and loaded is not what it was");
    }
  } finally {
    await source[Symbol.asyncDispose]();
    await destination[Symbol.asyncDispose]();
    await far[Symbol.asyncDispose]();
    await unchecked.server.shutdown();
    await Deno.remove(directory, { recursive: true });
  }
}

/** What the files are known by that the commands leave behind. */
const LEFT_BEHIND: Readonly<Record<string, string>> = {
  "a.html": '"exitCode":0',
  "b.html": '"exitCode":0',
  "m.prom": 'hangar_images{outcome="copied"',
};

/** A registry with a certificate that nobody has signed. */
function serveUnchecked() {
  const certificate = makeCertificate({ ip: [127, 0, 0, 1] });
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: () => {},
    cert: certificate.pem,
    key: String(
      certificate.privateKey.export({ type: "pkcs8", format: "pem" }),
    ),
  }, () => Response.json({ name: "corp/app", tags: ["v9"] }));
  return { server, host: `127.0.0.1:${server.addr.port}` };
}
