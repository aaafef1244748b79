import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LAPTOP_POLICY, STRICT_POLICY, type WebhookPolicy } from "../policy.js";
import { checkWebhookUrl } from "./check-webhook-url.js";

/** Plain http and every port: so that only the host can be what is refused. */
const OPEN: WebhookPolicy = { allowHttp: true, allowLoopback: false, ports: "any" };

/** Each is refused whatever the scheme and the port may be. */
const HOSTILE_URLS: readonly string[] = [
  // One loopback address, as inet_aton and browsers spell it.
  "http://127.0.0.1/",
  "http://127.1/",
  "http://127.0.1/",
  "http://127.0.0.1:8080/",
  "http://2130706433/",
  "http://017700000001/",
  "http://0177.0.0.1/",
  "http://0177.0.0.01/",
  "http://0x7f000001/",
  "http://0x7f.0.0.1/",
  "http://0x7f.1/",
  "http://0x7F.0x0.0x0.0x1/",
  "http://127.0x0.0.01/",
  "http://0x7f.0.01/",
  "http://127.0.0.1./",
  "http://127.127.127.127/",
  "http://0/",
  "http://0.0.0.0/",
  "http://0x0/",
  "http://%31%32%37.0.0.1/",
  "http://127%2e0%2e0%2e1/",
  // Digits and dots of other scripts, which the URL standard maps to ASCII.
  "http://①②⑦.⓪.⓪.①/",
  "http://１２７．０．０．１/",
  "http://127。0。0。1/",
  "http://127｡0｡0｡1/",
  "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
  "http://loc\u00adalhost/",
  // Private, shared, link-local, reserved.
  "http://10.0.0.1/",
  "http://10.1/",
  "http://0xa000001/",
  "http://167772161/",
  "http://012.0.0.1/",
  "http://172.16.0.1/",
  "http://172.31.255.255/",
  "http://192.168.0.1/",
  "http://192.168.257/",
  "http://3232235521/",
  "http://100.64.0.1/",
  "http://100.127.255.255/",
  "http://192.0.2.1/",
  "http://198.18.0.1/",
  "http://198.51.100.1/",
  "http://203.0.113.1/",
  "http://224.0.0.1/",
  "http://240.0.0.1/",
  "http://255.255.255.255/",
  // Metadata services.
  "http://169.254.169.254/latest/meta-data/",
  "http://2852039166/latest/meta-data/",
  "http://0xa9fea9fe/",
  "http://0251.0376.0251.0376/",
  "http://169.254.43518/",
  "http://[::ffff:169.254.169.254]/",
  "http://[fd00:ec2::254]/",
  "http://100.100.100.200/",
  "http://168.63.129.16/",
  "http://metadata.google.internal/computeMetadata/v1/",
  "http://METADATA.GOOGLE.INTERNAL/",
  "http://metadata/",
  "http://instance-data/",
  "http://instance-data.ec2.internal/",
  // IPv6.
  "http://[::]/",
  "http://[::1]/",
  "http://[0:0:0:0:0:0:0:1]/",
  "http://[0000::0001]/",
  "http://[::ffff:127.0.0.1]/",
  "http://[::FFFF:7F00:1]/",
  "http://[0:0:0:0:0:ffff:7f00:1]/",
  "http://[::127.0.0.1]/",
  "http://[::ffff:0:127.0.0.1]/",
  "http://[64:ff9b::127.0.0.1]/",
  "http://[64:ff9b::7f00:1]/",
  "http://[64:ff9b:1::a00:1]/",
  "http://[2002:7f00:1::]/",
  "http://[2002:a00:1::1]/",
  "http://[2001:0:7f00:1::1]/",
  "http://[2001:db8::1]/",
  "http://[fe80::1]/",
  "http://[fe80::1%25eth0]/",
  "http://[fe80::1%eth0]/",
  "http://[fec0::1]/",
  "http://[fc00::1]/",
  "http://[fdff:ffff::1]/",
  "http://[ff02::1]/",
  "http://[::1",
  // Names of this machine and of private networks.
  "http://localhost/",
  "http://LOCALHOST/",
  "http://localhost./",
  "http://a.localhost/",
  "http://printer.local/",
  "http://redis/",
  "http://redis:6379/",
  "http://kubernetes.default.svc.cluster.local/",
  "http://vault.internal/",
  "http://router.lan/",
  "http://nas.home.arpa/",
  "http://host.docker.internal/",
  "http://1.0.0.127.in-addr.arpa/",
  "http://example.com./",
  "http://.example.com./",
  // What one parser takes for the host and another for something else.
  "http://example.com@127.0.0.1/",
  "http://user:pass@example.com/",
  "http://user@example.com/",
  "http://:pass@example.com/",
  "http://127.0.0.1@example.com/",
  "http://127.0.0.1%00@example.com/",
  "http://example.com#@127.0.0.1/",
  "http://example.com/#fragment",
  "http://example.com/#",
  "http://example.com\\@127.0.0.1/",
  "http:\\\\127.0.0.1\\",
  "http://127.0.0.1\\@example.com/",
  "http:127.0.0.1/",
  "http:/127.0.0.1/",
  "http:///127.0.0.1/",
  "ht\ntp://example.com/",
  "http://exam\tple.com/",
  "http://example.com/\r\nHost: 127.0.0.1",
  " http://example.com/",
  "http://example.com/ ",
  "http://example .com/",
  "http://example.com:0/",
  "http://example.com:65536/",
  "http://example.com:-1/",
  "http://example.com:80:80/",
  "http://999.1.1.1/",
  "http://1.2.3.4.5/",
  "http://0x100000000/",
  // Other schemes, and none.
  "file:///etc/passwd",
  "gopher://127.0.0.1:6379/_FLUSHALL",
  "ftp://example.com/",
  "data:text/plain,hello",
  "javascript:alert(1)",
  "dict://127.0.0.1:11211/",
  "ldap://example.com/",
  "ws://example.com/",
  "wss://example.com/",
  "unix:///var/run/docker.sock",
  "blob:https://example.com/1",
  "jar:https://example.com!/",
  "about:blank",
  "//example.com/",
  "/v1/jobs",
  "example.com",
  "",
];

