/**
 * Builds the control plane of Kubernetes for `tests/interop/kubernetes_test.ts`:
 * kube-apiserver, kube-controller-manager and kubectl.
 *
 *   deno run -A scripts/control_plane.ts [DIRECTORY]
 *
 * They go into DIRECTORY, or to where the other programs of interop tests are:
 * `~/.cache/hangar-interop/bin`. `tests/interop/control_plane/go.mod` says which
 * version. The first time takes a quarter of an hour on two cores.
 *
 * @module
 */

const MODULE = new URL("../tests/interop/control_plane/", import.meta.url)
  .pathname;

function defaultDirectory(): string {
  const cache = Deno.env.get("XDG_CACHE_HOME") ||
    `${Deno.env.get("HOME")}/.cache`;
  return `${cache}/hangar-interop/bin`;
}

/** The version of Kubernetes that the module requires. */
async function versionOf(module: string): Promise<string> {
  const text = await Deno.readTextFile(`${module}go.mod`);
  const version = /^\s*(?:require )?k8s\.io\/kubernetes (v\S+)/m.exec(text)
    ?.[1];
  if (version === undefined) {
    throw new Error(`${module}go.mod does not require k8s.io/kubernetes`);
  }
  return version;
}

async function build(directory: string): Promise<number> {
  const version = await versionOf(MODULE);
  await Deno.mkdir(directory, { recursive: true });
  const bin = await Deno.realPath(directory);
  console.log(`Building the control plane of Kubernetes ${version} in ${bin}`);
  try {
    // `tool` stands for the programs that go.mod lists. Without the stamp, they
    // say that they are version 0.0.0.
    const go = new Deno.Command("go", {
      args: [
        ...["install", "-trimpath", "-ldflags"],
        `-s -w -X k8s.io/component-base/version.gitVersion=${version}`,
        "tool",
      ],
      cwd: MODULE,
      env: { GOBIN: bin },
    }).spawn();
    return (await go.status).code;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("go is not installed");
    return 1;
  }
}

Deno.exitCode = await build(Deno.args[0] ?? defaultDirectory());
