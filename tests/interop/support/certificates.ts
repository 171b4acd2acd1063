/**
 * Certificates for servers on loopback.
 *
 * @module
 */

import { runChecked } from "./tools.ts";

/** Paths of PEM files. */
export interface ServerCertificate {
  /** The CA: what a client has to trust. */
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

const KEY = [
  "-newkey",
  "ec",
  "-pkeyopt",
  "ec_paramgen_curve:P-256",
  "-nodes",
];

const LEAF_EXTENSIONS = `basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth,clientAuth
subjectAltName=IP:127.0.0.1,IP:0.0.0.0,DNS:localhost
`;

/**
 * Makes a CA and a certificate for 127.0.0.1 and localhost. They are two,
 * since rustls refuses a CA certificate as a server's own.
 *
 * @param directory an existing directory for the files
 */
export async function makeServerCertificate(
  directory: string,
): Promise<ServerCertificate> {
  const file = (name: string) => `${directory}/${name}`;
  await Deno.writeTextFile(file("leaf.ext"), LEAF_EXTENSIONS);
  await Promise.all([
    runChecked("openssl", [
      "req",
      "-x509",
      ...KEY,
      "-days",
      "2",
      "-subj",
      "/CN=hangar test CA",
      "-addext",
      "keyUsage=critical,keyCertSign,cRLSign",
      "-keyout",
      file("ca.key"),
      "-out",
      file("ca.crt"),
    ]),
    runChecked("openssl", [
      "req",
      ...KEY,
      "-subj",
      "/CN=localhost",
      "-keyout",
      file("leaf.key"),
      "-out",
      file("leaf.csr"),
    ]),
  ]);
  await runChecked("openssl", [
    "x509",
    "-req",
    "-days",
    "2",
    "-in",
    file("leaf.csr"),
    "-CA",
    file("ca.crt"),
    "-CAkey",
    file("ca.key"),
    "-CAcreateserial",
    "-extfile",
    file("leaf.ext"),
    "-out",
    file("leaf.crt"),
  ]);
  return {
    caFile: file("ca.crt"),
    certFile: file("leaf.crt"),
    keyFile: file("leaf.key"),
  };
}
