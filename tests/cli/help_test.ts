import { assertEquals } from "@std/assert";
import type { FlagSpec } from "../../src/cli/flags/flags.ts";
import { renderHelp } from "../../src/cli/flags/help.ts";
import { MIRROR_FLAGS } from "../../src/cli/commands/mirror_command.ts";
import { hangar } from "../support/hangar.ts";

// The help listing of the manual page, to the letter.
const MANUAL = `Mirror images between registry servers

Usage:
  hangar mirror -f IMAGE_LIST.txt -d DESTINATION_REGISTRY [flags]
  hangar mirror [command]

Examples:
# Mirror images from SOURCE REGISTRY to DESTINATION REGISTRY.
hangar mirror \\
        --file IMAGE_LIST.txt \\
        --source SOURCE_REGISTRY \\
        --destination DESTINATION_REGISTRY \\
        --arch amd64,arm64 \\
        --os linux \\
        --sigstore-private-key SIGSTORE.key

Available Commands:
  validate    Ensure the images were mirrored correctly

Flags:
  -a, --arch strings                      architecture list of images (default [amd64,arm64])
  -d, --destination string                specify the destination image registry
      --destination-project string        override all destination image projects
  -o, --failed string                     file name of the mirror failed image list (default "mirror-failed.txt")
  -f, --file string                       image list file
  -h, --help                              help for mirror
  -j, --jobs int                          worker number, copy images parallelly (1-20) (default 1)
      --os strings                        OS list of images (default [linux])
      --overwrite                         overwrite exist manifest index in destination registry
      --provenance                        copy SLSA provenance (default true)
      --remove-signatures                 do not copy image signatures when mirror images
      --sigstore-passphrase-file string   passphrase file of the sigstore private key
      --sigstore-private-key string       sign images by sigstore private key when mirror images
      --skip-login                        skip check the destination registry is logged in (used in shell script)
  -s, --source string                     override the source registry in image list
      --source-project string             override all source image projects
      --timeout duration                  timeout when mirror each images (default 10m0s)
      --tls-verify                        require HTTPS and verify certificates

Global Flags:
      --debug             enable debug output
      --insecure-policy   run Hangar without policy check

Use "hangar mirror [command] --help" for more information about a command.
`;

const inManual = (flag: FlagSpec) =>
  new RegExp(`--${flag.name}\\b[^-]`).test(MANUAL);

Deno.test("help: the renderer writes the manual's listing to the letter", () => {
  const rendered = renderHelp({
    path: "hangar mirror",
    summary: "Mirror images between registry servers",
    usage: [
      "hangar mirror -f IMAGE_LIST.txt -d DESTINATION_REGISTRY [flags]",
      "hangar mirror [command]",
    ],
    examples: MANUAL.slice(
      MANUAL.indexOf("# Mirror"),
      MANUAL.indexOf("\n\nAvailable"),
    ),
    commands: [{
      name: "validate",
      summary: "Ensure the images were mirrored correctly",
    }],
    flags: [
      ...MIRROR_FLAGS.filter(inManual),
    ],
    globalFlags: [
      {
        name: "debug",
        type: "bool",
        default: false,
        help: "enable debug output",
      },
      {
        name: "insecure-policy",
        type: "bool",
        default: false,
        help: "run Hangar without policy check",
      },
    ],
  });
  assertEquals(rendered, MANUAL);
});

Deno.test("help: each flag that mirror has stands in its help as in the manual", async () => {
  const { code, stdout, stderr } = await hangar(["mirror", "--help"]);
  assertEquals([code, stderr], [0, ""]);
  // The width of the column depends on the longest flag, so spaces are folded.
  const rows = (text: string) =>
    text.split("\n").filter((line) => /^ +-/.test(line))
      .map((line) => line.replace(/ +/g, " "));
  const ours = rows(stdout);
  assertEquals(rows(MANUAL).filter((row) => !ours.includes(row)), []);
  assertEquals(
    ours.length,
    // --log-format, --quiet and --hide-log-time are global flags beside these.
    rows(MANUAL).length + MIRROR_FLAGS.filter((f) => !inManual(f)).length + 3,
  );
});
