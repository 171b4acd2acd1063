import { assertEquals, assertStringIncludes } from "@std/assert";
import { hangar } from "../support/hangar.ts";
import { interopIgnored, startDockerRegistry } from "./support.ts";

Deno.test({
  name:
    "interop: login with the certificates of --cert-dir, and not without them",
  ignore: interopIgnored,
  fn: async () => {
    await using registry = await startDockerRegistry({
      tls: true,
      htpasswd: { user: "ann", password: "pw" },
    });
    const directory = await Deno.makeTempDir();
    try {
      await Deno.mkdir(`${directory}/certs`);
      await Deno.copyFile(registry.caFile!, `${directory}/certs/ca.crt`);
      const login = (...args: string[]) =>
        hangar([
          "login",
          registry.host,
          "-uann",
          "-ppw",
          `--authfile=${directory}/auth.json`,
          ...args,
        ]);
      const without = await login();
      assertEquals(without.code, 1);
      assertStringIncludes(without.stderr, "ca.crt");
      const { code, stdout, stderr } = await login(
        `--cert-dir=${directory}/certs`,
      );
      assertEquals(code, 0, stderr);
      assertStringIncludes(stdout, "Login succeeded");
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
