import type { Tracing } from "@latentfarm/telemetry";
import type { Redis } from "ioredis";
import type { QueueLog } from "../farm.js";
import type { Signals } from "../redis/signals.js";
import { consumeDeliveries } from "./deliver.js";
import { jobDeliveries, listDeliveries, redeliver } from "./delivery-log.js";
import { DeliveryQueue } from "./delivery-queue.js";
import {
  deleteEndpoint,
  enableEndpoint,
  ensureEndpoint,
  getEndpoint,
  listEndpoints,
  readSecret,
  rotateSecret,
} from "./endpoints.js";
import type { DeliveryConsumer, WebhookStore } from "./webhook-store.js";

/** What endpoints and deliveries stand on. */
export interface WebhookContext {
  readonly redis: Redis;
  readonly signals: Signals;
  readonly log: QueueLog;
  readonly tracing: Tracing;
  readonly openWorkerConnection: (closing: AbortSignal) => Redis;
}

/** Webhook endpoints and deliveries over one Redis. Disposing ends the consumers; the connections are their owner's. */
export function createWebhookStore(context: WebhookContext): WebhookStore & AsyncDisposable {
  const { redis, log, tracing } = context;
  const consumers = new Set<DeliveryConsumer>();
  let opened: DeliveryQueue | undefined;
  const openQueue = () => {
    opened ??= new DeliveryQueue(redis, log, tracing);
    return opened;
  };
  return {
    ensureEndpoint: (tenant, url) => ensureEndpoint(redis, tenant, url),
    listEndpoints: (tenant) => listEndpoints(redis, tenant),
    getEndpoint: (tenant, id) => getEndpoint(redis, tenant, id),
    readSecret: (tenant, id) => readSecret(redis, tenant, id),
    rotateSecret: (tenant, id, rotation) =>
      rotateSecret(redis, { tenant, id, actor: rotation.actor }, rotation.overlapSeconds),
    enableEndpoint: (tenant, id, actor) => enableEndpoint(redis, { tenant, id, actor }),
    deleteEndpoint: (tenant, id, actor) => deleteEndpoint(redis, { tenant, id, actor }),
    jobDeliveries: (id, page) => jobDeliveries(redis, id, page),
    listDeliveries: (tenant, query) => listDeliveries(redis, tenant, query),
    redeliver: async (tenant, id) => {
      const delivery = await redeliver(redis, tenant, id);
      if (delivery !== undefined) await openQueue().queueSome();
      return delivery;
    },
    deliver: (options) => {
      const consumer = consumeDeliveries({ ...context, queue: openQueue() }, options);
      consumers.add(consumer);
      return consumer;
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([...consumers].map((consumer) => consumer[Symbol.asyncDispose]()));
      await opened?.close();
    },
  };
}
