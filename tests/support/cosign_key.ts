/**
 * A key pair that cosign 2.6.1 made, with the passphrase "pw".
 *
 * @module
 */

/** Its passphrase. */
export const COSIGN_PASSPHRASE = "pw";

/** The private half, as cosign wrote it. */
export const COSIGN_KEY = `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
OCwicCI6MX0sInNhbHQiOiJUa3hpQUFpSk1SN3REWW0zRENuMk1xemdiZlNQRkw5
TFdrQ3FycVMzcFZzPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiJPM3JuVXYwRTRrY0NFN2p1aUprWURZUkVCWkpQVkpuRiJ9LCJj
aXBoZXJ0ZXh0IjoidXVnWWhENlJSSTh3SXBVeDRTV0NJN2JTUUwvU2tjUEJkbUVV
eUdBMVhUdnpBUW5IdHV4LzJyN2RlTGRzZHdGS056ZjZSWGo3aXNTM3d1TmpFUnkv
SWd4TFRwaHNZdm9ySHFWVnl0ZHhpNy8ra3ZFQzMvS2JGaEdnUEYrRk9pRVcvSXA2
eXM2K3Nnc1gzdkN3SGdXSmUzMFA5ckRSanF6czIyTkRNNjYrdkZnREtkQ0NicllR
Y2ZDMWpha1JBNlRKVGQ0OGlEdk1sTjNVVkE9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
`;

/** The public half. */
export const COSIGN_PUB = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhMJnLDbF3Wa1PIEREDJHxJbie2bX
xMYyS1GcMSm60FMHjUsnyn7SB58XQu8BbfwNN8ktQJxcNDoDPl1TtDRrUg==
-----END PUBLIC KEY-----
`;
