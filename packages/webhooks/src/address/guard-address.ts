import { isIPv4, isIPv6, SocketAddress } from "node:net";
import { networkInterfaces } from "node:os";
import type { WebhookPolicy } from "../policy.js";
import { rangeOf } from "./address-ranges.js";

/** An IP address in its one canonical spelling; an IPv4 address inside an IPv6 one (`::ffff:a.b.c.d`) is taken out. */
export interface CanonicalAddress {
  readonly address: string;
  readonly family: "ipv4" | "ipv6";
}

const MAPPED_PREFIX = "::ffff:";

/**
 * The canonical form of an IP address; undefined when the text is none, or has a zone (`fe80::1%eth0`), which names
 * an interface of this machine.
 */
export function canonicalAddress(text: string): CanonicalAddress | undefined {
  if (isIPv4(text)) return { address: text, family: "ipv4" };
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const { address } = new SocketAddress({ address: text, family: "ipv6" });
  const mapped = address.startsWith(MAPPED_PREFIX) ? address.slice(MAPPED_PREFIX.length) : "";
  return isIPv4(mapped) ? { address: mapped, family: "ipv4" } : { address, family: "ipv6" };
}

/**
 * Why a webhook may not be sent to an IP address, in a word or three; undefined when it may. `own` are the addresses
 * of this machine: behind a public one of them, services may listen that only trust their own host.
 */
export function guardAddress(
  text: string,
  policy: WebhookPolicy,
  own: () => ReadonlySet<string> = ownAddresses,
): string | undefined {
  const canonical = canonicalAddress(text);
  if (canonical === undefined) return "no IP address";
  const range = rangeOf(canonical.address, canonical.family);
  if (range === "loopback" && policy.allowLoopback) return undefined;
  if (range !== undefined) return range;
  return own().has(canonical.address) ? "this machine's own" : undefined;
}

/** The addresses of this machine's interfaces, canonical. Read anew each time: interfaces come and go. */
export function ownAddresses(): ReadonlySet<string> {
  const found = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return new Set(found.map(({ address }) => canonicalAddress(address)?.address ?? address));
}
