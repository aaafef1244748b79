import { FarmError } from "@latentfarm/contract";
import type { WebhookStore } from "./webhook-store.js";

/** Webhook endpoints and deliveries over one Redis. */
export function createWebhookStore(): WebhookStore {
  const missing = (): never => {
    throw new FarmError("internal", "TODO: webhooks");
  };
  return {
    ensureEndpoint: missing,
    listEndpoints: missing,
    getEndpoint: missing,
    readSecret: missing,
    rotateSecret: missing,
    enableEndpoint: missing,
    jobDeliveries: missing,
    listDeliveries: missing,
    redeliver: missing,
    deliver: missing,
  };
}
