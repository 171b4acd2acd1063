/**
 * Proves the table of ARCHITECTURE.md that says which room may import which,
 * from the module graph of `main.ts` (type-only imports count too).
 *
 * @module
 */

import { isJsonObject } from "../src/json.ts";
import { withoutComments } from "./without_comments.ts";

/**
 * What each room may import besides itself: rooms, or single files. A room is
 * a directory of `src/`, or a file that lies right in it.
 */
export const ALLOWED_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  attempts: [],
  base64: [],
  bytes: [],
  counted: [],
  duration: [],
  errors: [],
  json: [],
  shared_work: [],
  strict_json: [],
  together: [],
  version: [],
  oci: ["attempts", "bytes", "json", "strict_json", "errors"],
  transport: ["attempts", "base64", "bytes", "errors"],
  names: ["oci", "errors"],
  config: ["names", "base64", "json", "strict_json", "errors"],
  auth: ["transport", "names", "base64", "json", "shared_work", "errors"],
  registry: [
    "transport",
    "oci",
    "names",
    "attempts",
    "bytes",
    "json",
    "together",
    "errors",
  ],
  copy: ["oci", "attempts", "bytes", "together", "errors"],
  signatures: [
    "oci",
    "config",
    "names",
    "base64",
    "counted",
    "json",
    "shared_work",
    "strict_json",
    "together",
    "errors",
  ],
  lists: ["oci", "names", "counted", "duration", "json", "errors"],
  layout: [
    "copy",
    "oci",
    "names",
    "base64",
    "bytes",
    "json",
    "strict_json",
    "together",
    "errors",
  ],
  signing: [
    "copy",
    "signatures",
    "oci",
    "names",
    "base64",
    "bytes",
    "together",
    "errors",
  ],
  mirror: [
    "signing",
    "lists",
    "copy",
    "signatures",
    "oci",
    "names",
    "attempts",
    "bytes",
    "counted",
    "json",
    "together",
    "errors",
  ],
  report: ["src/mirror/events.ts", "names", "counted", "json", "errors"],
  machine: [
    "auth",
    "layout",
    "signatures",
    "report",
    "mirror",
    "config",
    "transport",
    "names",
    "oci",
    "errors",
    "version",
  ],
  run: [
    "machine",
    "report",
    "mirror",
    "signing",
    "layout",
    "lists",
    "layout",
    "signatures",
    "copy",
    "registry",
    "auth",
    "transport",
    "names",
    "oci",
    "counted",
    "together",
    "errors",
    "version",
  ],
  library: [
    "run",
    "machine",
    "report",
    "mirror",
    "signing",
    "lists",
    "signatures",
    "transport",
    "names",
    "oci",
    "errors",
  ],
  cli: [
    "run",
    "machine",
    "report",
    "mirror",
    "signing",
    "lists",
    "signatures",
    "auth",
    "transport",
    "names",
    "oci",
    "counted",
    "duration",
    "errors",
    "version",
  ],
  main: ["library", "cli"],
};

/** Files, or directories with a slash at the end, that may speak to `Deno`. */
export const DENO_USERS: readonly string[] = [
  "main.ts",
  "src/cli/",
  "src/machine/",
  "src/transport/host_client.ts",
  "src/transport/proxy/without_variables.ts",
];

/** Declarations for the compiler alone: they import nothing and are no module. */
export const NOT_MODULES: readonly string[] = [
  "src/std.d.ts",
  "src/yauzl.d.ts",
];

/** What is judged; all paths are relative to the project, with slashes. */
export interface Project {
  /** The imports of each module in the graph of `main.ts`. */
  readonly imports: ReadonlyMap<string, readonly string[]>;
  /** The text of `main.ts` and of every `.ts` file below `src/`. */
  readonly sources: ReadonlyMap<string, string>;
  /** Modules that could not be resolved or loaded. */
  readonly unresolved?: readonly string[];
}

/** The room a file is in; `undefined` outside the rooms. */
export function roomOf(path: string): string | undefined {
  if (path === "main.ts") return "main";
  return /^src\/([^/]+?)(?:\/.+|\.ts)$/.exec(path)?.[1];
}

function importViolations(imports: Project["imports"]): string[] {
  const violations: string[] = [];
  for (const [from, targets] of imports) {
    const room = roomOf(from);
    const allowed = room === undefined ? undefined : ALLOWED_IMPORTS[room];
    if (allowed === undefined) {
      violations.push(`${from}: in no room of the table`);
      continue;
    }
    for (const to of targets) {
      const target = roomOf(to);
      if (target !== undefined && target === room) continue;
      if (target !== undefined && allowed.includes(target)) continue;
      if (allowed.includes(to)) continue;
      violations.push(`${from}: ${room} may not import ${to}`);
    }
  }
  return violations;
}

