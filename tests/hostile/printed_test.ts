import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { printable, printableJson } from "../../src/errors.ts";
import { redactUrl } from "../../src/transport/redact_url.ts";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import { makeImage, sha256 } from "../support/images.ts";
import { Pair } from "../support/pair.ts";
import { attack } from "./attack.ts";

const SECRET = "S3CR3T";
const app = makeImage({ seed: "app", layers: [10] });

/** Controls, bidi marks and overrides, and what has no width. */
const STEERING =
  // deno-lint-ignore no-control-regex
  /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;
const STEERS =
  "a\x1b[2J\x07\x9b31m\x85b\u061c\u200b\u200e\u2028\u202egnp\u2066\u2069\ufeffz";

for (
  const location of [
    `http://bob:${SECRET}@169.254.169.254/x?X-Sig=${SECRET}#${SECRET}`,
    `ftp://bob:${SECRET}@cdn.example/x?${SECRET}`,
    `http://bob:${SECRET}@[bad/x?_state=${SECRET}`,
    `http://bob:${SECRET}@bad host/?${SECRET}==`,
    `data:text/plain,${SECRET}`,
  ]
) {
  for (const kind of ["blob", "upload"] as const) {
    attack(
      `a refused Location of ${kind}s is told without its secrets: ${location}`,
      async () => {
        await using pair = new Pair();
        pair.damaged = true;
        pair.source.install("corp/app", "v1", app);
        const [registry, status] = kind === "blob"
          ? [pair.source, 307] as const
          : [pair.destination, 202] as const;
        registry.fault({
          match: kind === "blob" ? { kind } : { method: "POST" },
          action: { status, headers: { location } },
        });
        const { code, stderr } = await pair.mirror("corp/app:v1", ["--debug"]);
        assertEquals(code, 1);
        assertStringIncludes(stderr, "points to");
        assert(!stderr.includes(SECRET), stderr);
      },
    );
  }
}

attack("a refused upload is told without its state", async () => {
  for (const query of [`_state=${SECRET}`, SECRET, `${SECRET}==`]) {
    await using pair = new Pair({
      quirks: { locationQuery: query, ignoresPostDigest: true },
    });
    pair.source.install("corp/app", "v1", app);
    pair.destination.fault({
      match: { method: "PUT", kind: "upload" },
      action: {
        status: 400,
        code: "BLOB_UPLOAD_INVALID",
        message: `see https://bob:${SECRET}@s3.example/x?X-Sig=${SECRET}`,
      },
    });
    const { code, stderr } = await pair.mirror("corp/app:v1", ["--debug"]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "https://…@s3.example");
    assert(!stderr.includes(SECRET), stderr);
  }
});

for (
  const args of [
    ["mirror", "-f-", `-shttps://bob:${SECRET}@reg.example`],
    ["mirror", "-f-", `-dhttps://bob:${SECRET}@reg.example`],
    ["mirror", "-f-", `-dbob:${SECRET}@reg.example`],
    ["mirror", "-f-", `-dhttps://bob:S@${SECRET}/a@reg.example`],
    ["mirror", "-f-", `-dhttps://reg.example?token=${SECRET}`],
    ["mirror", "-f-", "-dreg.example", `--source-project=b:${SECRET}@r`],
    ["mirror", "-f-", "-dreg.example", "-j", `https://b:${SECRET}@r`],
    ["login", `https://bob:${SECRET}@reg.example`, "-ux", "-px"],
    ["login", `bob:${SECRET}@reg.example`, "-ux", "-px"],
    ["logout", `https://bob:${SECRET}@reg.example`],
    ["inspect", `https://bob:${SECRET}@reg.example/a:v1`],
    ["inspect", `bob:${SECRET}@reg.example/a:v1`],
    ["inspect", `docker://bob:S@${SECRET}@reg.example/a:v1`],
    ["list-tags", `https://bob:${SECRET}@reg.example/a`],
    ["login", "a.example", `https://bob:${SECRET}@reg.example`],
    ["login", "a.example", `bob:${SECRET}@reg.example`],
    ["login", "a.example", `--https://bob:${SECRET}@reg.example`],
  ]
) {
  attack(
    `a usage error does not repeat the secret of: ${args.join(" ")}`,
    async () => {
      const { code, stderr } = await hangar(args, { stdin: "corp/app:v1" });
      assertEquals(code, 2, stderr);
      assert(stderr.includes("hangar: "), stderr);
      assert(!stderr.includes(SECRET), stderr);
    },
  );
}

