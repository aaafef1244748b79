import type { DeliveryAttempt } from "@latentfarm/contract";

/** Why an attempt did not count. The list is closed: the delivery log and the metrics know these words. */
export const SEND_ERRORS = [
  /** The URL or an address behind its host is not one that webhooks may be sent to. */
  "address_refused",
  "dns_failed",
  /** No connection: refused, unreachable, or gone before it stood. */
  "connect_failed",
  /** The handshake failed, or the certificate is not one for this host. */
  "tls_failed",
  /** The connection broke before an answer came. */
  "connection_lost",
  /** What came is not HTTP. */
  "bad_response",
  /** The answer's head is larger than its cap. */
  "response_too_large",
  "timeout",
  /** Status 3xx: redirects are not followed, since where they lead was not checked. */
  "redirect",
  /** Status 410: the receiver wants no more. */
  "gone",
  /** Any other status that is not 2xx. */
  "status",
] as const;

/** Why an attempt did not count. */
export type SendError = (typeof SEND_ERRORS)[number];

/** How one attempt ended; it counts when `error` is null. */
export interface SendOutcome extends DeliveryAttempt {
  readonly error: { code: SendError; message: string } | null;
  /** What the receiver asked for by `Retry-After`, in seconds, at most a day; null when it did not. */
  readonly retry_after_seconds: number | null;
}

/** The head of an answer. */
export interface Reply {
  readonly ok: true;
  readonly status: number;
  /** The `Retry-After` header as it came. */
  readonly retryAfter: string | undefined;
}

/** Why there was no answer. */
export interface Fault {
  readonly ok: false;
  readonly code: SendError;
  readonly message: string;
}

const SUCCESS_MIN = 200;
const REDIRECT_MIN = 300;
const CLIENT_ERROR_MIN = 400;
const GONE = 410;

/** What a status says about the attempt: null for 2xx, which alone counts. Source: standardwebhooks.com. */
export function statusError(status: number): SendOutcome["error"] {
  if (status >= SUCCESS_MIN && status < REDIRECT_MIN) return null;
  const message = `Cannot count webhook as delivered: status is ${status}`;
  if (status === GONE) return { code: "gone", message };
  const isRedirect = status >= REDIRECT_MIN && status < CLIENT_ERROR_MIN;
  return { code: isRedirect ? "redirect" : "status", message };
}
