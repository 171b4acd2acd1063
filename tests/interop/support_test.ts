import { assert, assertEquals, assertExists, assertRejects } from "@std/assert";
import { digestOf } from "../../src/oci/digest.ts";
import { MediaType } from "../../src/oci/manifest.ts";
import {
  type ImageData,
  interopIgnored,
  pushImage,
  skopeo,
  startDockerRegistry,
} from "./support.ts";

function interopTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: interopIgnored, fn });
}

const encode = (value: unknown) =>
  new TextEncoder().encode(JSON.stringify(value));

/** An OCI image with one layer of a few bytes. */
function tinyImage(repo: string, tag: string): ImageData {
  const layer = new TextEncoder().encode("a layer that nobody unpacks");
  const config = encode({
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: [digestOf(layer)] },
  });
  const descriptor = (mediaType: string, bytes: Uint8Array) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const bytes = encode({
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: descriptor(MediaType.ociConfig, config),
    layers: [descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
  });
  return {
    repo,
    tag,
    manifests: [{
      bytes,
      mediaType: MediaType.ociManifest,
      digest: digestOf(bytes),
    }],
    blobs: new Map([[digestOf(layer), layer], [digestOf(config), config]]),
  };
}

async function get(
  url: string,
  init: RequestInit & { client?: Deno.HttpClient } = {},
): Promise<number> {
  const response = await fetch(url, init);
  await response.body?.cancel();
  return response.status;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}

interopTest(
  "skopeo reads back what was pushed, and its requests are logged",
  async () => {
    await using registry = await startDockerRegistry();
    const image = tinyImage("team/app", "1.0");
    await pushImage(registry, image);
    assertEquals(await registry.settledRequests(), []);

    const { code, stdout, stderr } = await skopeo([
      "inspect",
      "--raw",
      "--tls-verify=false",
      `docker://${registry.host}/team/app:1.0`,
    ]);
    assertEquals(code, 0, stderr);
    assertEquals(new TextEncoder().encode(stdout), image.manifests[0]?.bytes);
    const requests = await registry.settledRequests();
    assertEquals(
      requests.filter((request) => request.path.includes("/manifests/")),
      [{ method: "GET", path: "/v2/team/app/manifests/1.0", status: 200 }],
    );

    await registry.clearRequests();
    assertEquals(await get(`${registry.url}/v2/none/tags/list?n=1`), 404);
    assertEquals(await registry.settledRequests(), [
      { method: "GET", path: "/v2/none/tags/list?n=1", status: 404 },
    ]);
  },
);

interopTest("with htpasswd nobody gets in without the password", async () => {
  const htpasswd = { user: "bob", password: "se:cret" };
  await using registry = await startDockerRegistry({ htpasswd });
  await pushImage(registry, tinyImage("a", "1"));
  const url = `${registry.url}/v2/a/manifests/1`;
  const basic = (pair: string) => ({
    headers: { authorization: `Basic ${btoa(pair)}` },
  });
  assertEquals(await get(url), 401);
  assertEquals(await get(url, basic("bob:wrong")), 401);
  assertEquals(await get(`${registry.url}/v2/`, basic("bob:se:cret")), 200);
});

interopTest(
  "with tls it serves those who trust its CA, and no others",
  async () => {
    await using registry = await startDockerRegistry({ tls: true });
    await pushImage(registry, tinyImage("a", "1"));
    assertExists(registry.caFile);
    assert(registry.url.startsWith("https://"));
    const ca = await Deno.readTextFile(registry.caFile);
    using trusting = Deno.createHttpClient({ caCerts: [ca] });
    const port = new URL(registry.url).port;
    for (const host of ["127.0.0.1", "localhost"]) {
      const url = `https://${host}:${port}/v2/`;
      assertEquals(await get(url, { client: trusting }), 200);
    }
    using doubting = Deno.createHttpClient({});
    await assertRejects(
      () => get(`${registry.url}/v2/`, { client: doubting }),
      TypeError,
    );
  },
);

interopTest(
  "stopped it is gone, restarted it has its port and content again",
  async () => {
    await using registry = await startDockerRegistry();
    await pushImage(registry, tinyImage("a", "1"));
    const url = `${registry.url}/v2/a/tags/list`;
    await registry.stop();
    await assertRejects(() => get(url), TypeError);
    await registry.restart();
    assertEquals(`${registry.url}/v2/a/tags/list`, url);
    assertEquals(await get(url), 200);
  },
);

interopTest("deletion is off unless it is wanted", async () => {
  const image = tinyImage("a", "1");
  const path = `/v2/a/manifests/${image.manifests[0]?.digest}`;
  for (const [deleteEnabled, status] of [[false, 405], [true, 202]] as const) {
    await using registry = await startDockerRegistry({ deleteEnabled });
    await pushImage(registry, image);
    assertEquals(
      await get(registry.url + path, { method: "DELETE" }),
      status,
    );
  }
});

interopTest(
  "in the end its own storage is removed and a given one kept",
  async () => {
    const storageDir = await Deno.makeTempDir();
    try {
      let own: string;
      {
        await using registry = await startDockerRegistry();
        await using keeping = await startDockerRegistry({ storageDir });
        await pushImage(registry, tinyImage("a", "1"));
        await pushImage(keeping, tinyImage("a", "1"));
        own = registry.storageDir;
        assert(await exists(own));
      }
      assert(!await exists(own));
      assert(await exists(`${storageDir}/docker`));
    } finally {
      await Deno.remove(storageDir, { recursive: true });
    }
  },
);

interopTest(
  "content that the registry does not take is an error with its answer",
  async () => {
    await using registry = await startDockerRegistry();
    const image = tinyImage("a", "1");
    await assertRejects(
      () => pushImage(registry, { ...image, blobs: new Map() }),
      Error,
      "MANIFEST_BLOB_UNKNOWN",
    );
  },
);

interopTest("a server that cannot start says why", async () => {
  await using registry = await startDockerRegistry();
  await registry.stop();
  const port = Number(new URL(registry.url).port);
  using _squatter = Deno.listen({ hostname: "127.0.0.1", port });
  await assertRejects(
    () => registry.restart(),
    Error,
    "address already in use",
  );
});