attack("a warning about a list line does not repeat its secret", async () => {
  await using pair = new Pair();
  const lines = [
    `https://bob:${SECRET}@reg.example/a:v1`,
    `bob:${SECRET}@reg.example/a:v1`,
    `https://bob:${SECRET}@reg.example/a reg.example/b v1`,
    `reg.example/a bob:${SECRET}@reg.example/b v1`,
    `reg.example/a reg.example/b v1?${SECRET}`,
  ];
  pair.source.install("corp/app", "v1", app);
  const { code, stderr } = await pair.mirror(
    [...lines, "corp/app:v1"].join("\n"),
  );
  assertEquals(code, 1);
  assertStringIncludes(stderr, ":5: ");
  assert(!stderr.includes(SECRET), stderr);
});

attack("a URL is printed without what may be secret", () => {
  const shown = (text: string) => redactUrl(new URL(text));
  assertEquals(
    shown(`https://u:p@h.io/x?_state=a&digest=sha256:ab&X-Sig=s#frag`),
    "https://h.io/x?_state=…&digest=sha256:ab&X-Sig=…",
  );
  for (
    const query of [
      SECRET,
      `${SECRET}=`,
      `${SECRET}==`,
      `a=1&${SECRET}`,
      `${SECRET}=${SECRET}`,
      `n=${SECRET.repeat(100)}`,
    ]
  ) assert(!shown(`https://h.io/?${query}`).includes(SECRET), query);
});

attack(
  "printable text steers no terminal, and JSON says the same in escapes",
  () => {
    assert(!STEERING.test(printable(STEERS)));
    const json = printableJson({ text: STEERS }, 2);
    assert(!STEERING.test(json), json);
    assertEquals(JSON.parse(json), { text: STEERS });
  },
);

/** An image whose config, and whose index, say what a stranger wrote. */
function talking() {
  const image = makeImage({ seed: "talking" });
  const bytes = new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: image.digest,
      size: image.bytes.byteLength,
      platform: { os: "=cmd|'/c calc'!A1", architecture: STEERS },
    }],
  }));
  const made = {
    bytes,
    mediaType: "application/vnd.oci.image.index.v1+json",
    digest: sha256(bytes),
  };
  return {
    ...made,
    manifests: [...image.manifests, made],
    blobs: image.blobs,
  };
}

attack("tags that steer the terminal are listed without doing so", async () => {
  await using registry = FakeRegistry.start();
  const tags = ["v1", STEERS, `x\n[17:00:00] [INFO] forged`];
  registry.fault({
    match: { kind: "tags" },
    action: { status: 200, body: JSON.stringify({ tags }) },
  });
  const list = (...flags: string[]) =>
    hangar(["list-tags", `${registry.host}/corp/app`, ...flags]);
  const text = await list();
  assertEquals(text.code, 0, text.stderr);
  assertEquals(text.stdout.split("\n").length, tags.length + 1);
  assert(!STEERING.test(text.stdout), JSON.stringify(text.stdout));
  const json = await list("--format=json");
  assert(!STEERING.test(json.stdout));
  assertEquals(JSON.parse(json.stdout), tags.toSorted());
});

attack(
  "inspect shows platforms, labels and tags without being steered",
  async () => {
    await using registry = FakeRegistry.start();
    const image = talking();
    registry.install("corp/app", "v1", image);
    const hint = await hangar(["inspect", `${registry.host}/corp/app:v1`]);
    assertEquals(hint.code, 1);
    assertStringIncludes(hint.stderr, "choose with");
    assert(!STEERING.test(hint.stderr), JSON.stringify(hint.stderr));
    const raw = await hangar([
      "inspect",
      "--raw",
      `${registry.host}/corp/app:v1`,
    ]);
    assertEquals(raw.stdout, new TextDecoder().decode(image.bytes));
  },
);

for (const format of ["txt", "csv", "json", "yaml"] as const) {
  attack(
    `the ${format} report of inspect list holds no controls and no formula`,
    async () => {
      await using registry = FakeRegistry.start();
      registry.install("corp/app", "v1", talking());
      registry.install("corp/bad", "v1", app);
      registry.fault({
        match: { kind: "manifest", repository: "corp/bad" },
        action: { status: 400, code: "X", message: STEERS },
      });
      const { code, stdout } = await hangar([
        "inspect",
        "list",
        "-f-",
        "-r-",
        "-o/dev/null",
        `--format=${format}`,
        `--source=http://${registry.host}`,
      ], { stdin: "corp/app:v1\ncorp/bad:v1" });
      assertEquals(code, 1);
      assert(!STEERING.test(stdout), JSON.stringify(stdout));
      if (format === "csv") {
        assertStringIncludes(stdout, ",'=cmd|");
      }
    },
  );
}
