/**
 * The container of a pod as a process of this machine: its arguments, its
 * environment, and its volumes as directories.
 *
 * @module
 */

import { ChildServer } from "../child_server.ts";
import type { Container, KubernetesApi, Pod } from "./kubernetes_api.ts";

const MAIN = new URL("../../../../main.ts", import.meta.url).pathname;

/** Where a volume is mounted, and the directory that it is. */
interface Mount {
  readonly mountPath: string;
  readonly directory: string;
  readonly isWritable: boolean;
}

/** The value of a field of a pod, by the path that a variable names. */
function fieldOf({ metadata }: Pod, path: string): string {
  const [, map, key] =
    /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path) ?? [];
  const value = map === undefined
    ? path === "metadata.name" ? metadata.name : undefined
    : metadata[map as "labels" | "annotations"]?.[key!];
  if (value === undefined) throw new Error(`this pod has no field ${path}`);
  return value;
}

/** `$(NAME)`, as the kubelet replaces it; unknown names stay. */
export function expand(
  text: string,
  variables: Readonly<Record<string, string>>,
): string {
  return text.replace(
    /\$\$|\$\((\w+)\)/g,
    (whole, name) =>
      name === undefined ? "$" : variables[name as string] ?? whole,
  );
}

function variablesOf(pod: Pod, { env = [] }: Container) {
  const variables: Record<string, string> = {};
  for (const { name, value, valueFrom } of env) {
    const path = valueFrom?.fieldRef?.fieldPath;
    if (valueFrom && path === undefined) {
      throw new Error(`${name} is taken from what this test does not know`);
    }
    variables[name] = path === undefined
      ? expand(value ?? "", variables)
      : fieldOf(pod, path);
  }
  return variables;
}

/** Leads the paths of mounts in a text to their directories. */
function inDirectories(text: string, mounts: readonly Mount[]): string {
  const at = /(?<=^|=)\/[^\s=]*/.exec(text);
  if (!at) return text;
  const [path] = at;
  const mount = mounts.find(({ mountPath }) =>
    path === mountPath || path.startsWith(`${mountPath}/`)
  );
  return mount
    ? text.slice(0, at.index) + mount.directory +
      path.slice(mount.mountPath.length)
    : text;
}

/** Makes the volumes of a pod, with what is in them at this moment. */
async function mountVolumes(
  pod: Pod,
  api: KubernetesApi,
  { own, claims }: { readonly own: string; readonly claims: string },
): Promise<Mount[]> {
  const { namespace } = pod.metadata;
  const directories = new Map<string, string>();
  for (const volume of pod.spec.volumes) {
    const { configMap, secret, persistentVolumeClaim, emptyDir } = volume;
    const directory = persistentVolumeClaim
      ? `${claims}/${namespace}-${persistentVolumeClaim.claimName}`
      : `${own}/${volume.name}`;
    await Deno.mkdir(directory, { recursive: true });
    directories.set(volume.name, directory);
    if (configMap || secret) {
      const files = configMap
        ? await api.data(namespace, "configmaps", configMap.name)
        : await api.data(namespace, "secrets", secret!.secretName);
      for (const [name, bytes] of files) {
        await Deno.writeFile(`${directory}/${name}`, bytes);
      }
    } else if (!persistentVolumeClaim && !emptyDir) {
      throw new Error(`this test does not know volumes such as ${volume.name}`);
    }
  }
  return pod.spec.containers[0].volumeMounts.map((
    { name, mountPath, readOnly },
  ) => ({
    mountPath,
    directory: directories.get(name)!,
    isWritable: !readOnly &&
      !pod.spec.volumes.some((volume) =>
        volume.name === name && (volume.configMap || volume.secret)
      ),
  }));
}

/** A container that runs. */
export class PodProcess {
  readonly #child: ChildServer;
  #log = "";

  private constructor(child: (keep: (line: string) => void) => ChildServer) {
    this.#child = child((line) => this.#log += `${line}\n`);
  }

  /**
   * Starts hangar as the container of a pod would run it. It may write where the
   * pod lets it: Deno's permissions stand for a root that is read-only.
   *
   * @param own a directory for the volumes of this pod alone
   * @param claims a directory for the volumes that pods share
   */
  static async start(
    pod: Pod,
    api: KubernetesApi,
    directories: { readonly own: string; readonly claims: string },
  ): Promise<PodProcess> {
    const [container] = pod.spec.containers;
    const mounts = await mountVolumes(pod, api, directories);
    const variables = variablesOf(pod, container);
    const writable = mounts.filter(({ isWritable }) => isWritable)
      .map(({ directory }) => directory);
    const write = container.securityContext?.readOnlyRootFilesystem
      ? `--allow-write=${writable.join()}`
      : "--allow-write";
    const args = container.args.map((arg) =>
      inDirectories(expand(arg, variables), mounts)
    );
    return new PodProcess((keep) =>
      new ChildServer(Deno.execPath(), {
        args: [
          ...["run", "--no-prompt", "--cached-only", "--quiet"],
          ...["--allow-net", "--allow-env", "--allow-sys", "--allow-read"],
          ...[write, MAIN, ...args],
        ],
        env: {
          // As the image has it for its user.
          HOME: "/nonexistent",
          DENO_DIR: Deno.env.get("DENO_DIR") ??
            `${Deno.env.get("HOME")}/.cache/deno`,
          DENO_NO_UPDATE_CHECK: "1",
          ...Object.fromEntries(
            Object.entries(variables).map((
              [name, value],
            ) => [name, inDirectories(value, mounts)]),
          ),
        },
        onStdout: keep,
        onStderr: keep,
      })
    );
  }

  /** What it wrote so far. */
  get log(): string {
    return this.#log;
  }

  /** Resolves to its exit code. */
  get ended(): Promise<number> {
    return this.#child.ended;
  }

  /** Ends it as the kubelet does: SIGTERM, and SIGKILL where it takes long. */
  async stop(graceMs: number): Promise<void> {
    await this.#child.stop(graceMs);
  }
}
