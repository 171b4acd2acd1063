/**
 * Reports of runs that never were, of any size.
 *
 * @module
 */

import type { OutcomeKind } from "../../src/mirror/events.ts";
import type {
  MirrorReport,
  ReportedImage,
} from "../../src/report/json_report.ts";
import { Tally } from "../../src/report/summary.ts";

const NAMES = [
  "ingress-nginx-controller",
  "kube-webhook-certgen",
  "coredns",
  "metrics-server",
  "longhorn-manager",
  "prometheus-operator",
  "fleet-agent",
  "etcd",
];
const START = Date.parse("2026-01-02T03:00:00.000Z");

/** A number from 0 up to 1 that depends on its place alone. */
function chance(i: number, salt: number): number {
  const x = Math.sin(i * 12.9898 + salt * 78.233) * 43758.5453;
  return x - Math.floor(x);
}

function digestOf(i: number): string {
  return `sha256:${i.toString(16).padStart(64, "0")}`;
}

function outcomeOf(i: number): OutcomeKind {
  if (i % 40 === 7) return "failed";
  if (i % 97 === 11) return "skipped";
  return chance(i, 1) < 0.3 ? "up-to-date" : "copied";
}

const ERRORS: readonly NonNullable<ReportedImage["error"]>[] = [
  {
    code: "not-found",
    message:
      "cannot read v1 from source docker.io/rancher/none: 404, there is no such image; check the name and tag in the list",
    hint: "check the name and tag in the list",
    status: 404,
  },
  {
    code: "denied",
    message:
      "cannot open an upload at destination harbor.example:8443/mirror/app: 403 DENIED: quota exceeded; ask for more room, or remove old images",
    hint: "ask for more room, or remove old images",
    status: 403,
  },
];

function imageOf(i: number, startMs: number): ReportedImage {
  const name = `${NAMES[i % NAMES.length]}:v1.${Math.floor(i / 8)}.${i % 5}`;
  const outcome = outcomeOf(i);
  const isCopied = outcome === "copied";
  const durationMs = Math.round(
    isCopied ? 800 + 9000 * chance(i, 2) ** 4 : 60 + 200 * chance(i, 3),
  );
  const checking = Math.min(durationMs, Math.round(50 + 80 * chance(i, 4)));
  const waiting = Math.round((durationMs - checking) * 0.3 * chance(i, 5));
  const tagging = isCopied ? Math.round(20 + 30 * chance(i, 6)) : 0;
  return {
    id: i + 1,
    lines: [i + 1],
    sources: [{
      reference: `docker.io/rancher/${name}`,
      digest: outcome === "failed" ? undefined : digestOf(i),
    }],
    destination: {
      reference: `harbor.example:8443/mirror/${name}`,
      digest: outcome === "failed" ? undefined : digestOf(i),
    },
    outcome,
    bytesSent: isCopied ? Math.round(4e6 + 9e7 * chance(i, 7) ** 3) : 0,
    bytesMounted: isCopied && i % 3 === 0 ? 31_000_000 : 0,
    requests: isCopied ? 12 + i % 30 : 2,
    retries: i % 50 === 3 ? 2 : 0,
    startedAt: new Date(START + startMs).toISOString(),
    durationMs,
    phases: isCopied
      ? {
        checking,
        waiting,
        copying: Math.max(0, durationMs - checking - waiting - tagging),
        tagging,
      }
      : { checking: durationMs },
    warnings: i % 60 === 5
      ? ["kept from the destination: linux/s390x, which no source has"]
      : [],
    platforms: outcome === "failed" ? undefined : [
      { platform: "linux/amd64", digest: digestOf(i * 2) },
      { platform: "linux/arm64", digest: digestOf(i * 2 + 1) },
    ],
    merge: i % 30 === 4
      ? { selected: ["linux/amd64", "linux/arm64"], available: 4, kept: [] }
      : undefined,
    error: outcome === "failed" ? ERRORS[i % 3 === 0 ? 1 : 0] : undefined,
  };
}

/** A report of so many images, of which `jobs` run at once. */
export function makeReport(images: number, jobs = 8): MirrorReport {
  const free = new Array<number>(jobs).fill(300);
  const all = Array.from({ length: images }, (_, i) => {
    const lane = free.indexOf(Math.min(...free));
    const image = imageOf(i, free[lane]!);
    free[lane]! += image.durationMs + 2;
    return image;
  });
  const sum = (value: (image: ReportedImage) => number) =>
    all.reduce((total, image) => total + value(image), 0);
  const count = (kind: OutcomeKind) =>
    all.filter(({ outcome }) => outcome === kind).length;
  const failed = count("failed");
  const durationMs = Math.max(...free) + 200;
  return {
    schemaVersion: 1,
    tool: { name: "hangar", version: "0.1.0" },
    command: "mirror",
    list: { name: "images.txt", digest: digestOf(images), lines: images },
    dryRun: false,
    startedAt: new Date(START).toISOString(),
    finishedAt: new Date(START + durationMs).toISOString(),
    exitCode: failed > 0 ? 1 : 0,
    totals: {
      ...new Tally().totals(),
      copied: count("copied"),
      upToDate: count("up-to-date"),
      skipped: count("skipped"),
      failed,
      bytesSent: sum((image) => image.bytesSent),
      bytesMounted: sum((image) => image.bytesMounted),
      requests: sum((image) => image.requests),
      retries: sum((image) => image.retries),
      durationMs,
    },
    images: all,
    hosts: [
      {
        host: "registry-1.docker.io",
        peak: 24,
        cuts: 1,
        requests: sum((image) => Math.floor(image.requests / 3)),
        retries: sum((image) => image.retries),
      },
      {
        host: "harbor.example:8443",
        peak: 32,
        cuts: 0,
        requests: sum((image) => Math.ceil(image.requests / 2)),
        retries: 0,
      },
      { host: "auth.docker.io", peak: 0, cuts: 0, requests: 14, retries: 0 },
    ],
    invalidLines: [],
    failedLines: all.filter(({ outcome }) => outcome === "failed")
      .map(({ lines, sources, error }) => ({
        line: lines[0]!,
        text: sources[0]!.reference,
        reason: error!.message,
      })),
  };
}
