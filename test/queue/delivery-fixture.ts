import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Delivery, JobId, JobWebhook, WebhookEvent } from "@latentfarm/contract";
import type { DeliveryOutcome, DeliveryWork, Farm } from "@latentfarm/queue";
import type { Redis } from "ioredis";
import { newJob } from "./farm-fixture.js";

/** Longer than any wait that deliveries promise in these tests, so that a stuck one ends with its own message. */
const WAIT_MS = 40_000;
const POLL_MS = 20;

/** A short schedule: two attempts more, soon. */
export const SHORT_SCHEDULE_MS: readonly number[] = [50, 100];

/** A job in Redis whose webhook goes to `url`, with the endpoint that it needs. */
export interface HookedJob {
  readonly id: JobId;
  readonly endpoint: string;
  /** Puts an event into the outbox, as the scripts of jobs do; gives the delivery's id. */
  emit(type: WebhookEvent, sequence: number): Promise<string>;
}

/** Writes down a job with a webhook. Only the fields that a body is made of are real. */
export async function hookedJob(
  farm: Farm,
  redis: Redis,
  options: { readonly url: string; readonly tenant?: string },
): Promise<HookedJob> {
  const { url, tenant = "default" } = options;
  const endpoint = await farm.webhooks.ensureEndpoint(tenant, url);
  const webhook: JobWebhook = { endpoint: endpoint.id, url, events: ["job.succeeded"] };
  const job = await farm.submit({
    ...newJob(`model:${randomBytes(6).toString("hex")}`),
    tenant: { name: tenant, weight: 1, limits: {} },
    webhook,
  });
  return {
    id: job.id,
    endpoint: endpoint.id,
    async emit(type, sequence) {
      const member = `${job.id}|${sequence}|${type}`;
      await redis.zadd("{latentfarm}:outbox", Date.now(), member);
      await redis.publish("{latentfarm}:outbox", member);
      return `msg_${job.id}_${sequence}`;
    },
  };
}

/** An outcome that counts. */
export function delivered(): DeliveryOutcome {
  return {
    at: new Date().toISOString(),
    status: 200,
    duration_ms: 1,
    error: null,
    retry_after_seconds: null,
  };
}

/** An outcome that does not count. */
export function refused(status: number, retryAfterSeconds: number | null = null): DeliveryOutcome {
  const error = { code: status === 410 ? "gone" : "status", message: `status is ${status}` };
  return { ...delivered(), status, error, retry_after_seconds: retryAfterSeconds };
}

/** A receiver in this process: what it was sent, and what it answers. */
export class Receiver {
  readonly received: DeliveryWork[] = [];
  answer: (work: DeliveryWork) => DeliveryOutcome | Promise<DeliveryOutcome> = delivered;

  readonly send = async (work: DeliveryWork): Promise<DeliveryOutcome> => {
    this.received.push(work);
    return this.answer(work);
  };

  /** What of one delivery was sent, in order. */
  of(id: string): DeliveryWork[] {
    return this.received.filter((work) => work.id === id);
  }
}

/** Waits until `check` gives something. */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`${what} did not come about within ${WAIT_MS} ms`);
    await delay(POLL_MS);
  }
}

/** The delivery of a tenant's, once it has the status. */
export function deliveryWith(
  farm: Farm,
  id: string,
  status: Delivery["status"],
  tenant = "default",
): Promise<Delivery> {
  return eventually(`${id} to be ${status}`, async () => {
    const { deliveries } = await farm.webhooks.listDeliveries(tenant, { status, limit: 100 });
    return deliveries.find((delivery) => delivery.id === id);
  });
}
