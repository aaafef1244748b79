import type { DeliveryOutcome, DeliveryWork } from "@latentfarm/queue";
import { type SendOutcome, signWebhook } from "@latentfarm/webhooks";
import type { CourierContext } from "./context.js";

const MS_PER_SECOND = 1_000;

/** What attempts need. */
type AttemptContext = Pick<CourierContext, "config" | "send" | "log" | "metrics" | "tracing" | "nowMs">;

/**
 * Makes one attempt: signs the body with the time of now, sends it, and logs how it ended. Of the address only the host
 * is logged, since paths and queries hold tokens. The receiver is a stranger: it learns of the trace only where the
 * operator says so.
 * @throws {FarmError} interrupted the courier stops before an answer came
 */
export function attemptDelivery(context: AttemptContext, work: DeliveryWork): Promise<DeliveryOutcome> {
  const attributes = {
    "http.request.method": "POST",
    "farm.delivery.id": work.id,
    "farm.delivery.attempt": work.attempt,
  } as const;
  return context.tracing.span("post", attributes, async (span) => {
    const outcome = await sendSigned(context, work, context.tracing.traceparent(span.context));
    if (outcome.status !== null) span.set({ "http.response.status_code": outcome.status });
    if (outcome.error !== null) span.fail(outcome.error.code);
    logAttempt(context, work, outcome);
    tellAttempt(context, work, outcome);
    return outcome;
  });
}

function sendSigned(
  { config, send, nowMs }: AttemptContext,
  { id, url, body, secrets, signal }: DeliveryWork,
  traceparent: string | undefined,
): Promise<SendOutcome> {
  const timestampSeconds = Math.floor(nowMs() / MS_PER_SECOND);
  const signature = signWebhook({ id, timestampSeconds, body, secrets });
  const trace = config.sendsTrace && traceparent !== undefined ? { traceparent } : {};
  return send({
    url,
    headers: { ...signature, ...trace },
    body,
    policy: config.webhookPolicy,
    signal,
    nowMs,
  });
}

function logAttempt({ log }: AttemptContext, work: DeliveryWork, outcome: SendOutcome): void {
  const { url } = work;
  const fields = {
    jobId: work.jobId,
    delivery: work.id,
    endpoint: work.endpoint,
    host: URL.canParse(url) ? new URL(url).host : null,
    attempt: work.attempt,
    status: outcome.status,
    durationMs: outcome.duration_ms,
  };
  if (outcome.error === null) log.info(fields, "webhook delivered");
  else log.warn({ ...fields, error: outcome.error.code }, "webhook attempt failed");
}

function tellAttempt(
  { metrics, nowMs }: Pick<CourierContext, "metrics" | "nowMs">,
  { createdMs }: DeliveryWork,
  { error, duration_ms: durationMs }: SendOutcome,
): void {
  const outcome = error?.code ?? "delivered";
  metrics.count("farm_delivery_attempts_total", { outcome });
  metrics.observe("farm_delivery_attempt_seconds", {}, durationMs / MS_PER_SECOND);
  // The delivery's time is on Redis's clock, which may be ahead of this one's.
  const ageMs = Math.max(0, nowMs() - createdMs);
  metrics.observe("farm_delivery_age_seconds", { outcome }, ageMs / MS_PER_SECOND);
}
