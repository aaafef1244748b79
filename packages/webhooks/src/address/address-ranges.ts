import { BlockList } from "node:net";

/** Why an address is not one that a webhook may be sent to. */
export type RangeName =
  | "unspecified"
  | "loopback"
  | "private"
  | "link-local"
  | "shared (carrier-grade NAT)"
  | "metadata"
  | "reserved"
  | "documentation"
  | "benchmarking"
  | "multicast"
  | "IPv4-compatible"
  | "translated (NAT64)"
  | "tunnelled"
  | "discard-only"
  | "not global unicast";

/**
 * IPv4 ranges that are no public host, the narrower before the wider. Source: IANA's IPv4 Special-Purpose Address
 * Registry, Svix's and Stripe smokescreen's lists.
 */
const IPV4_RANGES: readonly (readonly [string, number, RangeName])[] = [
  ["0.0.0.0", 8, "unspecified"],
  ["10.0.0.0", 8, "private"],
  /** Alibaba Cloud's metadata service. */
  ["100.100.100.200", 32, "metadata"],
  ["100.64.0.0", 10, "shared (carrier-grade NAT)"],
  ["127.0.0.0", 8, "loopback"],
  /** The metadata service of AWS, Google Cloud, Azure and most others. */
  ["169.254.169.254", 32, "metadata"],
  ["169.254.0.0", 16, "link-local"],
  /** Azure's WireServer, a public address that answers from inside a virtual machine only. */
  ["168.63.129.16", 32, "metadata"],
  ["172.16.0.0", 12, "private"],
  /** Oracle Cloud's metadata service. */
  ["192.0.0.192", 32, "metadata"],
  ["192.0.0.0", 24, "reserved"],
  ["192.0.2.0", 24, "documentation"],
  /** Once the anycast address of 6to4 relays. */
  ["192.88.99.0", 24, "tunnelled"],
  ["192.168.0.0", 16, "private"],
  ["198.18.0.0", 15, "benchmarking"],
  ["198.51.100.0", 24, "documentation"],
  ["203.0.113.0", 24, "documentation"],
  ["224.0.0.0", 4, "multicast"],
  ["240.0.0.0", 4, "reserved"],
];

/**
 * IPv6 ranges that are no public host. Only 2000::/3 is global unicast at all; those outside of it are listed for
 * their names. Source: IANA's IPv6 Special-Purpose Address Registry.
 */
const IPV6_RANGES: readonly (readonly [string, number, RangeName])[] = [
  ["::", 128, "unspecified"],
  ["::1", 128, "loopback"],
  ["::", 96, "IPv4-compatible"],
  ["64:ff9b::", 96, "translated (NAT64)"],
  ["64:ff9b:1::", 48, "translated (NAT64)"],
  ["100::", 64, "discard-only"],
  /** Teredo. */
  ["2001::", 32, "tunnelled"],
  ["2001:2::", 48, "benchmarking"],
  /** IETF protocol assignments: anycast services and ORCHIDs, no hosts. */
  ["2001::", 23, "reserved"],
  ["2001:db8::", 32, "documentation"],
  /** 6to4. */
  ["2002::", 16, "tunnelled"],
  ["3fff::", 20, "documentation"],
  ["5f00::", 16, "reserved"],
  /** AWS's metadata service. */
  ["fd00:ec2::254", 128, "metadata"],
  ["fc00::", 7, "private"],
  ["fe80::", 10, "link-local"],
  /** Site-local, deprecated and still routed in places. */
  ["fec0::", 10, "private"],
  ["ff00::", 8, "multicast"],
  ["::", 3, "not global unicast"],
  ["4000::", 2, "not global unicast"],
  ["8000::", 1, "not global unicast"],
];

const IPV4_LISTS = toLists(IPV4_RANGES, "ipv4");
const IPV6_LISTS = toLists(IPV6_RANGES, "ipv6");

/** The refused range that a canonical address lies in; undefined for one of a public host. */
export function rangeOf(address: string, family: "ipv4" | "ipv6"): RangeName | undefined {
  const lists = family === "ipv4" ? IPV4_LISTS : IPV6_LISTS;
  return lists.find(({ list }) => list.check(address, family))?.name;
}

/** One list a range, as a BlockList does not say which of its rules has matched. */
function toLists(
  ranges: readonly (readonly [string, number, RangeName])[],
  family: "ipv4" | "ipv6",
): { readonly name: RangeName; readonly list: BlockList }[] {
  return ranges.map(([network, prefix, name]) => {
    const list = new BlockList();
    list.addSubnet(network, prefix, family);
    return { name, list };
  });
}
