export { checkWebhookUrl } from "./address/check-webhook-url.js";
export { createDnsResolver, type WebhookResolver } from "./address/dns-resolver.js";
export { type CanonicalAddress, guardAddress } from "./address/guard-address.js";
export {
  type ResolvedAddress,
  type ResolveOptions,
  resolveWebhookAddress,
} from "./address/resolve-webhook-address.js";
export {
  LAPTOP_POLICY,
  STRICT_POLICY,
  type WebhookPolicy,
  type WebhookSettings,
  webhookPolicyOf,
} from "./policy.js";
export {
  afterInterruption,
  afterOutcome,
  BREAKER_CLOSED,
  BREAKER_POLICY,
  type BreakerAdmission,
  type BreakerOutcome,
  type BreakerPolicy,
  type BreakerState,
  type BreakerVerdict,
  beforeAttempt,
} from "./retry/circuit-breaker.js";
export { type NextAttempt, nextAttemptMs, RETRY_SCHEDULE_MS } from "./retry/next-attempt.js";
export { SEND_ERRORS, type SendError, type SendOutcome } from "./send/send-outcome.js";
export { CONNECT_TIMEOUT_MS, SEND_TIMEOUT_MS, type SendOptions, sendWebhook } from "./send/send-webhook.js";
export { type Signable, type SignatureHeaders, signWebhook } from "./sign/sign-webhook.js";
export { createWebhookSecret } from "./sign/webhook-secret.js";
