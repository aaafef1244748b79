import type { Delivery, Endpoint } from "@latentfarm/contract";
import type { DeliveryPage, PageOptions, WebhookStore } from "@latentfarm/queue";

/** Endpoints and deliveries in memory; the test plays the couriers. */
export interface FakeWebhooks extends WebhookStore {
  /** Adds a delivery of a tenant's job, or puts a newer state in its place. */
  tellDelivery(tenant: string, delivery: Delivery): void;
  /** Changes what is known of an endpoint. */
  changeEndpoint(id: string, change: Partial<Endpoint>): void;
}

const TIMESTAMP = "2026-01-01T00:00:00.000Z";

/** A delivery of a job that waits for its first attempt. */
export function deliveryOf(jobId: string, id: string): Delivery {
  return {
    id,
    job_id: jobId,
    endpoint: "ep_1",
    url: "https://hooks.example.org/farm",
    type: "job.succeeded",
    sequence: 1,
    status: "pending",
    dead_reason: null,
    created_at: TIMESTAMP,
    delivered_at: null,
    next_attempt_at: TIMESTAMP,
    attempts_made: 0,
    attempts: [],
  };
}

interface KnownEndpoint {
  readonly endpoint: Endpoint;
  readonly secrets: number;
}

const secretOf = (known: KnownEndpoint): string =>
  `whsec_${Buffer.from(`${known.endpoint.id} ${known.secrets}`).toString("base64")}`;

/** Makes the webhooks of a farm that has none. */
export function createFakeWebhooks(feel: () => Promise<void>): FakeWebhooks {
  const endpoints = new Map<string, KnownEndpoint>();
  /** The tenants of deleted ones by their ids. */
  const deleted = new Map<string, string>();
  const ownOf = async (tenant: string, id: string): Promise<KnownEndpoint | undefined> => {
    await feel();
    const known = endpoints.get(id);
    return known?.endpoint.tenant === tenant ? known : undefined;
  };
  const change = (known: KnownEndpoint, to: Partial<Endpoint>, secrets = known.secrets): KnownEndpoint => {
    const changed = { endpoint: { ...known.endpoint, ...to }, secrets };
    endpoints.set(changed.endpoint.id, changed);
    return changed;
  };
  return {
    ...createFakeDeliveries(feel),
    changeEndpoint(id, to) {
      const known = endpoints.get(id);
      if (known !== undefined) change(known, to);
    },
    async ensureEndpoint(tenant, url) {
      await feel();
      const known = [...endpoints.values()].find(
        ({ endpoint }) => endpoint.tenant === tenant && endpoint.url === url,
      );
      if (known !== undefined) return known.endpoint;
      const id = `ep_${endpoints.size + 1}`;
      const fresh = { disabled: null, paused_until: null, previous_secret_until: null };
      const endpoint = { id, tenant, url, created_at: TIMESTAMP, last_used_at: TIMESTAMP, ...fresh };
      endpoints.set(id, { endpoint, secrets: 1 });
      return endpoint;
    },
    async listEndpoints(tenant) {
      await feel();
      return [...endpoints.values()]
        .map(({ endpoint }) => endpoint)
        .filter((endpoint) => endpoint.tenant === tenant);
    },
    getEndpoint: async (tenant, id) => (await ownOf(tenant, id))?.endpoint,
    async readSecret(tenant, id) {
      const known = await ownOf(tenant, id);
      return known && secretOf(known);
    },
    async rotateSecret(tenant, id, { overlapSeconds }) {
      const known = await ownOf(tenant, id);
      if (known === undefined) return undefined;
      const until = new Date(Date.parse(TIMESTAMP) + overlapSeconds * 1_000).toISOString();
      const changed = change(known, { previous_secret_until: until }, known.secrets + 1);
      return { ...changed.endpoint, secret: secretOf(changed) };
    },
    async enableEndpoint(tenant, id) {
      const known = await ownOf(tenant, id);
      return known && change(known, { disabled: null, paused_until: null }).endpoint;
    },
    async deleteEndpoint(tenant, id) {
      if ((await ownOf(tenant, id)) === undefined) return deleted.get(id) === tenant;
      endpoints.delete(id);
      deleted.set(id, tenant);
      return true;
    },
  };
}

type Deliveries = Pick<
  FakeWebhooks,
  "tellDelivery" | "jobDeliveries" | "listDeliveries" | "redeliver" | "deliver"
>;

function createFakeDeliveries(feel: () => Promise<void>): Deliveries {
  const known = new Map<string, { readonly tenant: string; readonly delivery: Delivery }>();
  const select = async (
    page: PageOptions,
    wanted: (tenant: string, delivery: Delivery) => boolean,
  ): Promise<DeliveryPage> => {
    await feel();
    const all = [...known.values()].filter(({ tenant, delivery }) => wanted(tenant, delivery)).toReversed();
    const from = Number(page.cursor ?? 0);
    const deliveries = all.slice(from, from + page.limit).map(({ delivery }) => delivery);
    const end = from + deliveries.length;
    return { deliveries, next_cursor: end < all.length ? String(end) : null };
  };
  return {
    tellDelivery: (tenant, delivery) => void known.set(delivery.id, { tenant, delivery }),
    jobDeliveries: (id, page) => select(page, (_tenant, delivery) => delivery.job_id === id),
    listDeliveries: (tenant, query) =>
      select(
        query,
        (owner, { status }) => owner === tenant && (query.status === undefined || status === query.status),
      ),
    async redeliver(tenant, id) {
      await feel();
      const found = known.get(id);
      if (found?.tenant !== tenant) return undefined;
      const delivery: Delivery = {
        ...found.delivery,
        status: "pending",
        dead_reason: null,
        next_attempt_at: TIMESTAMP,
      };
      known.set(id, { tenant, delivery });
      return delivery;
    },
    deliver() {
      throw new TypeError("a fake farm has no couriers");
    },
  };
}
