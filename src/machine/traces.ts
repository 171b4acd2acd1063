/**
 * Spans for OpenTelemetry, which comes with Deno: `OTEL_DENO=true` sends them to
 * the collector that the `OTEL_*` variables name.
 *
 * @module
 */

import type { Trace } from "../oci/store.ts";
import { describeError } from "../errors.ts";
import { VERSION } from "../version.ts";
import type { Env } from "./certs_d.ts";
import { isTraced } from "./span_secrets.ts";

/** The function that makes spans; undefined where they are not collected. */
export async function loadTrace(env: Env): Promise<Trace | undefined> {
  if (!isTraced(env)) return undefined;
  const { SpanStatusCode, trace } = await import("@opentelemetry/api");
  const tracer = trace.getTracer("hangar", VERSION);
  return async (name, attributes, work) =>
    await tracer.startActiveSpan(name, { attributes }, async (span) => {
      try {
        return await work((more) => span.setAttributes(more));
      } catch (error) {
        span.setStatus({
          code: SpanStatusCode.ERROR,
          message: describeError(error),
        });
        throw error;
      } finally {
        span.end();
      }
    });
}
