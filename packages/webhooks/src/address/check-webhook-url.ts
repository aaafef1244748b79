import { LIMITS } from "@latentfarm/contract";
import type { WebhookPolicy } from "../policy.js";
import { canonicalAddress, guardAddress } from "./guard-address.js";

/** The port that each scheme implies. */
const DEFAULT_PORTS: ReadonlyMap<string, number> = new Map([
  ["https:", 443],
  ["http:", 80],
]);

/** Characters of a host name. Source: RFC 1035, 255 octets on the wire. */
const HOST_CHARS_MAX = 253;

/**
 * Names that lead into a private network or to this machine: as a whole, or as the end behind a dot. Source: RFC 6761,
 * RFC 6762 appendix G, RFC 8375, ICANN's `internal`; the cloud's metadata names end in `internal`.
 */
const PRIVATE_NAMES: readonly string[] = [
  "local",
  "localdomain",
  "internal",
  "intranet",
  "private",
  "corp",
  "home",
  "lan",
  "home.arpa",
  "in-addr.arpa",
  "ip6.arpa",
  "onion",
];

/** White space, control characters and back slashes, which the URL standard drops or turns and other parsers do not. */
const AMBIGUOUS = /[\s\\\p{Cc}]/u;

/**
 * What is wrong with a webhook's address as far as its text tells, in words that follow the field's name; undefined
 * when nothing is. Where its name leads is looked up when it is called, each time: see `resolveWebhookAddress()`.
 */
export function checkWebhookUrl(text: string, policy: WebhookPolicy): string | undefined {
  if (text.length > LIMITS.webhook_url_chars_max) {
    return `must be at most ${LIMITS.webhook_url_chars_max} characters (limit webhook_url_chars_max)`;
  }
  if (AMBIGUOUS.test(text)) return "must have no white space, control character or back slash";
  if (!URL.canParse(text)) return "must be a URL";
  const url = new URL(text);
  return (
    schemeFault(url, policy) ?? partsFault(url, text) ?? portFault(url, policy) ?? hostFault(url, policy)
  );
}

/** The host of a URL as sockets take it: an IPv6 address without its brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}

/** True for the names that always mean this machine. Source: RFC 6761 section 6.3. */
export function isLoopbackName(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost");
}

function schemeFault(url: URL, policy: WebhookPolicy): string | undefined {
  if (url.protocol === "https:" || (url.protocol === "http:" && policy.allowHttp)) return undefined;
  return policy.allowHttp ? "must use https or http" : "must use https";
}

function partsFault(url: URL, text: string): string | undefined {
  if (url.username !== "" || url.password !== "") return "must have no user name or password";
  return text.includes("#") ? "must have no fragment" : undefined;
}

function portFault(url: URL, policy: WebhookPolicy): string | undefined {
  const port = url.port === "" ? DEFAULT_PORTS.get(url.protocol) : Number(url.port);
  if (port === 0) return "must not use port 0";
  if (policy.ports === "any" || (port !== undefined && policy.ports.includes(port))) return undefined;
  return `must use one of the ports ${policy.ports.join(", ")}`;
}

function hostFault(url: URL, policy: WebhookPolicy): string | undefined {
  const host = hostOf(url);
  if (canonicalAddress(host) !== undefined) {
    const refusal = guardAddress(host, policy);
    return refusal === undefined ? undefined : `must name a public host, its address is ${refusal}`;
  }
  if (isLoopbackName(host)) return policy.allowLoopback ? undefined : "must name a public host, not this one";
  if (host === "" || host.length > HOST_CHARS_MAX) return "must name a host";
  if (host.endsWith(".")) return "must name a host without a dot at its end";
  if (!host.includes(".")) return "must name a public host, with a domain";
  const isPrivate = PRIVATE_NAMES.some((name) => host === name || host.endsWith(`.${name}`));
  return isPrivate ? "must name a public host, not one of a private network" : undefined;
}
