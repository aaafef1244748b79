/** The name that the certificate below is for. */
export const TLS_NAME = "hooks.example";

/** A self-signed certificate for receivers in tests, valid for 100 years. */
export const TLS_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBojCCAUegAwIBAgIUEFAmk3co+H24En2J33j45rkBV+0wCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNaG9va3MuZXhhbXBsZTAgFw0yNjExMjYxNTE2MjBaGA8yMTI2
MTEwMjE1MTYyMFowGDEWMBQGA1UEAwwNaG9va3MuZXhhbXBsZTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABAXEBOJA/IW7wDyX7RihXpUYXIZRI7jYAMnPbg/yyJI6
OXNJgtEhy1yM/8tvwbH/E1Nhbn3Af7ZrPlSMAyh1QcyjbTBrMB0GA1UdDgQWBBQq
nGQ9cqK6879z0nJWKwXpOfxMJjAfBgNVHSMEGDAWgBQqnGQ9cqK6879z0nJWKwXp
OfxMJjAPBgNVHRMBAf8EBTADAQH/MBgGA1UdEQQRMA+CDWhvb2tzLmV4YW1wbGUw
CgYIKoZIzj0EAwIDSQAwRgIhAPboYN7sV1F4CbHQByc7ZhzH2xk6ok9GBXRRQbQh
GxZoAiEAwjUdIqrDF1aFaSWhNEQlE64gzGZIrh8tz8P/5wOSc4o=
-----END CERTIFICATE-----
`;

/** Its key, known to everybody: worth nothing outside these tests. */
export const TLS_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggfdz7gLK5csdwxsO
lL4sb5khMhkgQmREXtdedw1ZF9mhRANCAAQFxATiQPyFu8A8l+0YoV6VGFyGUSO4
2ADJz24P8siSOjlzSYLRIctcjP/Lb8Gx/xNTYW59wH+2az5UjAModUHM
-----END PRIVATE KEY-----
`;
