/**
 * The `Authorization` header of a request.
 *
 * @module
 */

import { basicAuthorization } from "../transport/basic_authorization.ts";
import type {
  TransportDecorator,
  TransportRequest,
} from "../transport/transport.ts";
import type { Credentials } from "./keychain.ts";

/** A user name and password as the value of `Authorization`. */
export function basic({ username = "", password = "" }: Credentials): string {
  return basicAuthorization(username, password);
}

/**
 * Sends credentials with every request, without waiting for a challenge. It is
 * for an API that sends none, and whose redirects are not followed.
 */
export function withBasic(
  credentials: Credentials | undefined,
): TransportDecorator {
  return (next) => async (request) =>
    await next(
      withAuthorization(request, credentials && basic(credentials)),
    );
}

/** A request with this header; without one the request stays as it is. */
export function withAuthorization(
  request: TransportRequest,
  header: string | undefined,
): TransportRequest {
  return header === undefined
    ? request
    : { ...request, headers: { ...request.headers, authorization: header } };
}
