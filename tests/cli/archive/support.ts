/**
 * A source, an archive, and a destination on the far side of an air gap.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  FakeRegistry,
  type FakeRegistryOptions,
} from "../../support/fake_registry.ts";
import {
  hangar,
  type HangarOptions,
  type HangarResult,
} from "../../support/hangar.ts";

/** The name that the source's images have: that of a registry elsewhere. */
export const SOURCE_NAME = "reg.example.com";

/** Two registries that never see each other, and a disk between them. */
export class Carry implements AsyncDisposable {
  readonly source: FakeRegistry;
  readonly destination: FakeRegistry;
  /** What `mirror` puts there directly, to compare with. */
  readonly directory: string = Deno.makeTempDirSync();
  /** Set by tests that damage things on purpose. */
  damaged = false;

  constructor(
    destination: FakeRegistryOptions = {},
    source: FakeRegistryOptions = {},
  ) {
    this.source = FakeRegistry.start(source);
    this.destination = FakeRegistry.start(destination);
  }

  /** A path in the directory of the test. */
  path(name: string): string {
    return `${this.directory}/${name}`;
  }

  /** Runs a command that reads a list from the source. */
  from(
    words: readonly string[],
    list: string,
    archive: string,
    flags: readonly string[] = [],
    options: HangarOptions = {},
  ): Promise<HangarResult> {
    return hangar([
      ...words,
      "-f-",
      `--source=http://${this.source.host}`,
      `-d=${this.path(archive)}`,
      `--failed=${this.path("save-failed.txt")}`,
      ...flags,
    ], { stdin: list, ...options });
  }

  save(
    list: string,
    archive = "a.tar",
    flags: readonly string[] = [],
    options: HangarOptions = {},
  ): Promise<HangarResult> {
    return this.from(["save"], list, archive, flags, options);
  }

  sync(
    list: string,
    archive = "a.tar",
    flags: readonly string[] = [],
  ): Promise<HangarResult> {
    return this.from(["sync"], list, archive, flags);
  }

  load(
    archive = "a.tar",
    flags: readonly string[] = [],
    options: HangarOptions = {},
  ): Promise<HangarResult> {
    return hangar([
      "load",
      `-s=${this.path(archive)}`,
      `-d=http://${this.destination.host}`,
      `--failed=${this.path("load-failed.txt")}`,
      ...flags,
    ], options);
  }

  /** Mirrors directly, to compare with what was carried. */
  async mirrored(
    list: string,
    flags: readonly string[] = [],
    options: FakeRegistryOptions = {},
  ): Promise<FakeRegistry> {
    const registry = FakeRegistry.start(options);
    const { code, stderr } = await hangar([
      "mirror",
      "-f-",
      `--source=http://${this.source.host}`,
      `--destination=http://${registry.host}`,
      `--failed=${this.path("mirror-failed.txt")}`,
      ...flags,
    ], { stdin: list });
    assertEquals(code, 0, stderr);
    return registry;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.source[Symbol.asyncDispose]();
    await this.destination[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
    assertEquals(this.source.violations, []);
    assertEquals(this.destination.violations, []);
    if (!this.damaged) assertEquals(this.destination.dangling(), []);
  }
}
