import type { DeliveryOutcome, DeliveryWork } from "@latentfarm/queue";
import { type SendOutcome, signWebhook } from "@latentfarm/webhooks";
import type { CourierContext } from "./context.js";

const MS_PER_SECOND = 1_000;

/**
 * Makes one attempt: signs the body with the time of now, sends it, and logs how it ended. Of the address only the host
 * is logged, since paths and queries hold tokens.
 * @throws {FarmError} interrupted the courier stops before an answer came
 */
export async function attemptDelivery(
  context: Pick<CourierContext, "config" | "send" | "log" | "metrics" | "nowMs">,
  work: DeliveryWork,
): Promise<DeliveryOutcome> {
  const { config, send, log, nowMs } = context;
  const { id, url, body, secrets, signal } = work;
  const timestampSeconds = Math.floor(nowMs() / MS_PER_SECOND);
  const signature = signWebhook({ id, timestampSeconds, body, secrets });
  const outcome = await send({
    url,
    headers: { ...signature },
    body,
    policy: config.webhookPolicy,
    signal,
    nowMs,
  });
  const fields = {
    delivery: id,
    endpoint: work.endpoint,
    host: URL.canParse(url) ? new URL(url).host : null,
    attempt: work.attempt,
    status: outcome.status,
    durationMs: outcome.duration_ms,
  };
  tellAttempt(context, work, outcome);
  if (outcome.error === null) log.info(fields, "webhook delivered");
  else log.warn({ ...fields, error: outcome.error.code }, "webhook attempt failed");
  return outcome;
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
