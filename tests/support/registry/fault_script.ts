/**
 * Faults on demand: which request, which occurrence, what goes wrong.
 *
 * @module
 */

import { matches, type SeenRequest } from "./request_log.ts";

/** What goes wrong. */
export type FaultAction =
  /** An answer instead of the registry's own. */
  | {
    readonly status: number;
    readonly code?: string;
    readonly message?: string;
    readonly headers?: Readonly<Record<string, string>>;
    /** Instead of an error. */
    readonly body?: string;
  }
  /** The request is carried out, and then answered like this. */
  | { readonly lostAnswer: number }
  /** The request is carried out and answered so much later, in ms. */
  | { readonly delayMs: number }
  /** The body ends in an error after so many bytes. */
  | { readonly breakAfter: number }
  /** So many bytes of the body come, and then nothing as long as it runs. */
  | { readonly stallAfter: number }
  /** The answer does not come as long as the registry runs. */
  | { readonly stall: true };

/** One fault. */
export interface Fault {
  readonly match: Partial<
    Pick<SeenRequest, "method" | "kind" | "repository" | "reference">
  >;
  /** How often; @default {Infinity} */
  readonly times?: number;
  readonly action: FaultAction;
}

/** Applies faults to requests. */
export class FaultScript {
  readonly #faults = new Set<{ fault: Fault; left: number }>();

  readonly #stall = Promise.withResolvers<void>();

  /** Lets go of the requests that stall. */
  end(): void {
    this.#stall.resolve();
  }

  /** Adds a fault; the returned function takes it out. */
  add(fault: Fault): () => void {
    const entry = { fault, left: fault.times ?? Infinity };
    this.#faults.add(entry);
    return () => this.#faults.delete(entry);
  }

  /** Answers a request, or breaks it. */
  async apply(
    seen: SeenRequest,
    request: Request,
    answer: () => Promise<Response>,
    chaos?: FaultAction,
  ): Promise<Response> {
    if (chaos) return await this.#act(chaos, request, answer);
    const entry = [...this.#faults].find(({ fault, left }) =>
      left > 0 &&
      matches(seen, fault.match)
    );
    if (!entry) return await answer();
    entry.left--;
    return await this.#act(entry.fault.action, request, answer);
  }

  async #act(
    action: FaultAction,
    request: Request,
    answer: () => Promise<Response>,
  ): Promise<Response> {
    if ("status" in action) {
      await request.body?.cancel();
      const { status, headers } = action;
      if (action.body !== undefined) {
        return new Response(action.body, { status, headers });
      }
      return Response.json({
        errors: [{
          code: action.code ?? "UNKNOWN",
          message: action.message ?? "on demand",
        }],
      }, { status, headers });
    }
    if ("delayMs" in action) {
      await new Promise((resolve) => setTimeout(resolve, action.delayMs));
      return await answer();
    }
    if ("lostAnswer" in action) {
      await (await answer()).body?.cancel();
      return new Response(null, { status: action.lostAnswer });
    }
    if ("stall" in action) {
      await this.#stall.promise;
      return new Response(null, { status: 499 });
    }
    const response = await answer();
    if ("stallAfter" in action) {
      const whole = new Uint8Array(await response.arrayBuffer());
      let begun = false;
      return new Response(
        new ReadableStream<Uint8Array>({
          pull: async (controller) => {
            if (begun) await this.#stall.promise;
            if (begun) return controller.close();
            begun = true;
            controller.enqueue(whole.subarray(0, action.stallAfter));
          },
        }),
        { status: response.status },
      );
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    let sent = false;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent) throw new Error("broken on demand");
        sent = true;
        controller.enqueue(bytes.subarray(0, action.breakAfter));
      },
    });
    return new Response(body, response);
  }
}
