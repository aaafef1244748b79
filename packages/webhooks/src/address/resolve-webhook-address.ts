import { setTimeout as sleep } from "node:timers/promises";
import type { WebhookPolicy } from "../policy.js";
import { hostOf, isLoopbackName } from "./check-webhook-url.js";
import type { WebhookResolver } from "./dns-resolver.js";
import { type CanonicalAddress, canonicalAddress, guardAddress } from "./guard-address.js";

/** The checked addresses of a webhook's host, or why there are none. */
export type ResolvedAddress =
  | { readonly ok: true; readonly addresses: readonly CanonicalAddress[] }
  | { readonly ok: false; readonly code: "address_refused" | "dns_failed"; readonly message: string };

/** What a lookup needs. */
export interface ResolveOptions {
  readonly policy: WebhookPolicy;
  readonly resolver: WebhookResolver;
  readonly signal: AbortSignal;
  /** Milliseconds for the lookup; `LOOKUP_TIMEOUT_MS` when absent. */
  readonly timeoutMs?: number;
}

/** Milliseconds that a lookup may take: name servers answer within 1 s, and the delivery has 15 s in all. */
const LOOKUP_TIMEOUT_MS = 5_000;

/** What `localhost` means. Source: RFC 6761 section 6.3: it is not to be looked up. */
const LOOPBACK_ADDRESSES: readonly string[] = ["127.0.0.1", "::1"];

/**
 * Looks a webhook's host up once and checks every address that comes back: one bad address among good ones refuses
 * the host, since which of them a socket takes is chance. Who connects must use these addresses and ask no name server
 * again. It does not throw for what name servers do.
 */
export async function resolveWebhookAddress(url: URL, options: ResolveOptions): Promise<ResolvedAddress> {
  const host = hostOf(url);
  const found = await addressesOf(host, options);
  if (found === undefined) {
    return { ok: false, code: "dns_failed", message: "Cannot look up host as no name server answers" };
  }
  if (found.length === 0) {
    return { ok: false, code: "dns_failed", message: "Cannot look up host as it has no address" };
  }
  for (const address of found) {
    const refusal = guardAddress(address, options.policy);
    if (refusal !== undefined) {
      const message = `Cannot deliver to host as its addresses must be public: an address is ${refusal}`;
      return { ok: false, code: "address_refused", message };
    }
  }
  const addresses = found.map(canonicalAddress).filter((address) => address !== undefined);
  return { ok: true, addresses };
}

/** The addresses of a host, an address literal being its own; undefined when the lookup fails or lasts too long. */
async function addressesOf(host: string, options: ResolveOptions): Promise<readonly string[] | undefined> {
  if (canonicalAddress(host) !== undefined) return [host];
  if (isLoopbackName(host)) return LOOPBACK_ADDRESSES;
  const ended = new AbortController();
  const stop = AbortSignal.any([options.signal, ended.signal]);
  const tooLong = sleep(options.timeoutMs ?? LOOKUP_TIMEOUT_MS, undefined, { signal: stop }).catch(
    () => undefined,
  );
  try {
    return await Promise.race([options.resolver(host, stop), tooLong]);
  } catch {
    return undefined;
  } finally {
    ended.abort();
  }
}
