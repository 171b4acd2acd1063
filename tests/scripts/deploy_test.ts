/**
 * What `deploy/` holds: the manifests, run as a cluster would run them, and the
 * metrics that rules and dashboard ask for.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { parse, parseAllDocuments } from "yaml";
import { metricsText } from "../../src/report/metrics_text.ts";
import { Tally } from "../../src/report/summary.ts";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import { makeMultiArch } from "../support/images.ts";

const DEPLOY = new URL("../../deploy/", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, DEPLOY));

interface Container {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly securityContext: unknown;
  readonly volumeMounts: readonly {
    readonly name: string;
    readonly mountPath: string;
  }[];
}

interface JobSpec {
  readonly completionMode: string;
  readonly completions: number;
  readonly backoffLimitPerIndex: number;
  readonly podFailurePolicy: { readonly rules: readonly unknown[] };
  readonly template: {
    readonly spec: {
      readonly restartPolicy: string;
      readonly securityContext: Readonly<Record<string, unknown>>;
      readonly containers: readonly [Container];
      readonly volumes: readonly { readonly name: string }[];
    };
  };
}

/** It is applied by hand, when the reports are looked at. */
const READER = "reader.yaml";

const job: JobSpec = parse(read("kubernetes/job.yaml")).spec;
const cronJob = parse(read("kubernetes/cronjob.yaml")).spec;
const pod = job.template.spec;
const [container] = pod.containers;

Deno.test("deploy: the kustomization names files that are there, and all of them", () => {
  const { resources, configMapGenerator, secretGenerator } = parse(
    read("kubernetes/kustomization.yaml"),
  );
  const generated = [...configMapGenerator, ...secretGenerator]
    .flatMap(({ files }: { files: string[] }) => files)
    .map((file: string) => file.split("=").at(-1)!);
  const there = [...Deno.readDirSync(new URL("kubernetes/", DEPLOY))]
    .map(({ name }) => name)
    .filter((name) => name !== "kustomization.yaml" && name !== READER);
  assertEquals([...resources, ...generated].sort(), there.sort());
  for (const name of [...resources, READER]) {
    for (const document of parseAllDocuments(read(`kubernetes/${name}`))) {
      assertEquals(document.errors, []);
    }
  }
  // No credentials are in the repository.
  assertEquals(JSON.parse(read("kubernetes/auth.json")), { auths: {} });
});

Deno.test("deploy: the Job retries an index, but not wrong usage, and disruptions do not count", () => {
  assertEquals(job.completionMode, "Indexed");
  assert(job.backoffLimitPerIndex >= 1);
  // The first rule that matches decides.
  assertEquals(job.podFailurePolicy.rules, [
    {
      action: "Ignore",
      onPodConditions: [{ type: "DisruptionTarget", status: "True" }],
    },
    {
      action: "FailIndex",
      onExitCodes: {
        containerName: container.name,
        operator: "In",
        values: [2],
      },
    },
  ]);
  assertEquals(pod.restartPolicy, "Never");
  assertEquals(cronJob.jobTemplate.spec, job);
  assertEquals(cronJob.concurrencyPolicy, "Forbid");
});

Deno.test("deploy: the pods are those of the restricted Pod Security Standard", () => {
  const { runAsNonRoot, runAsUser, seccompProfile } = pod.securityContext;
  assertEquals(runAsNonRoot, true);
  assertEquals(seccompProfile, { type: "RuntimeDefault" });
  assertEquals(container.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  const dockerfile = Deno.readTextFileSync(new URL("../Dockerfile", DEPLOY));
  assertMatch(dockerfile, new RegExp(`^USER ${runAsUser}:`, "m"));
  assertEquals(
    container.volumeMounts.map(({ name }) => name).sort(),
    pod.volumes.map(({ name }) => name).sort(),
  );
  const reader: JobSpec["template"]["spec"] =
    parse(read(`kubernetes/${READER}`)).spec;
  assertEquals(reader.securityContext, pod.securityContext);
  assertEquals(
    reader.containers[0].securityContext,
    container.securityContext,
  );
  assertEquals(
    reader.volumes,
    pod.volumes.filter(({ name }) => name === "reports"),
  );
});

Deno.test("deploy: the pods of the Job mirror the list, each its part, and their reports can be joined", async () => {
  const directory = await Deno.makeTempDir();
  await using source = FakeRegistry.start();
  await using destination = FakeRegistry.start();
  const names = [...Array(20).keys()].map((i) => `corp/app${i}`);
  for (const name of names) source.install(name, "v1", makeMultiArch(name));
  try {
    // The volumes, as directories.
    const mounts = container.volumeMounts.map(({ mountPath }) => mountPath);
    for (const path of mounts) {
      await Deno.mkdir(`${directory}${path}`, { recursive: true });
    }
    const list = names.map((name) => `${name}:v1`).join("\n");
    await Deno.writeTextFile(`${directory}/etc/hangar/images.txt`, list);
    await Deno.copyFile(
      new URL("kubernetes/auth.json", DEPLOY),
      `${directory}/etc/hangar-credentials/.dockerconfigjson`,
    );
    const inDirectory = (text: string) =>
      text.replace(/(?<=^|=)(?=\/(?:etc|reports|tmp)\b)/, directory);
    for (let index = 0; index < job.completions; index++) {
      // What the Job controller and the kubelet make of the template.
      const variables: Record<string, string> = {
        JOB_COMPLETION_INDEX: `${index}`,
        ...Object.fromEntries(
          container.env.map(({ name, value }) => [
            name,
            // Only the name of the Job is from a label.
            value === undefined ? "hangar-mirror" : inDirectory(value),
          ]),
        ),
      };
      const args = container.args.map((arg) =>
        inDirectory(
          arg.replace(/\$\((\w+)\)/g, (_, name) => variables[name]!)
            .replace("registry.example.com", `http://${destination.host}`),
        )
      );
      const { code, stderr } = await hangar([
        ...args,
        `--source=http://${source.host}`,
      ], { env: variables });
      assertEquals(code, 0, stderr);
    }
    assertEquals(destination.tags().length, names.length);
    const reports = [...Array(job.completions).keys()].map((index) =>
      `${directory}/reports/hangar-mirror.report-${index}.json`
    );
    const { code, stdout } = await hangar(["report", "merge", ...reports]);
    assertEquals(code, 0);
    assertEquals(JSON.parse(stdout).totals.copied, names.length);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("deploy: rules and dashboard ask for metrics that there are", async () => {
  const text = await metricsText({
    labels: { command: "mirror", list: "images.txt", shard: "0/2" },
    version: "1.0.0",
    startedAt: 1,
    duration: 1,
    images: 1,
    success: true,
    lastSuccess: 1,
    totals: new Tally().totals(),
    registries: new Map(),
  });
  const known = new Set(
    [...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name!),
  );
  const used = [
    ...read("prometheus/alerts.yaml").matchAll(/\bhangar_\w+/g),
    ...read("grafana/hangar.json").matchAll(/\bhangar_\w+/g),
  ].map(([name]) => name);
  assert(used.length > 20);
  assertEquals(used.filter((name) => !known.has(name)), []);
  const { panels } = JSON.parse(read("grafana/hangar.json"));
  assertEquals(
    new Set(panels.map(({ id }: { id: number }) => id)).size,
    panels.length,
  );
});
