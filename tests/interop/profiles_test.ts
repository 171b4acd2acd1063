// The profiles of the fake registry answer as the real registries do.
import { assertEquals } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import {
  makeImage,
  makeSha512,
  randomBytes,
  sha256,
} from "../support/images.ts";
import { PROFILES } from "../support/profiles.ts";
import { digestLike } from "../support/registry/digests.ts";
import {
  type Answer,
  locationOf,
  PlainClient,
  REPO,
} from "../support/registry/plain_client.ts";
import { interopIgnored, startDockerRegistry } from "./support.ts";
import { distributionProgram } from "./support/distribution.ts";

const content = randomBytes(1000, "probe");
const digest = sha256(content);
const app = makeImage({ seed: "probe", layers: [content] });
const foreign = makeImage({ seed: "foreign", foreignLayer: true });
const [, [digest512, content512] = ["", content]] = makeSha512([100]).blobs;
const OTHER = "/v2/corp/other/";

/** What is compared of an answer. */
const HEADERS = [
  "content-range",
  "docker-content-digest",
  "oci-subject",
  "range",
];

/** A registry under questions, and what it said. */
class Inquiry {
  readonly said: Record<string, string> = {};
  readonly #client: PlainClient;

  constructor(origin: string) {
    this.#client = new PlainClient(origin);
  }

  async all(): Promise<Record<string, string>> {
    await this.#push();
    await this.#tags();
    await this.#references();
    await this.#ranges();
    await this.#sha512();
    await this.#uploads();
    await this.#deletes();
    return this.said;
  }

