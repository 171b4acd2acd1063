import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { makeMultiArch } from "../support/images.ts";
import {
  interopIgnored,
  pushImage,
  type RealRegistry,
  startDockerRegistry,
} from "./support.ts";
import { TinyProxy, type TinyProxyOptions } from "./support/tinyproxy.ts";
import { run } from "./support/tools.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const app = makeMultiArch("app");
const PASSWORD = "pr0xy-s3cret";

/** Linux connects this to loopback, and nobody takes it for loopback. */
const named = ({ host }: RealRegistry) => host.replace("127.0.0.1", "0.0.0.0");

/** Two registries, by TLS and without, a proxy, and hangar as a process. */
class Estate implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync();

  private constructor(
    readonly source: RealRegistry,
    readonly destination: RealRegistry,
    readonly proxy: TinyProxy,
  ) {}

  static async start(options: TinyProxyOptions = {}): Promise<Estate> {
    const source = await startDockerRegistry({ tls: true });
    const destination = await startDockerRegistry();
    const [, port = ""] = source.host.split(":");
    const proxy = await TinyProxy.start({
      connectPorts: [port],
      credentials: { user: "me", password: PASSWORD },
      certificate: {
        certFile: source.caFile!.replace("ca.crt", "leaf.crt"),
        keyFile: source.caFile!.replace("ca.crt", "leaf.key"),
      },
      ...options,
    });
    await pushImage(source, { repo: "corp/app", tag: "v1", ...app });
    const estate = new Estate(source, destination, proxy);
    const certs = `${estate.directory}/containers/certs.d/${named(source)}`;
    await Deno.mkdir(certs, { recursive: true });
    await Deno.copyFile(source.caFile!, `${certs}/ca.crt`);
    return estate;
  }

  async mirror(
    variables: Record<string, string>,
    flags: string[] = [],
    to = `http://${named(this.destination)}`,
  ) {
    await Deno.writeTextFile(`${this.directory}/list`, "corp/app:v1\n");
    const result = await run(Deno.execPath(), [
      ...["run", "-A", MAIN, "mirror", `-f${this.directory}/list`],
      `-s${named(this.source)}`,
      `-d${to}`,
      `--failed=${this.directory}/failed.txt`,
      "--retry-delay=10ms",
      "--debug",
      ...flags,
    ], {
      env: {
        XDG_CONFIG_HOME: this.directory,
        HTTP_PROXY: "",
        HTTPS_PROXY: "",
        NO_PROXY: "",
        http_proxy: "",
        https_proxy: "",
        no_proxy: "",
        ...variables,
      },
    });
    assert(!result.stderr.includes(PASSWORD), "the password is shown");
    assert(!result.stderr.includes(btoa(`me:${PASSWORD}`)), "it is shown");
    return result;
  }

  async [Symbol.asyncDispose]() {
    await this.proxy[Symbol.asyncDispose]();
    await this.source[Symbol.asyncDispose]();
    await this.destination[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
  }
}

function interop(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `interop: ${name}`, ignore: interopIgnored, fn });
}

interop(
  "everything goes through the proxy that the environment names, by TLS and without",
  async () => {
    await using estate = await Estate.start();
    const url = `http://me:${PASSWORD}@${estate.proxy.host}`;
    const { code, stderr } = await estate.mirror({
      HTTP_PROXY: url,
      https_proxy: url,
    });
    assertEquals(code, 0, stderr);
    assertStringIncludes(
      stderr,
      `through the proxy http://${estate.proxy.host}`,
    );
    const [from, to] = [named(estate.source), named(estate.destination)];
    assertEquals(
      [...estate.proxy.seen].sort(),
      [
        `CONNECT ${from}`,
        ...["GET", "HEAD", "POST", "PUT"].map((method) => `${method} ${to}`),
      ],
    );
  },
);

interop(
  "NO_PROXY keeps a registry from the proxy, and loopback never meets it",
  async () => {
    await using estate = await Estate.start();
    const url = `http://me:${PASSWORD}@${estate.proxy.host}`;
    const { code, stderr } = await estate.mirror({
      HTTP_PROXY: url,
      HTTPS_PROXY: url,
      NO_PROXY: `0.0.0.0/32:1,${named(estate.destination)}`,
    });
    assertEquals(code, 0, stderr);
    assertEquals([...estate.proxy.seen], [`CONNECT ${named(estate.source)}`]);
    const other = await estate.mirror(
      { HTTP_PROXY: url, HTTPS_PROXY: url },
      [`-s${estate.source.host}`, "--tls-verify=false"],
      estate.destination.host,
    );
    assertEquals(other.code, 0, other.stderr);
    assertEquals(estate.proxy.seen.size, 1);
  },
);

interop(
  "registries whose certificates go unchecked are reached through the proxy too",
  async () => {
    await using estate = await Estate.start();
    const url = `http://me:${PASSWORD}@${estate.proxy.host}`;
    const { code, stderr } = await estate.mirror(
      { HTTP_PROXY: url, HTTPS_PROXY: url },
      ["--tls-verify=false"],
    );
    assertEquals(code, 0, stderr);
    const { seen } = estate.proxy;
    assert(seen.has(`CONNECT ${named(estate.source)}`), [...seen].join());
    assert(seen.has(`PUT ${named(estate.destination)}`), [...seen].join());
  },
);

interop(
  "a proxy is reached by TLS where the system trusts its CA",
  async () => {
    await using estate = await Estate.start();
    const url = `https://me:${PASSWORD}@${estate.proxy.tlsHost}`;
    const trusted = await estate.mirror({
      HTTP_PROXY: url,
      HTTPS_PROXY: url,
      SSL_CERT_FILE: estate.source.caFile!,
    });
    assertEquals(trusted.code, 0, trusted.stderr);
    const { seen } = estate.proxy;
    assert(seen.has(`CONNECT ${named(estate.source)}`), [...seen].join());
    assert(seen.has(`PUT ${named(estate.destination)}`), [...seen].join());
    const strange = await estate.mirror({ HTTP_PROXY: url, HTTPS_PROXY: url });
    assertEquals(strange.code, 1);
    assertStringIncludes(strange.stderr, "UnknownIssuer");
    assertStringIncludes(
      strange.stderr,
      `(proxy https://${estate.proxy.tlsHost}`,
    );
  },
);

interop("a proxy that refuses is named, with what to do", async () => {
  await using estate = await Estate.start({ connectPorts: ["1"] });
  const plain = await estate.mirror({ HTTP_PROXY: estate.proxy.host });
  assertEquals(plain.code, 1, plain.stderr);
  assertStringIncludes(plain.stderr, "the proxy wants credentials");
  const right = `http://me:${PASSWORD}@${estate.proxy.host}`;
  const port = await estate.mirror({ HTTPS_PROXY: right });
  assertEquals(port.code, 1, port.stderr);
  assertStringIncludes(
    port.stderr,
    `the proxy does not connect to ${named(estate.source)}`,
  );
  const none = await estate.mirror({ HTTPS_PROXY: "http://127.0.0.1:1" });
  assertEquals(none.code, 1);
  assertStringIncludes(none.stderr, "(proxy http://127.0.0.1:1)");
});
