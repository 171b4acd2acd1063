/**
 * A world in which everything may go wrong, and what must hold in it all the same.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { BreakingProxy } from "./breaking_proxy.ts";
import type { FaultAction } from "./registry/fault_script.ts";
import {
  FakeRegistry,
  type Quirks,
  type RequestKind,
} from "./fake_registry.ts";
import type { VerifyMode } from "../../src/oci/digest.ts";
import { verifyWay } from "./verify_way.ts";
import { hangar, type HangarResult } from "./hangar.ts";
import {
  type MadeImage,
  makeImage,
  makeMultiArch,
  randomBytes,
} from "./images.ts";
import { pick, seeded } from "./random.ts";

const SOURCE = { username: "src", password: "source secret" };
const DESTINATION = { username: "dst", password: "destination secret" };

/** A little more than what goes up whole. */
const LARGE = randomBytes(530_000, "large");
/** What is mirrored: a large layer is streamed, small ones go up whole. */
export const IMAGES: Readonly<Record<string, MadeImage>> = {
  "corp/app:v1": makeMultiArch("app", { layers: [LARGE, 300] }),
  "corp/other:v1": makeMultiArch("other", {
    layers: [200],
    attestations: true,
  }),
  "corp/single:v1": makeImage({ seed: "single", layers: [100, 9000] }),
};
/** What a destination tag held before. */
const BEFORE: Readonly<Record<string, MadeImage>> = {
  "corp/other:v1": makeMultiArch("older", { layers: [100] }),
};
export const LIST = Object.keys(IMAGES);

export interface WorldOptions {
  readonly quirks?: Quirks;
  readonly sourceQuirks?: Quirks;
  /** Breaks requests, given a registry's name. */
  readonly chaos?: (kind: RequestKind) => FaultAction | undefined;
  /** Whether a connection is broken, and after how many bytes. */
  readonly fate?: ConstructorParameters<typeof BreakingProxy>[1];
  readonly cdn?: boolean;
  /** Who checks digests. @default {as the test's way says, or hangar} */
  readonly verify?: VerifyMode;
}

