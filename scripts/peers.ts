/**
 * Other tools that copy images, as they are without settings of their own.
 *
 * @module
 */

/** One tool. */
export interface Peer {
  readonly name: string;
  /** What of the content it checks on the way, by its documentation. */
  readonly checks: string;
  /** The command that copies an image, without source and destination. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What a reference begins with. @default {""} */
  readonly prefix?: string;
}

/** Whether a program is on the PATH. */
export function has(program: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((directory) => {
    try {
      return Deno.statSync(`${directory}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}

/**
 * The tools that are at hand.
 *
 * @param hosts registries that speak plain HTTP
 * @param directory for their files
 */
export async function peersFor(
  hosts: readonly string[],
  directory: string,
): Promise<Peer[]> {
  const config = `${directory}/regctl-${hosts.join("-")}.json`;
  const plain = hosts.map((
    host,
  ) => [host, { tls: "disabled", hostname: host }]);
  await Deno.writeTextFile(
    config,
    JSON.stringify({ hosts: Object.fromEntries(plain) }),
  );
  const peers: Peer[] = [
    {
      name: "skopeo",
      checks: "all digests",
      command: [
        ..."skopeo --insecure-policy copy -q --preserve-digests --all".split(
          " ",
        ),
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
      ],
      // It remembers where blobs are; each run is to find that out by itself.
      env: { XDG_DATA_HOME: `${directory}/fresh` },
      prefix: "docker://",
    },
    {
      name: "regctl",
      checks: "all digests",
      command: ["regctl", "image", "copy"],
      env: { REGCTL_CONFIG: config },
    },
    {
      name: "crane",
      checks: "all digests",
      command: ["crane", "copy", "--insecure"],
      env: {},
    },
    {
      name: "oras",
      checks: "no blobs",
      command: ["oras", "cp", "--from-plain-http", "--to-plain-http"],
      env: {},
    },
  ];
  return peers.filter(({ command }) => has(command[0]!));
}

/** The command that copies one image. */
export function copyOne(
  { command, prefix = "" }: Peer,
  from: string,
  to: string,
): string[] {
  return [...command, `${prefix}${from}`, `${prefix}${to}`];
}

/**
 * The command that copies many images, ten at once.
 *
 * @param file a line `REPOSITORY TAG` for each
 */
export function copyMany(
  { command, prefix = "" }: Peer,
  from: string,
  to: string,
  file: string,
): string[] {
  const words = [
    ...command,
    `${prefix}${from}/$0:$1`,
    `${prefix}${to}/$0:$1`,
  ];
  return [
    "sh",
    "-c",
    `xargs -P10 -L1 sh -c '${words.join(" ")} > /dev/null' < ${file}`,
  ];
}
