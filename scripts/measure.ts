/**
 * Whole processes, measured: CPU, wall time and peak memory.
 *
 * @module
 */

/** What a process took. */
export interface Measured {
  readonly userS: number;
  readonly systemS: number;
  readonly wallS: number;
  /** The most memory that it held (`VmHWM`), in kB. */
  readonly peakKb: number;
}

/** Options of {@linkcode measure}. */
export interface MeasureOptions {
  readonly env?: Record<string, string>;
}

const POLL_MS = 20;

/**
 * Runs a command to its end.
 *
 * @throws {Error} with what it said when it fails
 */
export async function measure(
  command: readonly string[],
  options: MeasureOptions = {},
): Promise<Measured> {
  // bash's own `time` adds up what the command and its children took.
  const child = new Deno.Command("bash", {
    args: [
      "-c",
      'TIMEFORMAT="TIME %R %U %S"; time "$@"',
      "measure",
      ...command,
    ],
    stdout: "null",
    stderr: "piped",
    env: options.env,
  }).spawn();
  let peakKb = 0;
  const poll = setInterval(() => {
    for (const pid of childrenOf(child.pid)) {
      peakKb = Math.max(peakKb, peakOf(pid));
    }
  }, POLL_MS);
  try {
    const { code, stderr } = await child.output();
    const said = new TextDecoder().decode(stderr);
    if (code !== 0) {
      throw new Error(`${command.slice(0, 4).join(" ")}: ${said.slice(-2000)}`);
    }
    const [, wall, user, system] =
      /TIME ([\d.]+) ([\d.]+) ([\d.]+)\s*$/.exec(said) ?? [];
    return {
      wallS: Number(wall),
      userS: Number(user),
      systemS: Number(system),
      peakKb,
    };
  } finally {
    clearInterval(poll);
  }
}

function childrenOf(pid: number): number[] {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim()
      .split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function peakOf(pid: number): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** The middle one of some numbers. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
