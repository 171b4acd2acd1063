import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import { makeImage } from "../support/images.ts";
import { interopIgnored, startDockerRegistry } from "./support.ts";
import { makeServerCertificate } from "./support/certificates.ts";

Deno.test({
  name:
    "interop: login at docker-registry keeps what it accepts, and nothing else",
  ignore: interopIgnored,
  fn: async () => {
    await using registry = await startDockerRegistry({
      htpasswd: { user: "ann", password: "right" },
    });
    const directory = await Deno.makeTempDir();
    try {
      const file = `${directory}/auth.json`;
      const login = (password: string) =>
        hangar(["login", registry.host, "-uann", `-p${password}`], {
          env: { REGISTRY_AUTH_FILE: file },
        });
      assertEquals((await login("wrong")).code, 2);
      assertEquals(await Deno.stat(file).catch(() => "none"), "none");
      const right = await login("right");
      assertEquals(right.code, 0, right.stderr);
      const kept = await Deno.readTextFile(file);
      assertEquals((await login("wrong")).code, 2);
      assertEquals(await Deno.readTextFile(file), kept);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test({
  name:
    "interop: what registries.conf calls insecure is the registry, not a token server on another host",
  ignore: interopIgnored,
  // undici keeps a timer of its own going for a while.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const directory = await Deno.makeTempDir();
    let asked = 0;
    const certificate = await makeServerCertificate(directory);
    await using tokens = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen: () => {},
      cert: await Deno.readTextFile(certificate.certFile),
      key: await Deno.readTextFile(certificate.keyFile),
    }, () => {
      asked++;
      return Response.json({ token: "x" });
    });
    try {
      for (
        const [realmHost, isOwn] of [["localhost", false], [
          "127.0.0.1",
          true,
        ]] as const
      ) {
        asked = 0;
        await using registry = FakeRegistry.start({
          auth: {
            kind: "bearer",
            username: "u",
            password: "p",
            realm: `https://${realmHost}:${tokens.addr.port}/token`,
          },
        });
        registry.install("corp/app", "v1", makeImage({ seed: "a" }));
        const config = `${directory}/.config/containers`;
        await Deno.mkdir(config, { recursive: true });
        await Deno.writeTextFile(
          `${config}/registries.conf`,
          `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n`,
        );
        const { code, stderr } = await hangar(
          ["inspect", `${registry.host}/corp/app:v1`],
          { env: { HOME: directory } },
        );
        assertEquals(code, 1);
        assertEquals(asked > 0, isOwn, stderr);
        if (!isOwn) assertStringIncludes(stderr, "certs.d");
        assert(stderr.length > 0);
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
