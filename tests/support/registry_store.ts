/**
 * A registry as a store, without the command line around it.
 *
 * @module
 */

import { Connection } from "../../src/registry/connection.ts";
import { Registry } from "../../src/registry/registry.ts";
import { readWholeBodies } from "../../src/transport/read_body.ts";
import { HostClients } from "../../src/transport/host_client.ts";
import { followRedirects } from "../../src/transport/redirect.ts";
import { Retrier } from "../../src/transport/retry.ts";
import { compose } from "../../src/transport/transport.ts";

/** A registry on loopback, spoken to in plain HTTP without credentials. */
export class RegistryStore implements AsyncDisposable {
  readonly store: Registry;
  readonly #clients = new HostClients({ userAgent: "hangar-test" });

  constructor(host: string) {
    const connection = new Connection({
      id: host,
      candidates: [new URL(`http://${host}`)],
      transportFor: () =>
        compose(
          this.#clients.send,
          followRedirects,
          readWholeBodies,
          new Retrier({ attempts: 1 }).decorate,
        ),
    });
    this.store = new Registry(connection, { access: "pull,push" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    await this.#clients[Symbol.asyncDispose]();
  }
}
