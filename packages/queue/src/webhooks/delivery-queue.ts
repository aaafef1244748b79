import { NO_TRACING, type Tracing } from "@latentfarm/telemetry";
import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { QueueLog } from "../farm.js";
import { PREFIX } from "../keys.js";
import { bounded, isConnectionLoss } from "../redis/errors.js";
import { readPlaces } from "../tracing/read-places.js";
import type { Turn } from "./delivery-turn.js";
import { DELIVERY_QUEUE, deliveryKey, UNQUEUED_KEY } from "./webhook-keys.js";
import { TURN_RETRY_MS, TURN_TRIES_MAX, UNQUEUED_PAGE } from "./webhook-limits.js";

/** Part of the pause after a fault of the farm that is random. */
const JITTER = 0.5;

/** BullMQ's side of the deliveries: it keeps when each is next due, and who holds it. */
export class DeliveryQueue {
  readonly #redis: Redis;
  readonly #tracing: Tracing;
  readonly #queue: Queue<Turn>;

  constructor(redis: Redis, log: QueueLog, tracing: Tracing = NO_TRACING) {
    this.#redis = redis;
    this.#tracing = tracing;
    this.#queue = new Queue<Turn>(DELIVERY_QUEUE, {
      connection: redis,
      prefix: PREFIX,
      skipVersionCheck: true,
    });
    this.#queue.on("error", (error) => {
      if (!isConnectionLoss(error)) log.warn({ err: error }, "delivery queue reports an error");
    });
  }

  /**
   * Hands to BullMQ the turns that it may not know of. Each is one BullMQ job whose id is the turn's: handing it over
   * twice changes nothing while it is there, and what comes of it when it was already done is stale.
   * @throws {FarmError} queue_unavailable
   */
  async queueSome(): Promise<number> {
    const members = await bounded("read what is not queued", () =>
      this.#redis.zrange(UNQUEUED_KEY, "0", `${UNQUEUED_PAGE - 1}`),
    );
    if (members.length === 0) return 0;
    const keys = members.map((member) => deliveryKey(member.split("|")[0] ?? ""));
    const places = await readPlaces({ redis: this.#redis, tracing: this.#tracing }, keys);
    const entries = members.map((member) => {
      const [id = "", turn] = member.split("|");
      const place = places.get(deliveryKey(id));
      return {
        name: "delivery",
        data: { id, turn: Number(turn) },
        opts: {
          jobId: `${id}-${turn}`,
          attempts: TURN_TRIES_MAX,
          backoff: { type: "fixed", delay: TURN_RETRY_MS, jitter: JITTER },
          removeOnComplete: true,
          removeOnFail: true,
          ...(place && { telemetry: { metadata: place } }),
        },
      };
    });
    await bounded("queue the deliveries", () => this.#queue.addBulk(entries));
    await bounded("note the queued deliveries", () => this.#redis.zrem(UNQUEUED_KEY, ...members));
    return members.length;
  }

  /** Closes the queue; the connection is its owner's. */
  async close(): Promise<void> {
    await this.#queue.close().catch(() => undefined);
  }
}
