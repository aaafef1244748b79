import { FarmError } from "@latentfarm/contract";
import { checkWebhookUrl } from "../address/check-webhook-url.js";
import { createDnsResolver, type WebhookResolver } from "../address/dns-resolver.js";
import { resolveWebhookAddress } from "../address/resolve-webhook-address.js";
import type { WebhookPolicy } from "../policy.js";
import { exchange } from "./exchange.js";
import { parseRetryAfter } from "./retry-after.js";
import { type Fault, type Reply, type SendOutcome, statusError } from "./send-outcome.js";

/** One attempt at a delivery. */
export interface SendOptions {
  readonly url: string;
  /** Those of `signWebhook()`; the content type, length and user agent are added. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body that was signed. */
  readonly body: string;
  readonly policy: WebhookPolicy;
  /** Aborts when the attempt is not wanted any more, as at a courier's end. */
  readonly signal: AbortSignal;
  /** Milliseconds for all of it; `SEND_TIMEOUT_MS` when absent. */
  readonly timeoutMs?: number;
  /** Milliseconds until the connection stands, TLS included; `CONNECT_TIMEOUT_MS` when absent. */
  readonly connectTimeoutMs?: number;
  /** The system's name servers when absent. */
  readonly resolver?: WebhookResolver;
  /** Certificate authorities in PEM, trusted in place of the usual ones. */
  readonly ca?: string;
  readonly nowMs?: () => number;
}

/** Milliseconds for an attempt. Source: standardwebhooks.com: 15 to 30 s; the shorter holds fewer sockets. */
export const SEND_TIMEOUT_MS = 15_000;

/** Milliseconds until a connection stands: three lost first packets, and 5 s are left for the answer. */
export const CONNECT_TIMEOUT_MS = 10_000;

const HEADERS = { "content-type": "application/json", accept: "*/*", "user-agent": "latentfarm-webhooks/1" };

const systemResolver = createDnsResolver();

/**
 * Sends a webhook once: checks the URL, looks its host up once, checks every address, connects to one of those, and
 * posts. Redirects are not followed; only 2xx counts. What name servers and receivers do is an outcome, never an error.
 * @throws {FarmError} interrupted when `signal` aborts before an answer came: the attempt says nothing about the receiver.
 */
export async function sendWebhook(options: SendOptions): Promise<SendOutcome> {
  const nowMs = options.nowMs ?? Date.now;
  const startedMs = nowMs();
  // Durations are taken from the clock that never jumps.
  const started = performance.now();
  const result = await attempt(options);
  if (!result.ok && options.signal.aborted) {
    throw new FarmError("interrupted", `Cannot finish the webhook's attempt: error is ${result.code}`);
  }
  return {
    at: new Date(startedMs).toISOString(),
    status: result.ok ? result.status : null,
    duration_ms: Math.round(performance.now() - started),
    error: result.ok ? statusError(result.status) : { code: result.code, message: result.message },
    retry_after_seconds: result.ok ? parseRetryAfter(result.retryAfter, nowMs()) : null,
  };
}

async function attempt(options: SendOptions): Promise<Reply | Fault> {
  const { url: text, policy, headers, body, ca, timeoutMs = SEND_TIMEOUT_MS } = options;
  const fault = checkWebhookUrl(text, policy);
  if (fault !== undefined) {
    return { ok: false, code: "address_refused", message: `Cannot deliver webhook: url ${fault}` };
  }
  const url = new URL(text);
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(timeoutMs)]);
  const resolved = await resolveWebhookAddress(url, {
    policy,
    resolver: options.resolver ?? systemResolver,
    signal,
  });
  if (signal.aborted) return { ok: false, code: "timeout", message: "Cannot look up host: time is over" };
  if (!resolved.ok) return resolved;
  return exchange({
    url,
    addresses: resolved.addresses,
    headers: { ...HEADERS, ...headers },
    body,
    ca,
    connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    signal,
  });
}
