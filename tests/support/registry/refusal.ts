/**
 * A refusal as the distribution specification words it.
 *
 * @module
 */

/** The answer of a server that has no such route. */
export function noRoute(): Response {
  return new Response("404 page not found\n", {
    status: 404,
    headers: { "content-type": "text/plain; charset=utf-8" },
  });
}

/** An answer with one error in its body. */
export function refusal(
  status: number,
  code: string,
  message = code.toLowerCase(),
  headers: Record<string, string> = {},
): Response {
  return Response.json({ errors: [{ code, message }] }, { status, headers });
}
