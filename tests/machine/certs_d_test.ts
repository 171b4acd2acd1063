import { assertEquals, assertRejects } from "@std/assert";
import { HangarError } from "../../src/errors.ts";
import { hostCertificates } from "../../src/machine/certs_d.ts";

Deno.test("certs.d: the first directory that has the host counts, and Docker Hub has two names", async () => {
  const root = await Deno.makeTempDir();
  try {
    const [user, system] = [`${root}/user`, `${root}/system`];
    // Half a pair is an error, which names the directory that was taken.
    const add = async (directory: string) => {
      await Deno.mkdir(directory, { recursive: true });
      await Deno.writeTextFile(`${directory}/client.key`, "");
    };
    await add(`${system}/reg.example:5000`);
    await add(`${system}/docker.io`);
    await Deno.mkdir(`${user}/empty.example`, { recursive: true });
    await add(`${system}/empty.example`);
    const taken = async (host: string) =>
      (await assertRejects(
        () => hostCertificates(host, [user, system]),
        HangarError,
      )).message;
    for (
      const [host, directory] of [
        ["reg.example:5000", `${system}/reg.example:5000`],
        ["registry-1.docker.io", `${system}/docker.io`],
        ["docker.io", `${system}/docker.io`],
      ] as const
    ) assertEquals((await taken(host)).includes(`${directory}/`), true, host);
    for (const host of ["reg.example", "quay.io", "empty.example"]) {
      const { ca, client } = await hostCertificates(host, [user, system]);
      assertEquals([ca, client], [[], undefined]);
    }
    await add(`${user}/registry-1.docker.io`);
    assertEquals(
      (await taken("registry-1.docker.io")).includes(`${user}/`),
      true,
    );
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
