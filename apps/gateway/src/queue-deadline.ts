import { FarmError } from "@latentfarm/contract";
import type { Access, Farm, WebhookStore } from "@latentfarm/queue";

/** The part of the farm's memory that the gateway uses. */
export type GatewayQueue = Pick<
  Farm,
  | "submit"
  | "findSubmitted"
  | "getJob"
  | "getJobHead"
  | "getFrame"
  | "listFrames"
  | "cancel"
  | "retry"
  | "listJobs"
  | "forecast"
  | "stats"
  | "events"
  | "models"
  | "workers"
  | "ping"
  | "health"
>;

/** The part of the store of webhooks that the gateway uses. */
export type GatewayWebhooks = Omit<WebhookStore, "deliver">;

/**
 * The queue with a deadline on every call that answers once, so that a client is told soon that the queue is away.
 * A submit past its deadline may still be carried out: a client that must not submit twice sends an Idempotency-Key.
 */
export function boundQueue(farm: Farm, msMax: number): GatewayQueue {
  return {
    submit: (job) => within(farm.submit(job), msMax),
    findSubmitted: (tenant, idempotency) => within(farm.findSubmitted(tenant, idempotency), msMax),
    getJob: (id) => within(farm.getJob(id), msMax),
    getJobHead: (id) => within(farm.getJobHead(id), msMax),
    getFrame: (id, index) => within(farm.getFrame(id, index), msMax),
    listFrames: (id, query) => within(farm.listFrames(id, query), msMax),
    cancel: (id) => within(farm.cancel(id), msMax),
    retry: (id, key) => within(farm.retry(id, key), msMax),
    listJobs: (query) => within(farm.listJobs(query), msMax),
    forecast: (draft) => within(farm.forecast(draft), msMax),
    stats: (tenant) => within(farm.stats(tenant), msMax),
    events: (id, options) => farm.events(id, options),
    models: () => within(farm.models(), msMax),
    workers: () => within(farm.workers(), msMax),
    ping: () => within(farm.ping(), msMax),
    health: () => within(farm.health(), msMax),
  };
}

/** As {@link boundQueue}, for keys, tenants and rates. */
export function boundAccess(access: Access, msMax: number): Access {
  return {
    createKey: (request, actor) => within(access.createKey(request, actor), msMax),
    listKeys: () => within(access.listKeys(), msMax),
    revokeKey: (id, actor) => within(access.revokeKey(id, actor), msMax),
    authenticate: (key) => within(access.authenticate(key), msMax),
    hasKeys: () => within(access.hasKeys(), msMax),
    countRequest: (key) => within(access.countRequest(key), msMax),
    getTenant: (name) => within(access.getTenant(name), msMax),
    setTenant: (name, request, actor) => within(access.setTenant(name, request, actor), msMax),
    listTenants: () => within(access.listTenants(), msMax),
    readAudit: (page) => within(access.readAudit(page), msMax),
  };
}

/** As {@link boundQueue}, for webhook endpoints and deliveries. */
export function boundWebhooks(webhooks: WebhookStore, msMax: number): GatewayWebhooks {
  return {
    ensureEndpoint: (tenant, url) => within(webhooks.ensureEndpoint(tenant, url), msMax),
    listEndpoints: (tenant) => within(webhooks.listEndpoints(tenant), msMax),
    getEndpoint: (tenant, id) => within(webhooks.getEndpoint(tenant, id), msMax),
    readSecret: (tenant, id) => within(webhooks.readSecret(tenant, id), msMax),
    rotateSecret: (tenant, id, rotation) => within(webhooks.rotateSecret(tenant, id, rotation), msMax),
    enableEndpoint: (tenant, id, actor) => within(webhooks.enableEndpoint(tenant, id, actor), msMax),
    deleteEndpoint: (tenant, id, actor) => within(webhooks.deleteEndpoint(tenant, id, actor), msMax),
    jobDeliveries: (id, page) => within(webhooks.jobDeliveries(id, page), msMax),
    listDeliveries: (tenant, query) => within(webhooks.listDeliveries(tenant, query), msMax),
    redeliver: (tenant, id) => within(webhooks.redeliver(tenant, id), msMax),
  };
}

async function within<Result>(work: Promise<Result>, msMax: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new FarmError("queue_unavailable", `Cannot ask the queue as it is silent: wait is ${msMax} ms`));
    }, msMax);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