/** One circle through each file from which a search meets its own path. */
function circles(imports: Project["imports"]): string[] {
  const found: string[] = [];
  const finished = new Set<string>();
  const path: string[] = [];
  const visit = (file: string) => {
    if (finished.has(file)) return;
    const start = path.indexOf(file);
    if (start >= 0) {
      found.push(`circle: ${[...path.slice(start), file].join(" -> ")}`);
      return;
    }
    path.push(file);
    for (const target of imports.get(file) ?? []) visit(target);
    path.pop();
    finished.add(file);
  };
  for (const file of imports.keys()) visit(file);
  return found;
}

function mayUseDeno(path: string): boolean {
  return DENO_USERS.some((user) =>
    user.endsWith("/") ? path.startsWith(user) : path === user
  );
}

function denoViolations(sources: Project["sources"]): string[] {
  const violations: string[] = [];
  for (const [path, text] of sources) {
    if (mayUseDeno(path) || NOT_MODULES.includes(path)) continue;
    withoutComments(text).split("\n").forEach((line, index) => {
      if (/\bDeno\s*(?:\?\.|[.[])|=\s*Deno\b/.test(line)) {
        violations.push(`${path}:${index + 1}: uses Deno`);
      }
    });
  }
  return violations;
}

/** All that is wrong with a project, one line each. */
export function findViolations(project: Project): string[] {
  const orphans = [...project.sources.keys()].filter((path) =>
    !NOT_MODULES.includes(path) && !project.imports.has(path)
  );
  return [
    ...(project.unresolved ?? []).map((name) => `cannot load ${name}`),
    ...importViolations(project.imports),
    ...circles(project.imports),
    ...denoViolations(project.sources),
    ...orphans.map((path) => `${path}: not in the module graph of main.ts`),
  ];
}

/**
 * The modules below `root` out of what `deno info --json` prints.
 *
 * @param root URL of the project's directory, with a slash at the end
 */
export function parseModuleGraph(
  info: unknown,
  root: string,
): Required<Pick<Project, "imports" | "unresolved">> {
  if (!isJsonObject(info) || !Array.isArray(info.modules)) {
    throw new Error("deno info --json printed something else than a graph");
  }
  const relative = (specifier: unknown): string | undefined =>
    typeof specifier === "string" && specifier.startsWith(root)
      ? decodeURIComponent(specifier.slice(root.length))
      : undefined;
  const imports = new Map<string, string[]>();
  const unresolved: string[] = [];
  for (const module of info.modules) {
    if (!isJsonObject(module)) continue;
    if (module.error !== undefined) {
      unresolved.push(relative(module.specifier) ?? String(module.specifier));
      continue;
    }
    const path = relative(module.specifier);
    if (path === undefined || NOT_MODULES.includes(path)) continue;
    const targets = new Set<string>();
    const dependencies = Array.isArray(module.dependencies)
      ? module.dependencies
      : [];
    for (const dependency of dependencies) {
      if (!isJsonObject(dependency)) continue;
      // `code` is there for what runs, `type` for what is only checked.
      for (const use of [dependency.code, dependency.type]) {
        if (!isJsonObject(use)) continue;
        if (use.error !== undefined) {
          unresolved.push(`${dependency.specifier} (imported by ${path})`);
        }
        const target = relative(use.specifier);
        if (target !== undefined) targets.add(target);
      }
    }
    imports.set(path, [...targets]);
  }
  return { imports, unresolved };
}

async function moduleGraph(root: URL): Promise<unknown> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "main.ts"],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  if (!success) {
    throw new Error(
      `deno info main.ts failed: ${new TextDecoder().decode(stderr).trim()}`,
    );
  }
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function readSources(root: URL): Promise<Map<string, string>> {
  const sources = new Map<string, string>();
  const read = async (path: string) => {
    sources.set(path, await Deno.readTextFile(new URL(path, root)));
  };
  const walk = async (directory: string): Promise<void> => {
    for await (const entry of Deno.readDir(new URL(directory, root))) {
      const path = `${directory}${entry.name}`;
      if (entry.isDirectory) await walk(`${path}/`);
      else if (entry.name.endsWith(".ts")) await read(path);
    }
  };
  await Promise.all([read("main.ts"), walk("src/")]);
  return sources;
}

/**
 * Reads a project from disk.
 *
 * @param root its directory, with a slash at the end
 */
export async function readProject(root: URL): Promise<Project> {
  const [info, sources] = await Promise.all([
    moduleGraph(root),
    readSources(root),
  ]);
  return { ...parseModuleGraph(info, root.href), sources };
}

if (import.meta.main) {
  const project = await readProject(new URL("../", import.meta.url));
  const violations = findViolations(project);
  if (violations.length > 0) {
    for (const violation of violations) console.error(`rooms: ${violation}`);
    Deno.exit(1);
  }
  const count = [...project.imports.values()]
    .reduce((sum, targets) => sum + targets.length, 0);
  console.log(
    `rooms: ${project.imports.size} files, ${count} imports, no violation`,
  );
}
