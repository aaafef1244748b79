import type { JobId } from "@latentfarm/contract";
import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { QueueLog } from "../farm.js";
import { frameQueueId, frameQueueName, PREFIX } from "../keys.js";
import { FRAME_PRIORITY, FRAME_TRIES_MAX, RETRY_DELAY_MS, RETRY_JITTER } from "../limits.js";
import { bounded, isConnectionLoss } from "../redis/errors.js";

/** What a queue entry holds; everything else is in the job's record. */
export interface FrameEntry {
  readonly jobId: JobId;
  readonly index: number;
}

/** The queues of frames, one per model, opened as they are first needed and closed together. */
export class FrameQueues {
  readonly #redis: Redis;
  readonly #log: QueueLog;
  readonly #queues = new Map<string, Queue<FrameEntry>>();

  constructor(redis: Redis, log: QueueLog) {
    this.#redis = redis;
    this.#log = log;
  }

  /**
   * Queues frames. A frame that is queued already stays as it is.
   * @throws {FarmError} queue_unavailable
   */
  async add(model: string, frames: readonly FrameEntry[]): Promise<void> {
    const entries = frames.map((data) => ({
      name: "frame",
      data,
      opts: {
        jobId: frameQueueId(data.jobId, data.index),
        priority: FRAME_PRIORITY,
        attempts: FRAME_TRIES_MAX,
        backoff: { type: "exponential", delay: RETRY_DELAY_MS, jitter: RETRY_JITTER },
        removeOnComplete: true,
        removeOnFail: true,
      },
    }));
    await bounded("queue the frames", () => this.#queue(model).addBulk(entries));
  }

  /**
   * Takes frames out that nobody works on; those that a worker holds stay.
   * @throws {FarmError} queue_unavailable
   */
  async remove(model: string, id: JobId, indices: readonly number[]): Promise<void> {
    const queue = this.#queue(model);
    for (const index of indices) {
      await bounded("take a frame out", () => queue.remove(frameQueueId(id, index)));
    }
  }

  /** Closes every queue; the connection is its owner's. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#queues.values()].map((queue) => queue.close()));
  }

  #queue(model: string): Queue<FrameEntry> {
    const present = this.#queues.get(model);
    if (present !== undefined) return present;
    const queue = new Queue<FrameEntry>(frameQueueName(model), {
      connection: this.#redis,
      prefix: PREFIX,
      skipVersionCheck: true,
    });
    queue.on("error", (error) => {
      if (!isConnectionLoss(error))
        this.#log.warn({ model, reason: error.message }, "frame queue reports an error");
    });
    this.#queues.set(model, queue);
    return queue;
  }
}
