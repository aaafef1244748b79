import { ERROR_TRAITS, TENANT_DEFAULT } from "@latentfarm/contract";

/**
 * The values that a label may have: a closed list, or names of which only so many are told apart. Whatever is not in the
 * list, or comes after the last of so many, is told as {@link LABEL_OTHER}, so that no client can make series.
 */
export type LabelValues = readonly string[] | { readonly countMax: number; readonly what: string };

/** What stands for every value that has no series of its own. */
export const LABEL_OTHER = "other";

/**
 * Who a frame is for: the tenant of those without a key, or any tenant with one. Tenants by name are no label: an
 * operator may have thousands, each name times model times outcome is a series, and names of customers do not belong into
 * a monitoring system. `GET /v1/admin/tenants` tells them one by one.
 */
export const TENANT_CLASSES = ["default", "keyed"] as const;

/** A class of tenants. */
export type TenantClass = (typeof TENANT_CLASSES)[number];

/** The class of a tenant, by its name. */
export function tenantClassOf(tenant: string): TenantClass {
  return tenant === TENANT_DEFAULT ? "default" : "keyed";
}

/** Models that are told apart: a farm serves a handful, each a checkpoint of gigabytes. */
export const MODEL_NAMES = { countMax: 32, what: "names of models" } as const satisfies LabelValues;

/** GPUs of one machine that are told apart: the largest in use have 16. */
export const GPU_INDICES = {
  countMax: 16,
  what: "indices as nvidia-smi counts",
} as const satisfies LabelValues;

/** Routes of the gateway: the templates that it registers, never a path as it came. */
export const ROUTES = { countMax: 64, what: "templates such as /v1/jobs/:id" } as const satisfies LabelValues;

/** The methods that the gateway serves, and what stands for all that it refuses. */
export const METHODS = ["GET", "HEAD", "POST", "PUT", LABEL_OTHER] as const;

/** Classes of HTTP status; `none` is a request whose client went away before the answer. */
export const STATUS_CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"] as const;

/** Codes of problem bodies: the contract's closed list. */
export const ERROR_CODES: readonly string[] = Object.keys(ERROR_TRAITS);

/**
 * How a worker's attempt at a frame ended. `found`: an earlier attempt had stored the picture. `failed` may be tried
 * again; `interrupted` is given back without burning a try.
 */
export const ATTEMPT_OUTCOMES = ["drawn", "found", "failed", "canceled", "interrupted"] as const;

/** How an attempt at a frame ended. */
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];

/** What the time of a frame is spent on, in order. */
export const PHASES = ["queue", "text", "step", "vae", "encode", "upload"] as const;

/** What a step batch stopped growing at; `fault` is a part of a batch that failed and is run again. */
export const BATCH_LIMITS = ["empty", "rows", "patches", "exact", "fault"] as const;

/** How a step batch ended. */
export const BATCH_OUTCOMES = ["ok", "out_of_memory", "failed"] as const;

/** What became of the snapshot that a frame was to go on from. */
export const RESUME_OUTCOMES = ["resumed", "refused"] as const;

/** How an update of a pod's deletion cost ended. */
export const POD_COST_OUTCOMES = ["updated", "refused", "conflict", "busy", "away"] as const;

/** Calls of an object store that are timed: those that answer once, over the network where it is one. */
export const STORE_OPERATIONS = ["put", "get", "head", "delete", "identify"] as const;

/** A call of an object store. */
export type StoreOperation = (typeof STORE_OPERATIONS)[number];

/** How a call of an object store ended. */
export const STORE_OUTCOMES = ["ok", "unavailable", "failed"] as const;

/** How an attempt at a webhook ended: delivered, or why not. A new word of the sender's list does not compile until it is here. */
export const DELIVERY_OUTCOMES = [
  "delivered",
  "address_refused",
  "dns_failed",
  "connect_failed",
  "tls_failed",
  "connection_lost",
  "bad_response",
  "response_too_large",
  "timeout",
  "redirect",
  "gone",
  "status",
  "internal",
] as const;
