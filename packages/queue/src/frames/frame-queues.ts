import type { JobId } from "@latentfarm/contract";
import { NO_TRACING, type Tracing } from "@latentfarm/telemetry";
import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { QueueLog } from "../farm.js";
import {
  frameEntryPrefix,
  frameQueueId,
  frameQueueName,
  jobRecordKey,
  PREFIX,
  waitingFramesKey,
} from "../keys.js";
import {
  BULLMQ_EVENTS_MAX,
  BULLMQ_TRIES_MAX,
  FRAME_PRIORITY,
  FRESH_PRIORITY,
  REMOVE_PAGE,
  RETRY_DELAY_MS,
  RETRY_JITTER,
  TAG_BASE,
} from "../limits.js";
import { bounded, isConnectionLoss } from "../redis/errors.js";
import { runScript } from "../redis/run-script.js";
import { PLACE } from "../scripts/release.js";
import { placeOfFrame, readPlaces } from "../tracing/read-places.js";

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
  readonly #tracing: Tracing;
  readonly #queues = new Map<string, Queue<FrameEntry>>();

  constructor(redis: Redis, log: QueueLog, tracing: Tracing = NO_TRACING) {
    this.#redis = redis;
    this.#log = log;
    this.#tracing = tracing;
  }

  /**
   * Queues frames in the order of their tags. A frame that is queued already stays as it is.
   * @throws {FarmError} queue_unavailable
   */
  async add(model: string, frames: readonly ReleasedFrame[]): Promise<void> {
    if (frames.length === 0) return;
    const places = await this.#placesOf(frames);
    const entries = frames.map((data, at) => ({
      name: "frame",
      data: { jobId: data.jobId, index: data.index },
      opts: {
        jobId: frameQueueId(data.jobId, data.index),
        priority: FRESH_PRIORITY,
        attempts: BULLMQ_TRIES_MAX,
        backoff: { type: "exponential", delay: RETRY_DELAY_MS, jitter: RETRY_JITTER },
        removeOnComplete: true,
        removeOnFail: true,
        ...(places[at] && { telemetry: { metadata: places[at] } }),
      },
    }));
    await bounded("queue the frames", () => this.#queue(model).addBulk(entries));
    const scores = frames.flatMap((data) => [frameQueueId(data.jobId, data.index), TAG_BASE + data.tag]);
    await runScript(this.#redis, PLACE, {
      keys: [waitingFramesKey(model)],
      args: [frameEntryPrefix(model), FRAME_PRIORITY, ...scores],
    });
  }

  /**
   * Takes frames out that nobody works on; those that a worker holds stay.
   * @throws {FarmError} queue_unavailable
   */
  async remove(model: string, id: JobId, indices: readonly number[]): Promise<void> {
    const queue = this.#queue(model);
    for (let at = 0; at < indices.length; at += REMOVE_PAGE) {
      const page = indices.slice(at, at + REMOVE_PAGE);
      await bounded("take frames out", () =>
        Promise.all(page.map((index) => queue.remove(frameQueueId(id, index)))),
      );
    }
  }

  /** Closes every queue; the connection is its owner's. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#queues.values()].map((queue) => queue.close()));
  }

  /** Whoever releases a frame is seldom its client's: its place in a trace is its job's, not that of the work at hand. */
  async #placesOf(frames: readonly FrameEntry[]): Promise<readonly string[]> {
    const source = { redis: this.#redis, tracing: this.#tracing };
    const places = await readPlaces(
      source,
      frames.map(({ jobId }) => jobRecordKey(jobId)),
    );
    return frames.map(({ jobId, index }) =>
      placeOfFrame(this.#tracing, places.get(jobRecordKey(jobId)), index),
    );
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
      if (!isConnectionLoss(error)) this.#log.warn({ model, err: error }, "frame queue reports an error");
    });
    this.#queues.set(model, queue);
    return queue;
  }
}
