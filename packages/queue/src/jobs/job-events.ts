import {
  FarmError,
  isTerminal,
  isTerminalEvent,
  type JobEvent,
  type JobId,
  jobEventSchema,
  statusSchema,
} from "@latentfarm/contract";
import type { Redis } from "ioredis";
import type { EventOptions } from "../farm.js";
import { jobEventsKey, jobRecordKey } from "../keys.js";
import { EVENTS_PAGE, EVENTS_POLL_MS } from "../limits.js";
import { bounded } from "../redis/errors.js";
import type { Signals } from "../redis/signals.js";

/** What reading a log needs. */
export interface EventContext {
  readonly redis: Redis;
  readonly signals: Signals;
}

/**
 * A job's log after the given id, then its events as they happen. Ends after the job's last event, or quietly when
 * the signal aborts.
 * @throws {FarmError} not_found; queue_unavailable
 */
export async function* readEvents(
  context: EventContext,
  id: JobId,
  options: EventOptions,
): AsyncGenerator<JobEvent> {
  let after = options.after ?? 0;
  const bell = new Bell();
  const leave = context.signals.listen(jobEventsKey(id), () => bell.ring());
  try {
    while (!options.signal.aborted) {
      bell.reset();
      const page =
        after === 0 ? await readStart(context.redis, id) : await readPage(context.redis, id, after);
      for (const event of page) {
        yield event;
        after = event.id;
        if (options.signal.aborted) return;
      }
      // A retry may follow the end of a job, so the record says whether there is more to come.
      const last = page.at(-1);
      if (last !== undefined && !isTerminalEvent(last.type)) continue;
      if (await isReadOut(context.redis, id, after)) return;
      await bell.wait(options.signal);
    }
  } finally {
    leave();
  }
}

/** The first event, which stands in the record alone, and those that follow. */
async function readStart(redis: Redis, id: JobId): Promise<JobEvent[]> {
  const [createdMs, frames] = await bounded("read the job's beginning", () =>
    redis.hmget(jobRecordKey(id), "created_ms", "frames"),
  );
  if (!createdMs) return [];
  const timestamp = new Date(Number(createdMs)).toISOString();
  const first: JobEvent = {
    id: 1,
    job_id: id,
    timestamp,
    type: "job.queued",
    data: { frames: Number(frames) },
  };
  return [first, ...(await readPage(redis, id, first.id))];
}

async function readPage(redis: Redis, id: JobId, after: number): Promise<JobEvent[]> {
  const entries = await bounded("read the job's events", () =>
    redis.xrange(jobEventsKey(id), `${after + 1}-0`, "+", "COUNT", EVENTS_PAGE),
  );
  return entries.map(([entryId, fields]) => decodeEvent(id, entryId, fields));
}

function decodeEvent(jobId: JobId, entryId: string, fields: readonly string[]): JobEvent {
  const value = (name: string) => fields[fields.indexOf(name) + 1];
  return jobEventSchema.parse({
    id: Number.parseInt(entryId, 10),
    job_id: jobId,
    type: value("type"),
    timestamp: new Date(Number(value("ms"))).toISOString(),
    data: JSON.parse(value("data") ?? "null"),
  });
}

/** True when the job has ended and its log holds nothing after the given id. */
async function isReadOut(redis: Redis, id: JobId, after: number): Promise<boolean> {
  const [status, seq] = await bounded("read the job's status", () =>
    redis.hmget(jobRecordKey(id), "status", "seq"),
  );
  if (!status) throw new FarmError("not_found", `Cannot read events as the job is not known: id is ${id}`);
  return isTerminal(statusSchema.parse(status)) && Number(seq) <= after;
}

/** Wakes one waiting reader; a ring before the wait is not lost. */
class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  reset(): void {
    this.#rung = false;
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Until the bell rings, the signal aborts, or it is time to look unasked. */
  async wait(signal: AbortSignal): Promise<void> {
    if (this.#rung || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, EVENTS_POLL_MS);
      signal.addEventListener("abort", done, { once: true });
      this.#wake = done;
    });
    this.#wake = undefined;
  }
}
