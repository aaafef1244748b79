import { isIPv4 } from "node:net";

/** True for a name or address that leads back to this machine whatever a name server says. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || name === "::1" || (isIPv4(name) && name.startsWith("127."));
}

/** True for a peer on this machine, also where a socket of both families shows its IPv4 address as an IPv6 one. */
export function isLoopbackAddress(address: string | undefined): boolean {
  return address !== undefined && isLoopback(address.toLowerCase().replace(/^::ffff:/, ""));
}

/** True when a `Host` header names this machine. One that was made to point here by a name server does not. */
export function isLoopbackAuthority(authority: string | undefined): boolean {
  const url = `http://${authority ?? ""}`;
  return authority !== undefined && URL.canParse(url) && isLoopback(new URL(url).hostname);
}

/** True when an `Origin` header is of a page that this machine serves. `null`, which hides the page's origin, is not. */
export function isLoopbackOrigin(origin: string): boolean {
  return URL.canParse(origin) && isLoopback(new URL(origin).hostname);
}
