/**
 * A plain source, a destination of some profile, and the command line between
 * them.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { FakeRegistry, type FakeRegistryOptions } from "./fake_registry.ts";
import { hangar, type HangarResult } from "./hangar.ts";
import { ACCOUNT } from "./profiles.ts";

/** Both registries; the destination's account is in an auth file. */
export class ProfilePair implements AsyncDisposable {
  readonly source = FakeRegistry.start({ referrers: true });
  readonly destination: FakeRegistry;
  readonly #directory = Deno.makeTempDirSync();

  constructor(destination: FakeRegistryOptions) {
    this.destination = FakeRegistry.start(destination);
    const auth = btoa(`${ACCOUNT.username}:${ACCOUNT.password}`);
    Deno.writeTextFileSync(
      `${this.#directory}/auth.json`,
      JSON.stringify({ auths: { [this.destination.host]: { auth } } }),
    );
  }

  /** Runs a command on a list. */
  run(
    words: readonly string[],
    list: string,
    flags: readonly string[] = [],
  ): Promise<HangarResult> {
    return hangar([
      ...words,
      "-f-",
      `-s${this.source.host}`,
      `-d${this.destination.host}`,
      `--failed=${this.#directory}/failed.txt`,
      ...flags,
    ], {
      stdin: list,
      env: { REGISTRY_AUTH_FILE: `${this.#directory}/auth.json` },
    });
  }

  async [Symbol.asyncDispose]() {
    await this.source[Symbol.asyncDispose]();
    await this.destination[Symbol.asyncDispose]();
    await Deno.remove(this.#directory, { recursive: true });
    assertEquals(this.source.violations, []);
    assertEquals(this.destination.violations, []);
    assertEquals(this.destination.dangling(), []);
  }
}