  #note(what: string, answer: Answer, more = ""): Answer {
    const { status, headers, text } = answer;
    const told = HEADERS.flatMap((name) => headers.get(name) ?? []);
    const codes = text.startsWith('{"errors"')
      ? [...text.matchAll(/"code":"(\w+)"/g)].map(([, code]) => code)
      : [];
    this.said[what] = [status, ...told, ...codes, more].join(" ").trim();
    return answer;
  }

  async #ask(
    what: string,
    method: string,
    path: string,
    options: Parameters<PlainClient["ask"]>[2] = {},
  ): Promise<Answer> {
    return this.#note(what, await this.#client.ask(method, path, options));
  }

  #put(what: string, reference: string, image: typeof app): Promise<Answer> {
    return this.#ask(`${what} PUT`, "PUT", `manifests/${reference}`, {
      headers: { "content-type": image.mediaType },
      body: image.bytes,
    });
  }

  async #push(): Promise<void> {
    await this.#ask("tags of no repository", "GET", "tags/list");
    await this.#put("manifest without its blobs", "a", app);
    for (const image of [app, foreign]) {
      for (const [name, bytes] of image.blobs) {
        const location = await this.#client.open();
        await this.#client.finish(location, name, bytes);
      }
    }
    for (const tag of ["b", "a", "c"]) await this.#put(`tag ${tag}`, tag, app);
    await this.#put("foreign layers", "foreign", foreign);
    await this.#put("another digest", digest, app);
    await this.#ask("referrers", "GET", `referrers/${app.digest}`);
  }

  async #tags(): Promise<void> {
    for (const query of ["", "?n=2", "?n=2&last=b", "?n=0", "?n=x"]) {
      const answer = await this.#client.ask("GET", `tags/list${query}`);
      const more = answer.status === 200
        ? JSON.parse(answer.text).tags?.toSorted().join()
        : "";
      const hasNext = answer.headers.has("link") ? " and more" : "";
      this.#note(`tags ${query}`, answer, `${more}${hasNext}`);
    }
  }

  async #references(): Promise<void> {
    for (const bad of ["sha256:bad", `md5:${"a".repeat(32)}`]) {
      await this.#ask(`${bad} GET`, "GET", `manifests/${bad}`);
      await this.#ask(`${bad} HEAD`, "HEAD", `manifests/${bad}`);
      await this.#put(bad, bad, app);
      await this.#ask(`${bad} blob`, "GET", `blobs/${bad}`);
    }
    await this.#ask("manifest of no tag", "GET", "manifests/none");
  }

  async #ranges(): Promise<void> {
    for (const range of ["10-19", "10-", "-5", "900-3000", "1000-", "5-1"]) {
      const options = { headers: { range: `bytes=${range}` } };
      const told = await this.#client.ask("GET", `blobs/${digest}`, options)
        .then(({ status, headers }) =>
          status === 206 ? headers.get("content-range") : String(status)
        ).catch(() => "broken");
      this.said[`range ${range}`] = told ?? "none";
    }
  }

  async #sha512(): Promise<void> {
    const opened = await this.#client.open();
    this.#note(
      "sha512 blob",
      await this.#client.finish(opened, digest512, content512),
    );
    for (const name of [digest512, sha256(content512)]) {
      await this.#ask(`HEAD ${name}`, "HEAD", `blobs/${name}`);
    }
    const mount = `${OTHER}blobs/uploads/?mount=${digest512}&from=${REPO}`;
    await this.#ask("sha512 mount", "POST", mount);
    for (const name of [digest512, sha256(content512)]) {
      await this.#ask(`mounted ${name}`, "HEAD", `${OTHER}blobs/${name}`);
    }
    const name = digestLike("sha512:", app.bytes);
    await this.#put("sha512 manifest", name, app);
    await this.#ask("sha512 manifest GET", "GET", `manifests/${name}`);
  }

  async #uploads(): Promise<void> {
    const client = this.#client;
    const posted = await client.post(digest, content);
    this.said["single POST"] = String(posted.status);
    await client.ask("DELETE", locationOf(posted)).catch(() => {});

    const first = await client.open();
    const chunk = await client.patch(first, content.slice(0, 10), "0-9");
    this.#note("first chunk", chunk);
    const second = locationOf(chunk);
    const far = await client.patch(second, content.slice(20, 30), "20-29");
    this.#note("chunk out of order", far);
    const current = far.status === 202 ? locationOf(far) : second;
    this.#note("then", await client.ask("GET", current));
    const last = content.slice(50);
    const put = await client.finish(current, digest, last, "50-999");
    this.#note("PUT out of order", put);

    const stale = await client.open();
    await client.patch(stale, content.slice(0, 10), "0-9");
    const late = await client.patch(stale, content.slice(10), "10-999");
    this.#note("chunk to an old location", late);
    const old = await client.open();
    await client.patch(old, content.slice(0, 10), "0-9");
    this.#note("status of an old location", await client.ask("GET", old));

    const given = await client.open();
    this.#note("upload DELETE", await client.ask("DELETE", given));
    this.#note("upload GET, deleted", await client.ask("GET", given));
  }

  async #deletes(): Promise<void> {
    await this.#ask("DELETE tag", "DELETE", "manifests/a");
    const path = `manifests/${app.digest}`;
    await this.#ask("DELETE manifest", "DELETE", path);
    await this.#ask("DELETE manifest again", "DELETE", path);
    await this.#ask("GET its other tag", "GET", "manifests/b");
    await this.#ask("DELETE blob", "DELETE", `blobs/${digest}`);
    await this.#ask("DELETE blob again", "DELETE", `blobs/${digest}`);
    await this.#ask("GET deleted blob", "GET", `blobs/${digest}`);
  }
}

for (
  const [name, program] of [
    ["distribution 2.8", "docker-registry"],
    ["distribution 3", distributionProgram],
  ]
) {
  Deno.test({
    name: `interop: the profile of ${name} answers as ${name} does`,
    ignore: interopIgnored || program === undefined,
    fn: async () => {
      const profile = PROFILES.find((profile) => profile.name === name)!;
      await using real = await startDockerRegistry({
        program,
        deleteEnabled: true,
      });
      await using fake = FakeRegistry.start({
        ...profile.options(),
        auth: undefined,
      });
      assertEquals(
        await new Inquiry(fake.url).all(),
        await new Inquiry(real.url).all(),
      );
    },
  });
}
