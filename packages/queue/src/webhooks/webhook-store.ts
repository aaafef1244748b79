import type { Delivery, DeliveryAttempt, Endpoint, JobId } from "@latentfarm/contract";
import type { BreakerPolicy } from "@latentfarm/webhooks";
import type { Actor, PageOptions } from "../access/access.js";

/** Which deliveries are wanted. */
export interface DeliveryQuery extends PageOptions {
  readonly status?: Delivery["status"] | undefined;
}

/** A page of deliveries, newest first. */
export interface DeliveryPage {
  readonly deliveries: Delivery[];
  readonly next_cursor: string | null;
}

/** What a courier is handed: a delivery with the bytes to send and the secrets that sign them. */
export interface DeliveryWork {
  readonly id: string;
  /** The job whose event it tells. */
  readonly jobId: string;
  readonly tenant: string;
  readonly endpoint: string;
  /** With its query, which may hold what nobody else should read. */
  readonly url: string;
  /** The body, the same text at every attempt. */
  readonly body: string;
  /** Newest first; two while a secret rotates. */
  readonly secrets: readonly string[];
  /** Counts from 1. */
  readonly attempt: number;
  /** When the delivery was made of its event, in milliseconds since 1970 on Redis's clock. */
  readonly createdMs: number;
  /** Aborts when the consumer closes. A lost lock does not: what the receiver says is true all the same. */
  readonly signal: AbortSignal;
}

/** How an attempt ended. */
export interface DeliveryOutcome extends DeliveryAttempt {
  /** What the receiver asked for by `Retry-After`, in seconds; null when it did not. */
  readonly retry_after_seconds: number | null;
}

/** How a courier takes deliveries. */
export interface DeliverOptions {
  /** Attempts at once, of all endpoints together. */
  readonly concurrency: number;
  /** Sends one delivery; a failed attempt is an outcome, not an error. */
  readonly send: (work: DeliveryWork) => Promise<DeliveryOutcome>;
  /** Milliseconds from each attempt to the next, before jitter; one more attempt than entries is made. */
  readonly scheduleMs?: readonly number[];
  /** When an endpoint is left alone; the farm's own numbers when absent. */
  readonly breaker?: BreakerPolicy;
  /** Stands before the paths in the bodies' URLs, such as `https://farm.example`; paths alone when empty. */
  readonly publicUrl?: string;
}

/** A running consumer of deliveries. */
export interface DeliveryConsumer extends AsyncDisposable {
  /** Resolves once deliveries can arrive. */
  ready(): Promise<void>;
  /** Takes no more, waits for those under way up to the deadline, gives the rest back uncounted, then closes. */
  drain(deadlineMs: number): Promise<void>;
}

/** Webhook endpoints, their secrets, and the log of deliveries. Every call may throw `queue_unavailable`. */
export interface WebhookStore {
  /**
   * The endpoint of a tenant's address, which is the URL without its query; made, with a secret of its own, the first time.
   * @throws {FarmError} quota_exceeded the tenant has `ENDPOINTS_MAX`
   */
  ensureEndpoint(tenant: string, url: string): Promise<Endpoint>;
  listEndpoints(tenant: string): Promise<Endpoint[]>;
  /** Undefined when the tenant has no such endpoint; so below. */
  getEndpoint(tenant: string, id: string): Promise<Endpoint | undefined>;
  readSecret(tenant: string, id: string): Promise<string | undefined>;
  /** A new secret; the one before signs beside it for `overlapSeconds`. */
  rotateSecret(
    tenant: string,
    id: string,
    rotation: { readonly overlapSeconds: number; readonly actor: Actor },
  ): Promise<(Endpoint & { readonly secret: string }) | undefined>;
  /** Takes a disabled endpoint into service again and closes its circuit. */
  enableEndpoint(tenant: string, id: string, actor: Actor): Promise<Endpoint | undefined>;
  /**
   * Forgets an endpoint with its secret; what is pending to it becomes dead letters. True also when that was done within
   * the last day; false when the tenant has no such endpoint.
   */
  deleteEndpoint(tenant: string, id: string, actor: Actor): Promise<boolean>;
  /** The deliveries of a job. */
  jobDeliveries(id: JobId, page: PageOptions): Promise<DeliveryPage>;
  /** The deliveries of a tenant; with `status: "dead"` the dead letters. */
  listDeliveries(tenant: string, query: DeliveryQuery): Promise<DeliveryPage>;
  /**
   * Sends a delivery again, whatever its state: a new schedule with the same id and body. It waits for no open circuit,
   * but probes it.
   * @throws {FarmError} nothing_to_retry its endpoint is disabled, to be enabled first, or deleted; quota_exceeded the tenant has
   * `PENDING_DELIVERIES_MAX` pending
   */
  redeliver(tenant: string, id: string): Promise<Delivery | undefined>;
  /** Begins to take deliveries. */
  deliver(options: DeliverOptions): DeliveryConsumer;
}
