import { assert, assertEquals } from "@std/assert";
import { makeImage, makeMultiArch } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

interface Span {
  readonly name: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes?: readonly {
    readonly key: string;
    readonly value: Readonly<Record<string, unknown>>;
  }[];
  readonly status?: { readonly code?: unknown };
}

/** What a collector is sent, by OTLP in JSON. */
function spansOf(body: unknown): Span[] {
  const { resourceSpans = [] } = body as {
    resourceSpans?: { scopeSpans: { spans: Span[] }[] }[];
  };
  return resourceSpans.flatMap((r) => r.scopeSpans.flatMap((s) => s.spans));
}

function attribute(span: Span, key: string): unknown {
  const found = span.attributes?.find((a) => a.key === key);
  return found && Object.values(found.value)[0];
}

Deno.test("traces: a collector gets a span for each image and each blob", async () => {
  await using pair = new Pair();
  const app = makeMultiArch("app");
  pair.source.install("corp/app", "v1", app);
  pair.source.install("corp/one", "v1", makeImage({ seed: "one" }));
  const spans: Span[] = [];
  await using collector = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const body = await request.json();
      if (new URL(request.url).pathname === "/v1/traces") {
        spans.push(...spansOf(body));
      }
      return Response.json({});
    },
  );
  await Deno.writeTextFile(
    `${pair.directory}/list`,
    "corp/app:v1\ncorp/one:v1\ncorp/none:v1\n",
  );
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", MAIN, "mirror", `-f${pair.directory}/list`],
      `--source=http://${pair.source.host}`,
      `--destination=http://${pair.destination.host}`,
      `--failed=${pair.failed}`,
    ],
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.addr.port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    },
  }).output();
  assertEquals(code, 1, new TextDecoder().decode(stderr));
  const images = spans.filter((span) => span.name === "image");
  assertEquals(
    images.map((span) => [
      attribute(span, "hangar.destination"),
      attribute(span, "hangar.outcome"),
    ]),
    [
      [`${pair.destination.host}/corp/app:v1`, "copied"],
      [`${pair.destination.host}/corp/one:v1`, "copied"],
      [`${pair.destination.host}/corp/none:v1`, undefined],
    ],
  );
  assert(images[2]!.status?.code !== images[0]!.status?.code);
  const blobs = spans.filter((span) => span.name === "copy blob");
  const [first] = images;
  const ofFirst = blobs.filter((b) => b.parentSpanId === first!.spanId);
  assertEquals(
    new Set(ofFirst.map((span) => attribute(span, "oci.digest"))),
    new Set<unknown>(app.blobs.keys()),
  );
  assertEquals(
    new Set(blobs.map((span) => attribute(span, "hangar.outcome"))),
    new Set<unknown>(["sent"]),
  );
});
