/**
 * Two fake registries and the command line between them.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { FakeRegistry, type FakeRegistryOptions } from "./fake_registry.ts";
import { hangar, type HangarOptions } from "./hangar.ts";

/** A source and a destination, and hangar between them. */
export class Pair implements AsyncDisposable {
  readonly source: FakeRegistry;
  readonly destination: FakeRegistry;
  readonly directory = Deno.makeTempDirSync();
  readonly failed = `${this.directory}/failed.txt`;

  /** Set by tests that break the destination on purpose. */
  damaged = false;

  constructor(
    destination: FakeRegistryOptions = {},
    source: FakeRegistryOptions = {},
  ) {
    this.source = FakeRegistry.start(source);
    this.destination = FakeRegistry.start(destination);
  }

  /** Runs `hangar mirror` on a list. */
  mirror(list: string, flags: string[] = [], options: HangarOptions = {}) {
    return this.#run(["mirror"], list, flags, options);
  }

  /** Runs `hangar mirror validate` on a list. */
  validate(list: string, flags: string[] = [], options: HangarOptions = {}) {
    return this.#run(["mirror", "validate"], list, flags, options);
  }

  #run(
    words: string[],
    list: string,
    flags: string[],
    options: HangarOptions,
  ) {
    return hangar([
      ...words,
      "-f-",
      `--source=http://${this.source.host}`,
      `--destination=http://${this.destination.host}`,
      `--failed=${this.failed}`,
      ...flags,
    ], { stdin: list, ...options });
  }

  /** What the failed list holds. */
  async failedLines(): Promise<string[]> {
    const text = await Deno.readTextFile(this.failed).catch(() => "");
    return text.split("\n").filter((line) => line && !line.startsWith("#"));
  }

  async [Symbol.asyncDispose]() {
    await this.source[Symbol.asyncDispose]();
    await this.destination[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
    assertEquals(this.source.violations, []);
    assertEquals(this.destination.violations, []);
    if (!this.damaged) assertEquals(this.destination.dangling(), []);
  }
}
