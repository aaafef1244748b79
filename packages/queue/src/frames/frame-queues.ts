import type { JobId } from "@latentfarm/contract";
import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { QueueLog } from "../farm.js";
import { frameQueueId, frameQueueName, PREFIX, waitingFramesKey } from "../keys.js";
import {
  BULLMQ_EVENTS_MAX,
  BULLMQ_TRIES_MAX,
  FRAME_PRIORITY,
  RETRY_DELAY_MS,
  RETRY_JITTER,
  TAG_BASE,
} from "../limits.js";
import { bounded, isConnectionLoss } from "../redis/errors.js";

/** What a queue entry holds; everything else is in the job's record. */
export interface FrameEntry {
  readonly jobId: JobId;
  readonly index: number;
}

/** A frame on its way into the queue, with its virtual start time. */
export interface ReleasedFrame extends FrameEntry {
  readonly tag: number;
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
   * Queues frames in the order of their tags. A frame that is queued already stays as it is.
   * @throws {FarmError} queue_unavailable
   */
  async add(model: string, frames: readonly ReleasedFrame[]): Promise<void> {
    if (frames.length === 0) return;
    const entries = frames.map((data) => ({
      name: "frame",
      data: { jobId: data.jobId, index: data.index },
      opts: {
        jobId: frameQueueId(data.jobId, data.index),
        priority: FRAME_PRIORITY,
        attempts: BULLMQ_TRIES_MAX,
        backoff: { type: "exponential", delay: RETRY_DELAY_MS, jitter: RETRY_JITTER },
        removeOnComplete: true,
        removeOnFail: true,
      },
    }));
    await bounded("queue the frames", () => this.#queue(model).addBulk(entries));
    // BullMQ takes the least score first, and makes scores of priorities too coarse for virtual times. One that a worker
    // has taken by now has no score any more (XX).
    const scores = frames.flatMap((data) => [TAG_BASE + data.tag, frameQueueId(data.jobId, data.index)]);
    await bounded("order the frames", () => this.#redis.zadd(waitingFramesKey(model), "XX", ...scores));
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
      streams: { events: { maxLen: BULLMQ_EVENTS_MAX } },
    });
    queue.on("error", (error) => {
      if (!isConnectionLoss(error))
        this.#log.warn({ model, reason: error.message }, "frame queue reports an error");
    });
    this.#queues.set(model, queue);
    return queue;
  }
}
