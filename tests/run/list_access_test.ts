import { assertEquals, assertRejects } from "@std/assert";
import type { Credentials } from "../../src/auth/keychain.ts";
import { HangarError } from "../../src/errors.ts";
import type { ListSettings } from "../../src/lists/image_list.ts";
import {
  accessOfList,
  routesOfList,
} from "../../src/run/network/list_access.ts";

const FILES: Credentials = { username: "file", password: "p", origin: "f" };

/** Where credentials of a host come from, and what helpers were asked. */
function accessOf(settings: ListSettings) {
  const asked: string[] = [];
  const access = accessOfList(
    {
      credentials: { credentialsFor: () => Promise.resolve(FILES) },
      certificates: () => Promise.resolve({ ca: ["usual"] }),
      systemCertificates: () => Promise.resolve([]),
      proxyFor: () => undefined,
    },
    settings,
    {
      runHelper: (program, action, input) => {
        asked.push(`${program} ${action} ${input}`);
        return Promise.resolve({
          code: 0,
          stdout: '{"Username":"<token>","Secret":"t"}',
        });
      },
    },
  );
  return { access, asked };
}

Deno.test("list access: its logins come before those of files, or alone", async () => {
  const registries = [
    { registry: "a.io", login: { username: "u", password: "p" } },
  ];
  const { access } = accessOf({ registries });
  const of = (host: string) => access.credentials.credentialsFor(host);
  assertEquals((await of("a.io"))?.username, "u");
  assertEquals((await of("b.io"))?.username, "file");
  const alone = accessOf({ registries, withoutAuthFiles: true }).access;
  assertEquals(await alone.credentials.credentialsFor("b.io"), undefined);
});

Deno.test("list access: a helper is asked for the server that the list names", async () => {
  const { access, asked } = accessOf({
    registries: [
      { registry: "a.io", login: { helper: "ecr-login", server: "other.io" } },
    ],
  });
  const found = await access.credentials.credentialsFor("a.io");
  assertEquals(found?.identityToken, "t");
  assertEquals(asked, ["docker-credential-ecr-login get other.io"]);
});

Deno.test("list access: certificates of a registry are those of its host alone", async () => {
  const { access } = accessOf({
    registries: [{
      registry: "a.io",
      hostname: "real.io",
      ca: "own",
      client: { certificate: "c", key: "k" },
    }],
  });
  assertEquals(await access.certificates("real.io"), {
    ca: ["usual", "own"],
    client: { certificate: "c", key: "k" },
  });
  assertEquals(await access.certificates("a.io"), {
    ca: ["usual"],
  });
});

Deno.test("list access: a directory of certificates that is not there is told", async () => {
  const { access } = accessOf({
    registries: [{ registry: "a.io", certificatesIn: "/nowhere/certs" }],
  });
  await assertRejects(
    () => access.certificates("a.io"),
    HangarError,
    "/nowhere/certs",
  );
});

Deno.test("list access: mirrors are tried by their priority, the registry last", () => {
  const routes = routesOfList(undefined, {
    registries: [
      { registry: "a.io", mirrors: ["m1.io", "m2.io"] },
      { registry: "m1.io", priority: 1 },
      { registry: "m2.io", priority: 5, pathPrefix: "hub/a" },
    ],
  })!;
  const image = { registry: "a.io", repository: "x/y", tag: "1" };
  assertEquals(
    routes.pullFrom(image).map((p) => `${p.registry}/${p.repository}`),
    ["m2.io/hub/a/x/y", "m1.io/x/y", "a.io/x/y"],
  );
  assertEquals(routes.pushTo(image), image);
});
