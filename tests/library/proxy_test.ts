import { assert, assertEquals } from "@std/assert";
import { NameProxy } from "../support/name_proxy.ts";
import { between, printedBy } from "./support.ts";

const SECRET = "proxy-pa55word";

/** Copies in a process of its own, and tells what came of it. */
async function copyWith(
  env: Readonly<Record<string, string>>,
  options: Readonly<Record<string, unknown>>,
) {
  const program = `
    import { copy } from HANGAR;
    const options = ${JSON.stringify(options)};
    const variables = () =>
      JSON.stringify(Object.entries(Deno.env.toObject()).sort());
    const before = variables();
    const log = [];
    const onLog = (line) => log.push(line);
    const told = await copy({ ...options, onLog }).then(
      ({ digest }) => ({ digest }),
      (error) => ({ code: error.code, error: Deno.inspect(error) }),
    );
    const kept = variables() === before;
    console.log(JSON.stringify({ ...told, log: log.join("\\n"), kept }));
  `;
  return JSON.parse(await printedBy(program, env));
}

Deno.test("library proxies: loopback is never proxied, names are, and the program's variables stay", async () => {
  await between(async ({ source, destination, app }) => {
    const proxied: string[] = [];
    await using proxy = new NameProxy((host) => {
      proxied.push(host);
      return source.host;
    });
    const url = new URL(proxy.url);
    url.username = "user";
    url.password = SECRET;
    const variables = {
      HTTP_PROXY: url.href,
      HTTPS_PROXY: url.href,
      http_proxy: url.href,
      all_proxy: url.href,
    };
    const destinationName = `${destination.host}/team/app`;
    const direct = await copyWith(variables, {
      source: `${source.host}/corp/app:v1`,
      destination: destinationName,
    });
    assertEquals([direct.digest, direct.kept], [app.digest, true]);
    // By another client, which does not check certificates.
    const unchecked = await copyWith(variables, {
      source: `${source.host}/corp/app:v1`,
      destination: `${destinationName}:unchecked`,
      tlsVerify: false,
    });
    assertEquals([unchecked.digest, unchecked.kept], [app.digest, true]);
    assertEquals(proxied, []);

    const named = await copyWith(variables, {
      source: "http://registry.example:5000/corp/web:v1",
      destination: destinationName,
    });
    assert(named.digest !== undefined, named.error);
    assert(named.kept);
    assert(proxied.length > 0);
    assertEquals(new Set(proxied), new Set(["registry.example:5000"]));
    assert(!named.log.includes(SECRET), named.log);
  });
});

Deno.test("library proxies: NO_PROXY is honoured with its port, and an error shows no password", async () => {
  await between(async ({ source, destination }) => {
    const proxied: string[] = [];
    await using proxy = new NameProxy((host) => {
      proxied.push(host);
      return source.host;
    });
    const copied = (port: number) =>
      copyWith({
        HTTP_PROXY: proxy.url.replace("//", `//user:${SECRET}@`),
        NO_PROXY: "registry.invalid:5000",
      }, {
        source: `http://registry.invalid:${port}/corp/app:v1`,
        destination: `${destination.host}/team/app`,
        retry: { times: 0 },
      });
    // No name server knows it, so it is not reached without the proxy.
    const direct = await copied(5000);
    assertEquals(direct.code, "network");
    assert(!direct.error.includes(SECRET), direct.error);
    assertEquals(proxied, []);
    const other = await copied(5001);
    assert(other.digest !== undefined, other.error);
    assert(proxied.length > 0);
  });
});
