import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { makeImage } from "../support/images.ts";
import { Pair } from "../support/pair.ts";
import { attack } from "./attack.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const SECRET = "S3CR3T";

attack(
  "spans hold no presigned query, no state of an upload and no token's request",
  async () => {
    const login = { username: "ann", password: `${SECRET}-password` };
    await using pair = new Pair({
      auth: { kind: "bearer", ...login },
      quirks: { locationQuery: `_state=${SECRET}-state` },
    });
    const app = makeImage({ seed: "app", layers: [600_000, 10] });
    pair.source.install("corp/app", "v1", app);
    await using cdn = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      ({ url }) => {
        const bytes = app.blobs.get(new URL(url).pathname.slice(1))!;
        return new Response(bytes.slice());
      },
    );
    for (const digest of app.blobs.keys()) {
      const query = `X-Amz-Signature=${SECRET}&${SECRET}`;
      const location = `http://127.0.0.1:${cdn.addr.port}/${digest}?${query}`;
      pair.source.fault({
        match: { kind: "blob", method: "GET", reference: digest },
        action: { status: 307, headers: { location } },
      });
    }
    const sent: string[] = [];
    await using collector = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        sent.push(await request.text());
        return Response.json({});
      },
    );
    const auth = `${pair.directory}/auth.json`;
    await Deno.writeTextFile(
      auth,
      JSON.stringify({
        auths: {
          [pair.destination.host]: {
            auth: btoa(`${login.username}:${login.password}`),
          },
        },
      }),
    );
    await Deno.writeTextFile(`${pair.directory}/list`, "corp/app:v1\n");
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", MAIN, "mirror", `-f${pair.directory}/list`],
        `--source=http://${pair.source.host}`,
        `--destination=http://${pair.destination.host}`,
        `--failed=${pair.failed}`,
      ],
      env: {
        REGISTRY_AUTH_FILE: auth,
        OTEL_DENO: "true",
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.addr.port}`,
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      },
    }).output();
    const log = new TextDecoder().decode(stderr);
    assertEquals(code, 0, log);
    const all = sent.join("\n");
    // Deno's own spans are there, with what they may say.
    assertStringIncludes(all, "url.full");
    assertStringIncludes(all, "X-Amz-Signature=…");
    assertStringIncludes(all, "/blobs/uploads/");
    assert(
      !all.includes(SECRET),
      all.slice(Math.max(0, all.indexOf(SECRET) - 300)).slice(0, 400),
    );
    assert(!log.includes(SECRET), log);
  },
);
