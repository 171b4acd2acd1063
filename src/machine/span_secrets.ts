/**
 * Keeps secrets out of spans. With `OTEL_DENO=true` Deno makes a span for each
 * request by itself, with its whole URL: presigned queries and the states of
 * uploads too. Deno has no switch for that alone: OTEL_DENO_TRACING=false ends
 * hangar's own spans as well, Deno ignores contexts that suppress tracing, and
 * it chooses a sampler before the program begins. But all spans have one class,
 * and their attributes pass through its methods: these are replaced.
 *
 * @module
 */

import type { AttributeValue, Exception, Span } from "@opentelemetry/api";
import { hideUrls } from "../errors.ts";
import { redactUrl } from "../transport/redact_url.ts";
import type { Env } from "./certs_d.ts";

const guarded = new WeakSet<object>();

/** Whether spans are collected. */
export function isTraced(env: Env): boolean {
  return ["1", "true"].includes(env("OTEL_DENO") ?? "");
}

/**
 * From now on, spans hold URLs without secrets, as logs do. Without tracing
 * this does nothing.
 */
export async function guardSpans(env: Env): Promise<void> {
  if (!isTraced(env)) return;
  const { trace } = await import("@opentelemetry/api");
  // This span is never ended, so it is never sent.
  const probe = trace.getTracer("hangar").startSpan("probe");
  const spans: Span = Object.getPrototypeOf(probe);
  if (guarded.has(spans)) return;
  guarded.add(spans);
  const { setAttribute, setStatus, recordException } = spans;
  spans.setAttribute = function (key, value) {
    const shown = shownAttribute(key, value);
    return shown === undefined ? this : setAttribute.call(this, key, shown);
  };
  spans.setAttributes = function (attributes) {
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== undefined) this.setAttribute(key, value);
    }
    return this;
  };
  spans.setStatus = function (status) {
    const message = status.message && hideUrls(status.message);
    return setStatus.call(this, { ...status, message });
  };
  spans.recordException = function (exception, time) {
    recordException.call(this, shownException(exception), time);
  };
}

function shownAttribute(
  key: string,
  value: AttributeValue,
): AttributeValue | undefined {
  if (key === "url.query") return undefined;
  if (typeof value !== "string") return value;
  if (key === "url.full" || key === "http.url") {
    return URL.canParse(value) ? redactUrl(new URL(value)) : hideUrls(value);
  }
  return hideUrls(value);
}

function shownException(exception: Exception): Exception {
  if (typeof exception === "string") return hideUrls(exception);
  const { name, message, stack } = exception;
  return {
    name: name ?? "Error",
    message: hideUrls(message ?? ""),
    stack: stack && hideUrls(stack),
  };
}
