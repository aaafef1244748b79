import {
  FarmError,
  type FrameResult,
  frameCost,
  frameSeed,
  isTerminal,
  isTerminalEvent,
  type JobEvent,
  type JobHead,
  type JobId,
  type JobRecord,
  type TenantUsage,
} from "@latentfarm/contract";
import type { EventOptions, Farm, Idempotency, JobQuery, NewJob } from "@latentfarm/queue";

type BodyOf<Event> = Event extends JobEvent ? Pick<Event, "type" | "data"> : never;

/** An event without what the log adds. */
export type JobEventBody = BodyOf<JobEvent>;

/** How a frame or a job can end in a fake farm. */
type End = "succeeded" | "failed" | "canceled";

const TIMESTAMP = "2026-01-01T00:00:00.000Z";

/** A job in memory with its log. */
interface FakeJob {
  record: JobRecord;
  readonly bodyHash: string | undefined;
  readonly events: JobEvent[];
  readonly wake: Set<() => void>;
}

/** Jobs in memory: what the queue knows of them, without its deadlines and outages. */
export class FakeJobs {
  readonly #jobs = new Map<JobId, FakeJob>();
  readonly #byKey = new Map<string, FakeJob>();
  readonly #retries = new Set<string>();
  /** Called with each job that ends. */
  readonly onEnd = new Set<(job: JobRecord) => void>();

  /** Takes a job in and gives it; the job of the same key before, if there was one. */
  add(job: NewJob): { readonly record: JobRecord; readonly isNew: boolean } {
    const known = job.idempotency && this.findByKey(job.tenant.name, job.idempotency);
    if (known !== undefined) return { record: known, isNew: false };
    const bodyHash = job.idempotency?.bodyHash;
    const added: FakeJob = { record: recordOf(job), bodyHash, events: [], wake: new Set() };
    this.#jobs.set(job.id, added);
    if (job.idempotency !== undefined) this.#byKey.set(keyOf(job.tenant.name, job.idempotency), added);
    append(added, { type: "job.queued", data: { frames: job.params.num_images } });
    return { record: added.record, isNew: true };
  }

  findByKey(tenant: string, idempotency: Idempotency): JobRecord | undefined {
    const known = this.#byKey.get(keyOf(tenant, idempotency));
    if (known === undefined || known.bodyHash === idempotency.bodyHash) return known?.record;
    throw new FarmError("idempotency_conflict", "Cannot reuse the key");
  }

  get(id: JobId): JobRecord | undefined {
    return this.#jobs.get(id)?.record;
  }

  head(id: JobId): JobHead | undefined {
    const record = this.get(id);
    return record && headOf(record);
  }

  forget(id: JobId): void {
    this.#jobs.delete(id);
  }