/** Two registries with passwords, a store of blobs, and bad lines to them. */
export class World implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync();
  readonly failed = `${this.directory}/failed.txt`;
  readonly source: FakeRegistry;
  readonly destination: FakeRegistry;
  readonly cdn: FakeRegistry;
  readonly #proxies: BreakingProxy[];
  readonly #verify: VerifyMode;
  calm = false;

  constructor(options: WorldOptions = {}) {
    this.#verify = options.verify ?? verifyWay() ?? "always";
    const chaos = options.chaos &&
      (({ kind }: { kind: RequestKind }) =>
        this.calm ? undefined : options.chaos!(kind));
    const fate = () => this.calm ? undefined : options.fate?.();
    this.#proxies = [
      new BreakingProxy(() => this.source.host, fate),
      new BreakingProxy(() => this.destination.host, fate),
    ];
    const [from, to] = this.#proxies as [BreakingProxy, BreakingProxy];
    this.cdn = FakeRegistry.start({});
    this.source = FakeRegistry.start({
      auth: { kind: "bearer", ...SOURCE, realm: `http://${from.host}/token` },
      quirks: {
        lossy: true,
        ...(options.cdn && { blobOrigin: () => this.cdn.url }),
        ...options.sourceQuirks,
      },
      chaos,
    });
    this.destination = FakeRegistry.start({
      auth: {
        kind: "bearer",
        ...DESTINATION,
        realm: `http://${to.host}/token`,
      },
      quirks: {
        lossy: true,
        relativeLocation: true,
        ...options.quirks,
        breakUploads: () =>
          this.calm ? Infinity : options.quirks?.breakUploads?.() ?? Infinity,
      },
      chaos,
    });
    for (const [name, image] of Object.entries(IMAGES)) {
      const [repository = "", tag] = name.split(":");
      this.source.install(repository, tag, image);
      this.cdn.install(repository, tag, image);
    }
    for (const [name, image] of Object.entries(BEFORE)) {
      const [repository = "", tag] = name.split(":");
      this.destination.install(repository, tag, image);
    }
    const auths = Object.fromEntries(
      [[from, SOURCE], [to, DESTINATION]].map(([proxy, login]) => {
        const { username, password } = login as typeof SOURCE;
        return [(proxy as BreakingProxy).host, {
          auth: btoa(`${username}:${password}`),
        }];
      }),
    );
    Deno.writeTextFileSync(
      `${this.directory}/auth.json`,
      JSON.stringify({ auths }),
    );
  }

  mirror(flags: readonly string[] = [], list = LIST): Promise<HangarResult> {
    const [from, to] = this.#proxies as [BreakingProxy, BreakingProxy];
    return hangar([
      "mirror",
      "-f-",
      `--source=http://${from.host}`,
      `--destination=http://${to.host}`,
      `--failed=${this.failed}`,
      `--verify=${this.#verify}`,
      // What is read back is always checked by hangar.
      ...this.#verify === "always" ? ["--overwrite"] : [],
      "--skip-login",
      "-j3",
      ...flags,
    ], {
      stdin: list.join("\n"),
      env: { REGISTRY_AUTH_FILE: `${this.directory}/auth.json` },
      retry: { baseDelayMs: 1, attempts: 3 },
      verifyFromBytes: 0,
    });
  }

  async failedLines(): Promise<string[]> {
    const text = await Deno.readTextFile(this.failed).catch(() => "");
    return text.split("\n").filter((line) => line && !line.startsWith("#"));
  }

  /** What must hold after every run, whatever went wrong. */
  async check({ code, stderr }: HangarResult, hint = ""): Promise<string[]> {
    const failed = await this.failedLines();
    const context = `${hint}\n${stderr}`;
    for (const line of LIST) {
      const [repository = "", tag = ""] = line.split(":");
      const held = this.destination.digestOf(repository, tag);
      const { digest } = IMAGES[line]!;
      if (!failed.includes(line)) assertEquals(held, digest, context);
      const allowed = [digest, BEFORE[line]?.digest];
      assert(allowed.includes(held), `${line} holds ${held}\n${context}`);
    }
    assertEquals(failed, LIST.filter((line) => failed.includes(line)), context);
    assertEquals(code, failed.length > 0 ? 1 : 0, context);
    assertEquals(this.destination.dangling(), [], context);
    assertEquals(
      [this.source, this.destination, this.cdn].flatMap((r) => r.violations),
      [],
      context,
    );
    const secrets = [SOURCE, DESTINATION].map(({ username, password }) =>
      btoa(`${username}:${password}`)
    );
    const [ofSource = "", ofDestination = ""] = secrets;
    const given = (registry: FakeRegistry) =>
      registry.requests.map((r) => r.authorization ?? "");
    assert(!given(this.source).some((a) => a.includes(ofDestination)), context);
    assert(!given(this.destination).some((a) => a.includes(ofSource)), context);
    assertEquals(given(this.cdn).filter((a) => a !== ""), [], context);
    for (const secret of [...secrets, "secret", "signature=s"]) {
      assert(!stderr.includes(secret), `a secret is shown: ${context}`);
    }
    return failed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#proxies.map((p) => p[Symbol.asyncDispose]()));
    await Promise.all(
      [this.source, this.destination, this.cdn].map((registry) =>
        registry[Symbol.asyncDispose]()
      ),
    );
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** What may go wrong with a request, by chance. */
const MISHAPS: readonly FaultAction[] = [
  { status: 503 },
  { status: 500 },
  { status: 502 },
  { status: 408 },
  { status: 429, headers: { "retry-after": "0" } },
  { lostAnswer: 504 },
  { breakAfter: 10 },
  { breakAfter: 100_000 },
];

function chaoticWorld(seed: number): World {
  const random = seeded(seed);
  const share = pick(random, [0, 0.02, 0.1, 0.25]);
  const cut = pick(random, [0, 0.1, 0.3]);
  const chance = () => random() < 0.5;
  return new World({
    verify: seed % 2 === 0 ? "always" : "auto",
    cdn: chance(),
    quirks: {
      forgetBrokenUploads: chance(),
      ignoreMounts: chance(),
      ...(random() < 0.2 &&
        { refuseStream: pick(random, [411, 413] as const) }),
      ...(random() < 0.3 && {
        breakUploads: () =>
          random() < 0.2 ? Math.floor(random() * 500_000) : Infinity,
      }),
    },
    sourceQuirks: { ignoreRange: chance() },
    chaos: () => random() < share ? pick(random, MISHAPS) : undefined,
    fate: () =>
      random() < cut
        ? random() < 0.5
          ? { downAfter: Math.floor(random() ** 2 * 600_000) }
          : { upAfter: Math.floor(random() ** 2 * 600_000) }
        : undefined,
  });
}

const RUNS = Number(Deno.env.get("HANGAR_FAULT_RUNS") ?? 250);
const SEED = Deno.env.get("HANGAR_FAULT_SEED");

/**
 * Runs by chance: each ends well, and the failed list finishes the job.
 * `HANGAR_FAULT_SEED` and `HANGAR_FAULT_RUNS` choose others than those given.
 */
export async function runChaos(firstSeed: number): Promise<void> {
  const first = SEED === undefined ? firstSeed : Number(SEED);
  const seeds = Array.from({ length: RUNS }, (_, i) => first + i);
  const counts = { failed: 0, retried: 0 };
  const work = async () => {
    for (let seed = seeds.pop(); seed !== undefined; seed = seeds.pop()) {
      await using world = chaoticWorld(seed);
      const hint = `HANGAR_FAULT_SEED=${seed} HANGAR_FAULT_RUNS=1`;
      const result = await world.mirror();
      const failed = await world.check(result, hint);
      if (result.stderr.includes("next attempt in")) counts.retried++;
      if (failed.length === 0) continue;
      counts.failed++;
      world.calm = true;
      const again = await world.mirror([], failed);
      assertEquals(again.code, 0, `${hint}\n${again.stderr}`);
      assertEquals(await world.check(again, hint), [], hint);
    }
  };
  await Promise.all(Array.from({ length: 6 }, work));
  if (RUNS >= 100) {
    // Both kinds of ending were seen.
    assert(counts.failed > RUNS / 50, JSON.stringify(counts));
    assert(counts.retried - counts.failed > RUNS / 50, JSON.stringify(counts));
  }
}