describe("checkWebhookUrl()", () => {
  test("the table of hostile URLs has what the issue asks for", () => {
    expect(new Set(HOSTILE_URLS).size).toBe(HOSTILE_URLS.length);
    expect(HOSTILE_URLS.length).toBeGreaterThanOrEqual(60);
  });

  test.each(HOSTILE_URLS)("checkWebhookUrl() refuses %j", (url) => {
    expect(checkWebhookUrl(url, OPEN)).toMatch(/^must /);
    expect(checkWebhookUrl(url.replace(/^http:/, "https:"), STRICT_POLICY)).toMatch(/^must /);
  });

  test.each([
    "https://example.com/",
    "https://example.com",
    "https://EXAMPLE.com:443/hooks?x=1&y=%20",
    "https://example.com:8443/a",
    "https://sub.domain.example.co.uk/@user/path:80",
    "https://xn--bcher-kva.example/",
    "https://bücher.example/",
    "https://1.1.1.1/",
    "https://[2606:4700:4700::1111]/",
    "https://localhost.example.com/",
    "https://local.example.com/",
    "https://my-internal.example.com/",
    "https://127.0.0.1.nip.io/",
  ])("checkWebhookUrl() accepts %j, whose name is looked up later", (url) => {
    expect(checkWebhookUrl(url, STRICT_POLICY)).toBeUndefined();
  });

  test("checkWebhookUrl() takes http only where the policy does", () => {
    expect(checkWebhookUrl("http://example.com/", STRICT_POLICY)).toBe("must use https");
    expect(checkWebhookUrl("http://example.com/", { ...STRICT_POLICY, allowHttp: true })).toBeUndefined();
  });

  test.each([22, 25, 53, 3306, 5432, 6379, 9200, 11211, 27017, 81, 444])(
    "checkWebhookUrl() refuses port %i unless every port is allowed",
    (port) => {
      const url = `https://example.com:${port}/`;
      expect(checkWebhookUrl(url, STRICT_POLICY)).toBe("must use one of the ports 80, 443, 8080, 8443");
      expect(checkWebhookUrl(url, { ...STRICT_POLICY, ports: "any" })).toBeUndefined();
    },
  );

  test("checkWebhookUrl() counts the port that a scheme implies", () => {
    const policy: WebhookPolicy = { allowHttp: true, allowLoopback: false, ports: [443] };
    expect(checkWebhookUrl("https://example.com/", policy)).toBeUndefined();
    expect(checkWebhookUrl("http://example.com/", policy)).toBe("must use one of the ports 443");
  });

  test("checkWebhookUrl() opens this machine to the laptop, and no other private place", () => {
    for (const url of [
      "http://localhost:3000/",
      "http://127.0.0.1:9/",
      "http://[::1]:9/",
      "http://a.localhost/",
    ]) {
      expect(checkWebhookUrl(url, LAPTOP_POLICY)).toBeUndefined();
    }
    for (const url of [
      "http://10.0.0.1/",
      "http://169.254.169.254/",
      "http://[fe80::1]/",
      "http://nas.local/",
    ]) {
      expect(checkWebhookUrl(url, LAPTOP_POLICY)).toMatch(/^must /);
    }
  });

  test("checkWebhookUrl() accepts 2048 characters and refuses 2049", () => {
    const url = (chars: number) => "https://example.com/".padEnd(chars, "a");
    expect(checkWebhookUrl(url(2_048), STRICT_POLICY)).toBeUndefined();
    expect(checkWebhookUrl(url(2_049), STRICT_POLICY)).toContain("webhook_url_chars_max");
  });

  test("checkWebhookUrl() refuses every spelling of a private IPv4 address", () => {
    const part = (value: number, radix: number) =>
      radix === 8 ? `0${value.toString(8)}` : radix === 16 ? `0x${value.toString(16)}` : String(value);
    const radix = fc.constantFrom(8, 10, 16);
    const bytes = fc.tuple(fc.constantFrom(10, 127, 0, 240), fc.nat(255), fc.nat(255), fc.nat(255));
    fc.assert(
      fc.property(
        bytes,
        fc.tuple(radix, radix, radix, radix),
        fc.integer({ min: 1, max: 4 }),
        (ip, radixes, parts) => {
          const head = ip.slice(0, parts - 1);
          const rest = ip.slice(parts - 1).reduce((sum, byte) => sum * 256 + byte, 0);
          const host = [...head, rest].map((value, index) => part(value, radixes[index] ?? 10)).join(".");
          expect(checkWebhookUrl(`http://${host}/`, OPEN)).toMatch(/^must name a public host/);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test("checkWebhookUrl() answers any text and throws for none", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.webUrl(),
      fc.webUrl().map((url) => url.replace("://", "://@")),
    );
    fc.assert(
      fc.property(text, (url) => {
        const fault = checkWebhookUrl(url, STRICT_POLICY);
        expect(fault === undefined || fault.startsWith("must ")).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
