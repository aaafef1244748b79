import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LAPTOP_POLICY, STRICT_POLICY } from "../policy.js";
import { canonicalAddress, guardAddress, ownAddresses } from "./guard-address.js";

const NONE: ReadonlySet<string> = new Set();
const guard = (address: string, policy = STRICT_POLICY, own: ReadonlySet<string> = NONE) =>
  guardAddress(address, policy, () => own);

/** The refused IPv4 ranges once more, as first and last address: a slip in either list shows. */
const IPV4_RANGES: readonly (readonly [string, string])[] = [
  ["0.0.0.0", "0.255.255.255"],
  ["10.0.0.0", "10.255.255.255"],
  ["100.64.0.0", "100.127.255.255"],
  ["127.0.0.0", "127.255.255.255"],
  ["168.63.129.16", "168.63.129.16"],
  ["169.254.0.0", "169.254.255.255"],
  ["172.16.0.0", "172.31.255.255"],
  ["192.0.0.0", "192.0.0.255"],
  ["192.0.2.0", "192.0.2.255"],
  ["192.88.99.0", "192.88.99.255"],
  ["192.168.0.0", "192.168.255.255"],
  ["198.18.0.0", "198.19.255.255"],
  ["198.51.100.0", "198.51.100.255"],
  ["203.0.113.0", "203.0.113.255"],
  ["224.0.0.0", "255.255.255.255"],
];

const numberOf = (address: string) => address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
const addressOf = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
const isRefused = (value: number) =>
  IPV4_RANGES.some(([first, last]) => value >= numberOf(first) && value <= numberOf(last));

describe("guardAddress()", () => {
  test.each(IPV4_RANGES)("guardAddress() refuses %s to %s, and not their neighbours", (first, last) => {
    for (const edge of [numberOf(first), numberOf(last)]) expect(guard(addressOf(edge))).toBeDefined();
    for (const near of [numberOf(first) - 1, numberOf(last) + 1]) {
      if (near < 0 || near > 0xffffffff) continue;
      expect([addressOf(near), guard(addressOf(near)) !== undefined]).toEqual([
        addressOf(near),
        isRefused(near),
      ]);
    }
  });

  test("guardAddress() decides any IPv4 address, bare and mapped into IPv6, as the list of ranges does", () => {
    const near = fc
      .tuple(fc.constantFrom(...IPV4_RANGES.flat()), fc.integer({ min: -3, max: 3 }))
      .map(([address, by]) => Math.min(Math.max(numberOf(address) + by, 0), 0xffffffff));
    fc.assert(
      fc.property(fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), near), (value) => {
        const address = addressOf(value);
        const [high, low] = [(value >>> 16).toString(16), (value & 0xffff).toString(16)];
        for (const spelling of [address, `::ffff:${address}`, `0:0:0:0:0:FFFF:${high}:${low}`]) {
          expect(guard(spelling) !== undefined).toBe(isRefused(value));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ["::", "unspecified"],
    ["::1", "loopback"],
    ["0:0:0:0:0:0:0:1", "loopback"],
    ["::ffff:127.0.0.1", "loopback"],
    ["::ffff:0a00:0001", "private"],
    ["::ffff:169.254.169.254", "metadata"],
    ["::127.0.0.1", "IPv4-compatible"],
    ["::808:808", "IPv4-compatible"],
    ["::ffff:0:127.0.0.1", "not global unicast"],
    ["64:ff9b::7f00:1", "translated (NAT64)"],
    ["64:ff9b::808:808", "translated (NAT64)"],
    ["64:ff9b:1::1", "translated (NAT64)"],
    ["64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "translated (NAT64)"],
    ["100::1", "discard-only"],
    ["2001::1", "tunnelled"],
    ["2001:0:4136:e378:8000:63bf:3fff:fdd2", "tunnelled"],
    ["2001:2::1", "benchmarking"],
    ["2001:10::1", "reserved"],
    ["2001:20::1", "reserved"],
    ["2001:1ff:ffff::1", "reserved"],
    ["2001:db8::1", "documentation"],
    ["2002:7f00:1::", "tunnelled"],
    ["2002:808:808::1", "tunnelled"],
    ["3fff::1", "documentation"],
    ["3fff:fff::1", "documentation"],
    ["5f00::1", "reserved"],
    ["fc00::1", "private"],
    ["fdff::1", "private"],
    ["fd00:ec2::254", "metadata"],
    ["fe80::1", "link-local"],
    ["febf::1", "link-local"],
    ["fe80::1%eth0", "no IP address"],
    ["fec0::1", "private"],
    ["ff02::1", "multicast"],
    ["1fff::1", "not global unicast"],
    ["4000::1", "not global unicast"],
    ["100.100.100.200", "metadata"],
    ["192.0.0.192", "metadata"],
    ["", "no IP address"],
    ["localhost", "no IP address"],
    ["127.1", "no IP address"],
    ["0177.0.0.1", "no IP address"],
    ["010.8.8.8", "no IP address"],
    ["2130706433", "no IP address"],
    ["[::1]", "no IP address"],
  ])("guardAddress() refuses %s as %s", (address, reason) => {
    expect(guard(address)).toBe(reason);
  });

  test.each([
    "1.1.1.1",
    "8.8.8.8",
    "168.63.129.17",
    "::ffff:8.8.8.8",
    "2001:200::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:80b::200e",
    "3ffe::1",
  ])("guardAddress() accepts %s", (address) => {
    expect(guard(address)).toBeUndefined();
  });

  test("guardAddress() opens loopback to the laptop, and nothing else", () => {
    for (const address of ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"]) {
      expect(guard(address, LAPTOP_POLICY)).toBeUndefined();
    }
    for (const address of ["0.0.0.0", "::", "10.0.0.1", "169.254.169.254", "192.168.1.1", "::127.0.0.1"]) {
      expect(guard(address, LAPTOP_POLICY)).toBeDefined();
    }
  });

  test("guardAddress() refuses this machine's own public address in each spelling", () => {
    const own = new Set(["203.0.114.7", "2606:4700::1"]);
    for (const address of ["203.0.114.7", "::ffff:203.0.114.7", "2606:4700:0::1", "2606:4700:0:0:0:0:0:1"]) {
      expect(guard(address, STRICT_POLICY, own)).toBe("this machine's own");
    }
    expect(guard("203.0.114.8", STRICT_POLICY, own)).toBeUndefined();
  });

  test("ownAddresses() holds loopback, which every machine has", () => {
    expect(ownAddresses()).toContain("127.0.0.1");
  });
});

describe("canonicalAddress()", () => {
  test("canonicalAddress() is the same for every spelling of an address", () => {
    const groups = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
      minLength: 8,
      maxLength: 8,
    });
    fc.assert(
      fc.property(groups, (values) => {
        const plain = values.map((value) => value.toString(16)).join(":");
        const long = values.map((value) => value.toString(16).toUpperCase().padStart(4, "0")).join(":");
        const byUrl = new URL(`http://[${plain}]/`).hostname.slice(1, -1);
        const forms = [plain, long, byUrl].map((text) => canonicalAddress(text)?.address);
        expect(new Set(forms).size).toBe(1);
      }),
      { numRuns: 1_000 },
    );
  });
});
