import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { BreakingProxy } from "../support/breaking_proxy.ts";
import { hangar } from "../support/hangar.ts";
import { makeMultiArch, randomBytes } from "../support/images.ts";
import { seeded } from "../support/random.ts";
import {
  interopIgnored,
  pushImage,
  type RealRegistry,
  startDockerRegistry,
} from "./support.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** Fills a registry; gives the list. */
async function fill(source: RealRegistry, images: number): Promise<string[]> {
  const base = randomBytes(1_500_000, "base");
  const list: string[] = [];
  for (let i = 0; i < images; i++) {
    const repo = `corp/app-${i}`;
    const image = makeMultiArch(`app ${i}`, { layers: [base, 600_000, 500] });
    await pushImage(source, { repo, tag: "v1", ...image });
    list.push(`${repo}:v1`);
  }
  return list;
}

/** What the destination holds is what the source holds, to the last byte. */
async function prove(
  list: readonly string[],
  source: string,
  destination: string,
  directory: string,
): Promise<void> {
  const { code, stderr } = await hangar([
    "mirror",
    "validate",
    "-f-",
    `-s${source}`,
    `-d${destination}`,
    "-j4",
    "--deep=bytes",
    `-o${directory}/validate.txt`,
  ], { stdin: list.join("\n") });
  assertEquals(code, 0, stderr);
}

function interop(name: string, fn: (directory: string) => Promise<void>): void {
  Deno.test({
    name: `interop: ${name}`,
    ignore: interopIgnored,
    fn: async () => {
      const directory = await Deno.makeTempDir();
      try {
        await fn(directory);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  });
}

for (const restarts of [0, 2]) {
  interop(
    `40 images through lines that break one connection in five${
      restarts ? ", the destination killed and restarted twice" : ""
    }`,
    async (directory) => {
      await using source = await startDockerRegistry();
      await using destination = await startDockerRegistry();
      const list = await fill(source, 40);
      const random = seeded(7);
      // One in five breaks soon, and none lives long: connections are kept and
      // used again, so that few would be made otherwise.
      let made = 0;
      const fate = () => {
        const after = made++ % 5 === 1
          ? Math.floor(random() * 300_000)
          : 500_000 + Math.floor(random() * 3_000_000);
        return random() < 0.5 ? { downAfter: after } : { upAfter: after };
      };
      await using from = new BreakingProxy(() => source.host, fate);
      await using to = new BreakingProxy(() => destination.host, fate);
      let copied = 0;
      let restarting: Promise<void> = Promise.resolve();
      const { code, stderr } = await hangar([
        "mirror",
        "-f-",
        `-shttp://${from.host}`,
        `-dhttp://${to.host}`,
        "-j8",
        "--log-format=json",
        `-o${directory}/failed.txt`,
      ], {
        stdin: list.join("\n"),
        retry: { attempts: 8, baseDelayMs: 100 },
        onStderr: (text) => {
          if (!text.includes("Copied")) return;
          copied++;
          if (copied === 10 || copied === 25) {
            if (restarts > 0) restarting = destination.restart();
          }
        },
      });
      await restarting;
      assertEquals(code, 0, stderr);
      assertStringIncludes(stderr, "40 copied");
      assert(from.count.broken + to.count.broken >= 2);
      assert(stderr.includes("next attempt in"));
      await prove(list, source.host, destination.host, directory);
    },
  );
}

interop(
  "kill -9 at any moment, and the same command again: nothing is damaged",
  async (directory) => {
    await using source = await startDockerRegistry();
    await using destination = await startDockerRegistry();
    const list = await fill(source, 8);
    await Deno.writeTextFile(`${directory}/list.txt`, list.join("\n"));
    const args = [
      ...["run", "-A", MAIN, "mirror", `-f${directory}/list.txt`],
      ...[`-s${source.host}`, `-d${destination.host}`, "-j2"],
      `-o${directory}/failed.txt`,
    ];
    const random = seeded(3);
    for (let i = 0; i < 4; i++) {
      const child = new Deno.Command(Deno.execPath(), {
        args,
        stdout: "null",
        stderr: "null",
      }).spawn();
      const timer = setTimeout(() => {
        try {
          child.kill("SIGKILL");
        } catch {
          // It was quicker.
        }
      }, 350 + random() * 500);
      await child.status;
      clearTimeout(timer);
    }
    const { code, stderr } = await new Deno.Command(Deno.execPath(), { args })
      .output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    await prove(list, source.host, destination.host, directory);
  },
);

interop("SIGTERM ends a run as Ctrl-C does", async (directory) => {
  await using source = await startDockerRegistry();
  await using destination = await startDockerRegistry();
  const list = await fill(source, 12);
  await Deno.writeTextFile(`${directory}/list.txt`, list.join("\n"));
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", MAIN, "mirror", `-f${directory}/list.txt`],
      ...[`-s${source.host}`, `-d${destination.host}`],
      ...[`-o${directory}/failed.txt`, "--log-format=json"],
    ],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let log = "";
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    if (!log.includes("Copied") && text.includes("Copied")) {
      child.kill("SIGTERM");
    }
    log += text;
  }
  assertEquals((await child.status).code, 130, log);
  const failed = (await Deno.readTextFile(`${directory}/failed.txt`)).trimEnd()
    .split("\n").filter((line) => line && !line.startsWith("#"));
  assert(failed.length > 0 && failed.length < list.length);
  const again = await hangar([
    "mirror",
    `-f${directory}/failed.txt`,
    `-s${source.host}`,
    `-d${destination.host}`,
    "-j4",
    `-o${directory}/again.txt`,
  ]);
  assertEquals(again.code, 0, again.stderr);
  await prove(list, source.host, destination.host, directory);
});

interop("a full disk does not cost the list of what failed", async () => {
  await using source = await startDockerRegistry();
  const { code, stderr } = await hangar([
    "mirror",
    "-f-",
    `-s${source.host}`,
    `-d${source.host}`,
    "--destination-project=elsewhere",
    "--failed=/dev/full",
  ], { stdin: "corp/nothing:v1" });
  assertEquals(code, 1);
  assertStringIncludes(stderr, "cannot write the failed list /dev/full");
  assertStringIncludes(stderr, "to do again: corp/nothing:v1");
  assertStringIncludes(stderr, "1 failed");
});
