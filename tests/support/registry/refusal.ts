/**
 * A refusal as the distribution specification words it.
 *
 * @module
 */

/** An answer with one error in its body. */
export function refusal(
  status: number,
  code: string,
  message = code.toLowerCase(),
  headers: Record<string, string> = {},
): Response {
  return Response.json({ errors: [{ code, message }] }, { status, headers });
}
