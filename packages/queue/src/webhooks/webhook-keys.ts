import type { JobId } from "@latentfarm/contract";
import { PREFIX } from "../keys.js";

/** What every key of endpoints and deliveries begins with; `{latentfarm}:deliveries:…` are BullMQ's own. */
export const WEBHOOK_PREFIX = `${PREFIX}:webhook:`;

/** Events of jobs that no delivery has been made of yet, by their time in milliseconds; also the channel that tells of them. */
export const OUTBOX_KEY = `${PREFIX}:outbox`;

/** Turns of deliveries that BullMQ may not have been told of yet, by the time of it. */
export const UNQUEUED_KEY = `${WEBHOOK_PREFIX}unqueued`;

/** Endpoints on which deliveries wait, by the time at which somebody should look. */
export const LINES_KEY = `${WEBHOOK_PREFIX}lines`;

/** BullMQ's queue of the turns of deliveries. */
export const DELIVERY_QUEUE = "deliveries";

/** The hash of an endpoint. */
export function endpointKey(id: string): string {
  return `${WEBHOOK_PREFIX}endpoint:${id}`;
}

/** The tenant whose endpoint of this id was deleted lately. */
export function deletedEndpointKey(id: string): string {
  return `${WEBHOOK_PREFIX}deleted:${id}`;
}

/** A tenant's endpoints by the time they were last used. */
export function endpointsKey(tenant: string): string {
  return `${WEBHOOK_PREFIX}endpoints:${tenant}`;
}

/**
 * The deliveries that are under way to an endpoint, and those of a tenant, by the time at which their places are free
 * again at the latest.
 */
export function leaseKeys(endpoint: string, tenant: string): readonly [string, string] {
  return [`${WEBHOOK_PREFIX}leases:${endpoint}`, `${WEBHOOK_PREFIX}tenant-leases:${tenant}`];
}

/** The hash of a delivery. */
export function deliveryKey(id: string): string {
  return `${WEBHOOK_PREFIX}delivery:${id}`;
}

/** The newest attempts of a delivery, newest first. */
export function attemptsKey(id: string): string {
  return `${WEBHOOK_PREFIX}attempts:${id}`;
}

/** A tenant's deliveries, all or those of one status, by their number. */
export function deliveryLogKey(tenant: string, status?: string): string {
  return `${WEBHOOK_PREFIX}log:${tenant}${status === undefined ? "" : `:${status}`}`;
}

/** A job's deliveries by their number. */
export function jobLogKey(id: JobId): string {
  return `${WEBHOOK_PREFIX}job:${id}`;
}

/** The id of a delivery: the same however often the event is taken out of the outbox. */
export function deliveryId(job: JobId, sequence: number): string {
  return `msg_${job}_${sequence}`;
}
