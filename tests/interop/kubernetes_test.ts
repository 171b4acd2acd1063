/**
 * `deploy/kubernetes/` on a real control plane. What a reader of
 * docs/kubernetes.md does is done here; the test plays the nodes.
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { interopIgnored } from "./support.ts";
import {
  type ControlPlane,
  missingPrograms,
} from "./support/kubernetes/control_plane.ts";
import { Kubelet, type PodRun } from "./support/kubernetes/kubelet.ts";
import {
  type Condition,
  type Job,
  podPath,
} from "./support/kubernetes/kubernetes_api.ts";
import {
  digestsOf,
  LOGIN,
  type Merged,
  NAMESPACE,
  Team,
} from "./support/kubernetes/team.ts";

const JOB = "hangar-mirror";
const SHARDS = 4;

/** What happens to the indexes of the first Job; all is well with index 0. */
const EVICTED = 1;
const REFUSED = 2;
const LACKING = 3;

/** The conditions that hold. */
function holding({ status }: Job): Condition[] {
  return (status.conditions ?? []).filter(({ status }) => status === "True");
}

/** The Job, once it has ended. */
async function ended(
  plane: ControlPlane,
  name: string,
): Promise<Job | undefined> {
  const job = await plane.api.job(NAMESPACE, name);
  const ends = ["Complete", "Failed"];
  return holding(job).some(({ type }) => ends.includes(type)) ? job : undefined;
}

/** What the Job controller notes of an index at each of its pods. */
function noted({ pod }: PodRun, what: string): string | undefined {
  return pod.metadata.annotations?.[`batch.kubernetes.io/job-index-${what}`];
}

/** What became of each image. */
function outcomesOf(
  { report, stderr }: Merged,
  names: readonly string[],
): (string | undefined)[] {
  assert(report, stderr);
  return names.map((name) =>
    report.images.find(({ destination }) =>
      destination.reference.endsWith(`/${name}:v1`)
    )?.outcome
  );
}

/** A schedule for this time of each day. */
function daily(date: Date): string {
  return `${date.getUTCMinutes()} ${date.getUTCHours()} * * *`;
}

/** The Job in which indexes end in each way. */
async function runFirstJob(team: Team, kubelet: Kubelet): Promise<Job> {
  const { plane, held, destination, shards } = team;
  const evicted = await kubelet.until("the pod that is to go", () => {
    const [run] = kubelet.runsOf(JOB, EVICTED);
    assertEquals(run?.code, undefined, run?.process.log);
    const others = shards[EVICTED]!.slice(1).map((name) =>
      `Copied [${destination.host}/${name}:v1]`
    );
    // In the middle of its work: one image is held, and the others are copied.
    return run && held.isAsked &&
        others.every((text) => run.process.log.includes(text))
      ? run
      : undefined;
  });
  // What `kubectl drain` does.
  await plane.api.request("POST", podPath(evicted.pod, "eviction"), {
    apiVersion: "policy/v1",
    kind: "Eviction",
    metadata: { name: evicted.pod.metadata.name, namespace: NAMESPACE },
  });
  await kubelet.until("its end", () => evicted.code);
  held.release();
  return await kubelet.until(`the end of ${JOB}`, () => ended(plane, JOB));
}

/** Lets the CronJob find that its last time has passed. */
async function missLastNight({ api }: ControlPlane): Promise<void> {
  const path = `/apis/batch/v1/namespaces/${NAMESPACE}/cronjobs/${JOB}`;
  const missed = new Date(Date.now() - 5 * 60_000);
  const before = new Date(missed.getTime() - 24 * 3_600_000);
  await api.patch(path, { spec: { schedule: daily(missed) } });
  await api.patch(`${path}/status`, {
    status: { lastScheduleTime: before.toISOString() },
  });
}