  tell(id: JobId, event: JobEventBody): void {
    append(this.#jobOf(id), event);
  }

  list({ tenant, status, limit, cursor }: JobQuery): Awaited<ReturnType<Farm["listJobs"]>> {
    const own = [...this.#jobs.values()].map(({ record }) => record).reverse();
    const all = own.filter((job) => job.tenant === tenant && (status === undefined || job.status === status));
    const from = cursor === undefined ? 0 : all.findIndex(({ id }) => id === cursor) + 1;
    const jobs = all.slice(from, from + limit).map(headOf);
    return { jobs, next_cursor: from + limit < all.length ? (jobs.at(-1)?.id ?? null) : null };
  }

  usageOf(tenant: string): TenantUsage {
    const open = [...this.#jobs.values()].filter(
      ({ record }) => record.tenant === tenant && !isTerminal(record.status),
    );
    const sum = (of: (record: JobRecord) => number) =>
      open.reduce((total, { record }) => total + of(record), 0);
    return {
      queued_cost: sum(({ cost }) => cost),
      concurrent_frames: sum(({ progress }) => progress.frames - progress.frames_done),
      running_frames: sum(({ frames }) => frames.filter(({ status }) => status === "running").length),
    };
  }

  succeed(id: JobId, result: FrameResult): void {
    const job = this.#jobOf(id);
    setFrame(job, result.index, { status: "succeeded", attempt: result.attempt, result });
    append(job, { type: "frame.succeeded", data: result });
    if (job.record.frames.every((frame) => frame.status === "succeeded")) this.#end(job, "succeeded");
  }

  fail(id: JobId, index: number): void {
    const job = this.#jobOf(id);
    const error = { code: "numeric_fault" as const, message: "Cannot draw the frame" };
    setFrame(job, index, { status: "failed", attempt: 1, error });
    append(job, { type: "frame.failed", data: { index, attempt: 1, error } });
    if (job.record.frames.every((frame) => isTerminal(frame.status))) this.#end(job, "failed");
  }

  cancel(id: JobId): JobRecord | undefined {
    const job = this.#jobs.get(id);
    if (job !== undefined && !isTerminal(job.record.status)) this.#end(job, "canceled");
    return job?.record;
  }

  retry(id: JobId, key?: string): JobRecord | undefined {
    const job = this.#jobs.get(id);
    if (job === undefined) return undefined;
    if (key !== undefined && this.#retries.has(`${id} ${key}`)) return job.record;
    const failed = job.record.frames.filter(({ status }) => status === "failed");
    if (!isTerminal(job.record.status) || failed.length === 0)
      throw new FarmError("nothing_to_retry", "Cannot retry the job as none of its frames has failed");
    for (const { index } of failed) setFrame(job, index, { status: "queued", attempt: 0, error: null });
    job.record = { ...job.record, status: "queued", finished_at: null, error: null };
    append(job, { type: "job.retried", data: { frames: failed.length } });
    if (key !== undefined) this.#retries.add(`${id} ${key}`);
    return job.record;
  }

  async *read(id: JobId, options: EventOptions): AsyncGenerator<JobEvent> {
    const job = this.#jobOf(id);
    for (let next = options.after ?? 0; !options.signal.aborted; ) {
      const event = job.events[next];
      if (event !== undefined) {
        next++;
        yield event;
      } else if (isTerminalEvent(job.events.at(-1)?.type ?? "job.queued")) return;
      else await grown(job, options.signal);
    }
  }

  #jobOf(id: JobId): FakeJob {
    const job = this.#jobs.get(id);
    if (job === undefined) throw new FarmError("not_found", "Cannot find the job");
    return job;
  }

  #end(job: FakeJob, status: End): void {
    const frames = job.record.frames.map((frame) =>
      isTerminal(frame.status) ? frame : { ...frame, status: "canceled" as const },
    );
    const error = frames.find((frame) => frame.error !== null)?.error ?? null;
    const progress = { ...job.record.progress, frames_done: frames.length };
    job.record = { ...job.record, status, frames, error, progress, finished_at: TIMESTAMP };
    if (status === "failed" && error !== null) append(job, { type: "job.failed", data: { error } });
    else if (status !== "failed") append(job, { type: `job.${status}`, data: {} });
    for (const tell of this.onEnd) tell(job.record);
  }
}

/** A record as lists show it. */
function headOf({ frames: _frames, ...head }: JobRecord): JobHead {
  return head;
}

function keyOf(tenant: string, { key }: Idempotency): string {
  return `${tenant} ${key}`;
}

function recordOf(job: NewJob): JobRecord {
  const count = job.params.num_images;
  return {
    id: job.id,
    tenant: job.tenant.name,
    start_before: job.start_before ?? null,
    cost: frameCost(job.params) * count,
    webhook: job.webhook ?? null,
    eta_low_seconds: null,
    eta_high_seconds: null,
    status: "queued",
    created_at: job.created_at,
    started_at: null,
    finished_at: null,
    model: job.model,
    params: job.params,
    progress: { step: 0, steps: count * job.params.steps, frames_done: 0, frames: count },
    position: 0,
    eta_seconds: null,
    frames: Array.from({ length: count }, (_, index) => ({
      index,
      seed: frameSeed(job.params.seed, index),
      status: "queued",
      attempt: 0,
      result: null,
      error: null,
    })),
    error: null,
  };
}

function setFrame(job: FakeJob, index: number, change: Partial<JobRecord["frames"][number]>): void {
  const frames = job.record.frames.map((frame) => (frame.index === index ? { ...frame, ...change } : frame));
  const done = frames.filter(({ status }) => isTerminal(status)).length;
  job.record = {
    ...job.record,
    status: "running",
    frames,
    progress: { ...job.record.progress, frames_done: done },
  };
}

function append(job: FakeJob, event: JobEventBody): void {
  job.events.push({ id: job.events.length + 1, job_id: job.record.id, timestamp: TIMESTAMP, ...event });
  for (const wake of job.wake) wake();
}

async function grown(job: FakeJob, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const wake = (): void => {
      job.wake.delete(wake);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    job.wake.add(wake);
    signal.addEventListener("abort", wake);
  });
}
