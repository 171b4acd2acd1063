/**
 * Basic authentication (RFC 7617), and the header that carries any.
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
 * Shows credentials with every request, unasked: for an API whose server does
 * not ask, and which no redirect is followed from.
 */
export function withBasic(
  credentials: Credentials | undefined,
): TransportDecorator {
  return (next) => async (request) =>
    await next(
      withAuthorization(request, credentials && basic(credentials)),
    );
}

/** A request with the header, or as it is where there is none. */
export function withAuthorization(
  request: TransportRequest,
  header: string | undefined,
): TransportRequest {
  return header === undefined
    ? request
    : { ...request, headers: { ...request.headers, authorization: header } };
}