Deno.test({
  name:
    "interop: deploy/kubernetes/ does on a control plane what docs/kubernetes.md says",
  ignore: interopIgnored || missingPrograms.length > 0,
  fn: async (t) => {
    await using team = await Team.start({ shards: SHARDS });
    const { plane, shards, source, destination, names } = team;
    const lacking = shards[LACKING]![0]!;
    for (const name of names) if (name !== lacking) await team.push(name);
    await team.prepare(shards[EVICTED]![0]!);
    // Each step goes on with what the one before has done.
    let isGood = true;
    const step = async (name: string, fn: () => Promise<void>) => {
      if (isGood) isGood = await t.step(name, fn);
    };

    await step("all of it is taken, with nothing unknown", async () => {
      assertEquals((await team.apply()).sort(), [
        "configmap/hangar-list serverside-applied",
        "cronjob.batch/hangar-mirror serverside-applied",
        "job.batch/hangar-mirror serverside-applied",
        "namespace/hangar serverside-applied",
        "persistentvolumeclaim/hangar-reports serverside-applied",
        "secret/hangar-credentials serverside-applied",
      ]);
      await team.kubectl(
        ...["apply", "--server-side", "--filename=reader.yaml"],
        ...["--validate=strict", "--dry-run=server"],
      );
    });

    let isFirstJob = true;
    await using kubelet = new Kubelet(
      plane.api,
      team.volumes,
      async ({ job, index, attempt }) => {
        const isOld = isFirstJob && job === JOB && index === REFUSED;
        await team.setPassword(isOld ? "of last year" : LOGIN.password);
        // Meanwhile, somebody has made it.
        if (index === LACKING && attempt === 1) await team.push(lacking);
      },
    );
    const runs = (job: string) =>
      shards.map((_, index) => kubelet.runsOf(job, index));
    const codes = (job: string) =>
      runs(job).map((runs) => runs.map(({ code }) => code));
    const allDone = shards.map(() => [0]);

    await step("each index ends as the page says", async () => {
      const job = await runFirstJob(team, kubelet);
      assertEquals(codes(JOB), [[0], [130, 0], [2], [1, 0]]);
      assertEquals(
        runs(JOB).map((runs) => runs.map((run) => noted(run, "failure-count"))),
        [["0"], ["0", "0"], ["0"], ["0", "1"]],
      );
      const again = runs(JOB)[EVICTED]![1]!;
      assertEquals(noted(again, "ignored-failure-count"), "1");
      // Those of exit 1 and exit 2; the pod that was evicted does not count.
      assertEquals(job.status.failed, 2);
      assertEquals(
        holding(job).map(({ type, reason }) => ({ type, reason })),
        [
          { type: "FailureTarget", reason: "FailedIndexes" },
          { type: "Failed", reason: "FailedIndexes" },
        ],
      );
      assertEquals(job.status.completedIndexes, "0,1,3");
      assertEquals(job.status.failedIndexes, `${REFUSED}`);
      const refused = runs(JOB)[REFUSED]![0]!;
      assertStringIncludes(refused.process.log, "refuses the credentials");
      const done = shards.flatMap((shard, i) => i === REFUSED ? [] : shard);
      assertEquals(
        await digestsOf(destination, [...done, ...shards[REFUSED]!]),
        [
          ...await digestsOf(source, done),
          ...shards[REFUSED]!.map(() => undefined),
        ],
      );
      // This part has no report, and none is made up.
      const { code, stderr } = await team.merge(kubelet, JOB);
      assertEquals(code, 2);
      assertStringIncludes(
        stderr,
        `the report of shard ${REFUSED} of ${SHARDS} is missing`,
      );
    });

    await step("run again, it does what was left", async () => {
      isFirstJob = false;
      await team.kubectl("delete", "job", JOB, `--namespace=${NAMESPACE}`);
      kubelet.runs.length = 0;
      await team.apply();
      const job = await kubelet.until("its end", () => ended(plane, JOB));
      assertEquals(codes(JOB), allDone);
      assert(holding(job).some(({ type }) => type === "Complete"));
      assertEquals(job.status.completedIndexes, `0-${SHARDS - 1}`);
      assertEquals(
        await digestsOf(destination, names),
        await digestsOf(source, names),
      );
      const merged = await team.merge(kubelet, JOB);
      assertEquals(
        outcomesOf(merged, names),
        shards.flatMap((shard, index) =>
          shard.map(() => index === REFUSED ? "copied" : "up-to-date")
        ),
      );
      assertEquals(
        merged.report!.images.map(({ destination }) => destination.digest),
        await digestsOf(source, names),
      );
      assertEquals(merged.report!.exitCode, 0);
      assertEquals(merged.failedList, undefined);
    });

    await step("a night that was missed is made up for", async () => {
      await missLastNight(plane);
      const { job } = await kubelet.until(
        "a Job of the CronJob",
        () => kubelet.runs.find(({ job }) => job !== JOB),
      );
      assertMatch(job, /^hangar-mirror-\d+$/);
      await kubelet.until("its end", () => ended(plane, job));
      assertEquals(codes(job), allDone);
      const merged = await team.merge(kubelet, job);
      assertEquals(outcomesOf(merged, names), names.map(() => "up-to-date"));
    });

    await step("and can be done at any time", async () => {
      await team.kubectl(
        ...["create", "job", "now", `--from=cronjob/${JOB}`],
        `--namespace=${NAMESPACE}`,
      );
      await kubelet.until("its end", () => ended(plane, "now"));
      assertEquals(codes("now"), allDone);
    });
  },
});
