import { assert, assertEquals } from "@std/assert";
import { toText } from "@std/streams/to-text";
import {
  parseReferenceArgument,
  parseRegistryAddress,
} from "../../src/names/address.ts";
import { parseChallenges } from "../../src/auth/challenge.ts";
import { parseDuration } from "../../src/duration.ts";
import { hideLogin, hideUrls, printable } from "../../src/errors.ts";
import { parseImageList } from "../../src/lists/image_list.ts";
import { parseReference } from "../../src/names/reference.ts";
import { parsePlatformFilter } from "../../src/oci/platform.ts";
import { nextPage } from "../../src/registry/tags.ts";
import { redactUrl, redactUrlText } from "../../src/transport/redact_url.ts";
import { parseRetryAfter } from "../../src/transport/retry.ts";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import { attack } from "./attack.ts";

const SIZE = 300_000;
/** What takes time by the square of its length takes minutes. */
const LIMIT_MS = 5_000;
const FROM = new URL("https://reg.example/v2/a/tags/list");

/** Texts that make a pattern look at the same characters again and again. */
const TEXTS = [
  "<",
  "<>;",
  "<a>; rel=",
  '<a>; rel="',
  " ",
  "\t #",
  "a ",
  " a#",
  "a",
  "a=",
  'a="',
  'a="\\',
  "\\",
  ", ",
  ".a",
  "a-",
  "a_",
  "__",
  "/",
  "/a",
  ":",
  "@",
  "a@",
  "://",
  "://@ ",
  "http://a@",
  "?",
  "1",
  "1.",
  "\x1b[",
  "\u202e",
  "\u0000",
] as const;

const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  "a Link header": (text) => nextPage(text, FROM),
  "a challenge": parseChallenges,
  "a list": (text) => parseImageList(`a ${text}x`, "list"),
  "a reference": parseReference,
  "a reference's argument": parseReferenceArgument,
  "a registry": (text) => parseRegistryAddress(text, "--source"),
  "platforms": (text) =>
    parsePlatformFilter({ architectures: [text], oses: [text] }),
  "a platform": (text) => parsePlatformFilter({ platforms: [text] }),
  "a duration": parseDuration,
  "Retry-After": (text) => parseRetryAfter(text, 0),
  "text to be printed": printable,
  "text with URLs": hideUrls,
  "text with a login": hideLogin,
  "a Location": (text) => redactUrlText(text, FROM),
  "a URL": (text) => redactUrl(new URL(`https://h.example/?${text}`)),
};

for (const [what, read] of Object.entries(READERS)) {
  attack(
    `${what} of 300,000 characters is read in one go, whatever it holds`,
    () => {
      for (const unit of TEXTS) {
        for (const end of ["", "!", "\u0000"]) {
          const text = unit.repeat(SIZE / unit.length) + end;
          const began = performance.now();
          try {
            read(text);
          } catch (error) {
            assert(
              error instanceof Error && error.name === "HangarError",
              `${error}`,
            );
          }
          const took = performance.now() - began;
          assert(took < LIMIT_MS, `${JSON.stringify(unit)} took ${took} ms`);
        }
      }
    },
  );
}

attack("the next page is found behind other links, and never elsewhere", () => {
  const next = (link: string) => nextPage(link, FROM)?.href;
  assertEquals(
    next('</a>; rel="prev", </b?n=1>; rel="next"'),
    "https://reg.example/b?n=1",
  );
  assertEquals(
    next('</a,b>;title="x, y; rel=next"; rel=next'),
    "https://reg.example/a,b",
  );
  assertEquals(
    next('</a>; rel="last", </b>; REL="foo Next"'),
    "https://reg.example/b",
  );
  assertEquals(next('</a>; rel="nextish"'), undefined);
  assertEquals(next("</a>"), undefined);
});

/** Answers every request with a refusal whose body never ends. */
function dripping(status: number) {
  return Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => {
      let timer: ReturnType<typeof setInterval>;
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          timer = setInterval(() => {
            try {
              controller.enqueue(new TextEncoder().encode("x"));
            } catch {
              clearInterval(timer);
            }
          }, 20);
        },
        cancel: () => clearInterval(timer),
      });
      return new Response(body, { status });
    },
  );
}

attack(
  "a refusal that drips does not outlive the --timeout of a login check",
  async () => {
    await using server = dripping(403);
    const directory = await Deno.makeTempDir();
    try {
      const began = performance.now();
      const { code, stderr } = await hangar([
        "mirror",
        "-f-",
        "--source=http://127.0.0.1:1",
        `--destination=http://127.0.0.1:${server.addr.port}`,
        `--failed=${directory}/failed.txt`,
        "--timeout=500ms",
      ], { stdin: "corp/app:v1" });
      assert(code !== 0);
      assert(performance.now() - began < 2_500, stderr);
      assert(stderr.includes("--timeout"), stderr);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

attack("a refusal that drips is told by its status", async () => {
  await using server = dripping(403);
  const { code, stderr } = await hangar([
    "list-tags",
    `http://127.0.0.1:${server.addr.port}/corp/app`,
  ]);
  assertEquals(code, 1);
  assert(stderr.includes("403"), stderr);
});

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

attack("tags that nobody reads any more are not asked for", async () => {
  await using registry = FakeRegistry.start();
  registry.fault({
    match: { kind: "tags" },
    action: {
      status: 200,
      body: JSON.stringify({ tags: ["a"] }),
      headers: { link: '<?again>; rel="next"' },
    },
  });
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, "list-tags", `${registry.host}/corp/app`],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const stderr = await toText(child.stderr);
  const { code } = await child.status;
  assertEquals([code, stderr], [0, ""]);
  assert(registry.count({ kind: "tags" }) < 500);
});
