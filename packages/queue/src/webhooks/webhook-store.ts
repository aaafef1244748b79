import type { Delivery, DeliveryAttempt, Endpoint, JobId } from "@latentfarm/contract";
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
  readonly tenant: string;
  readonly url: string;
  /** The body, the same text at every attempt. */
  readonly body: string;
  /** Newest first; two while a secret rotates. */
  readonly secrets: readonly string[];
  /** Counts from 1. */
  readonly attempt: number;
  /** Aborts when the consumer closes or its lock is lost. */
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
  /** Stands before the paths in the bodies' URLs, such as `https://farm.example`; paths alone when empty. */
  readonly publicUrl?: string;
}

/** A running consumer of deliveries. */
export interface DeliveryConsumer extends AsyncDisposable {
  /** Resolves once deliveries can arrive. */
  ready(): Promise<void>;
}

/** Webhook endpoints, their secrets, and the log of deliveries. */
export interface WebhookStore {
  /** The endpoint of a tenant's address; made, with a secret of its own, the first time. */
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
  /** The deliveries of a job. */
  jobDeliveries(id: JobId, page: PageOptions): Promise<DeliveryPage>;
  /** The deliveries of a tenant; with `status: "dead"` the dead letters. */
  listDeliveries(tenant: string, query: DeliveryQuery): Promise<DeliveryPage>;
  /** Sends a delivery again, whatever its state: a new schedule with the same id and body. */
  redeliver(tenant: string, id: string): Promise<Delivery | undefined>;
  /** Begins to take deliveries. */
  deliver(options: DeliverOptions): DeliveryConsumer;
}
