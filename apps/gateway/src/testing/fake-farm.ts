import {
  FarmError,
  type FrameResult,
  frameSeed,
  isTerminalEvent,
  type JobEvent,
  type JobId,
  type JobRecord,
  type ModelInfo,
  type ServedModel,
  type WorkerInfo,
} from "@latentfarm/contract";
import type { EventOptions, Farm, Idempotency, NewJob } from "@latentfarm/queue";

/** A farm in memory for tests of what stands before the queue; the test plays the workers. */
export interface FakeFarm extends Farm {
  /** What is served; tests change it. */
  served: ServedModel[];
  /** Who is alive; tests change it. */
  alive: WorkerInfo[];
  /** Calls wait for ever while `silent`, and throw while `away`. */
  mood: "well" | "silent" | "away";
  /** Every job handed in, the newest last. */
  readonly submitted: NewJob[];
  /** Readers of events now. */
  readonly readers: number;
  /** Events handed to readers so far. */
  readonly eventsRead: number;
  /** Ends a frame as drawn; the last one ends the job. */
  succeed(id: JobId, result: FrameResult): void;
  /** Adds an event to a job's log. */
  tell(id: JobId, event: JobEventBody): void;
  /** Forgets a job, as Redis does after its time. */
  forget(id: JobId): void;
}

type BodyOf<Event> = Event extends JobEvent ? Pick<Event, "type" | "data"> : never;

/** An event without what the log adds. */
export type JobEventBody = BodyOf<JobEvent>;

/** The model that a fake farm serves at first. */
export const FAKE_MODEL: ModelInfo = {
  name: "postcards",
  architecture: "sd3.5-large",
  defaults: {
    width: 64,
    height: 64,
    steps: 20,
    guidance_scale: 4.5,
    sampler: "euler",
    scheduler: "normal",
    shift: 3,
  },
  limits: { width_max: 192, height_max: 192, size_multiple: 16 },
  samplers: ["euler", "dpmpp_2m"],
  schedulers: ["simple", "sgm_uniform", "normal"],
};

const TIMESTAMP = "2026-01-01T00:00:00.000Z";

interface FakeJob {
  record: JobRecord;
  readonly bodyHash: string | undefined;
  readonly events: JobEvent[];
  readonly wake: Set<() => void>;
}

const noWorkers = (): never => {
  throw new TypeError("a fake farm has no workers");
};

const createLeftOut = () => ({
  access: createFakeAccess(),
  webhooks: createFakeWebhooks(),
  announceWorker: noWorkers,
  retireWorker: noWorkers,
  consume: noWorkers,
  retry: noWorkers,
  listJobs: noWorkers,
  forecast: noWorkers,
  stats: noWorkers,
  keep: noWorkers,
});

/** Makes a farm in memory that serves FAKE_MODEL and has no jobs. */
export function createFakeFarm(): FakeFarm {
  const jobs = new Map<JobId, FakeJob>();
  const byKey = new Map<string, FakeJob>();
  let readers = 0;
  let eventsRead = 0;
  const farm: FakeFarm = {
    served: [{ ...FAKE_MODEL, workers: 1 }],
    alive: [],
    mood: "well",
    submitted: [],
    get readers() {
      return readers;
    },
    get eventsRead() {
      return eventsRead;
    },
    succeed: (id, result) => succeedFrame(jobOf(jobs, id), result),
    tell: (id, event) => append(jobOf(jobs, id), event),
    forget: (id) => void jobs.delete(id),
    async submit(job) {
      await feel(farm);
      const known = job.idempotency && findByKey(byKey, job.idempotency);
      if (known !== undefined) return known.record;
      farm.submitted.push(job);
      const added = addJob(jobs, job);
      if (job.idempotency !== undefined) byKey.set(job.idempotency.key, added);
      return added.record;
    },
    async findSubmitted(_tenant, idempotency) {
      await feel(farm);
      return findByKey(byKey, idempotency)?.record;
    },
    async getJob(id) {
      await feel(farm);
      return jobs.get(id)?.record;
    },
    async cancel(id) {
      await feel(farm);
      const job = jobs.get(id);
      if (job !== undefined && job.record.status === "queued") endJob(job, "canceled");
      return job?.record;
    },
    async *events(id, options) {
      await feel(farm);
      readers++;
      try {
        for await (const event of readLog(jobOf(jobs, id), options)) {
          eventsRead++;
          yield event;
        }
      } finally {
        readers--;
      }
    },
    async models() {
      await feel(farm);
      return farm.served;
    },
    async workers() {
      await feel(farm);
      return farm.alive;
    },
    claimStore: () => feel(farm),
    ping: () => feel(farm),
    ...createLeftOut(),
    async [Symbol.asyncDispose]() {},
  };
  return farm;
}

function createFakeAccess(): Farm["access"] {
  return {
    createKey: noWorkers,
    listKeys: noWorkers,
    revokeKey: noWorkers,
    authenticate: noWorkers,
    hasKeys: async () => false,
    countRequest: async () => undefined,
    getTenant: async (name) => ({ name, weight: 1, limits: {} }),
    setTenant: noWorkers,
    listTenants: noWorkers,
    readAudit: noWorkers,
  };
}

function createFakeWebhooks(): Farm["webhooks"] {
  return {
    ensureEndpoint: noWorkers,
    listEndpoints: noWorkers,
    getEndpoint: noWorkers,
    readSecret: noWorkers,
    rotateSecret: noWorkers,
    enableEndpoint: noWorkers,
    jobDeliveries: noWorkers,
    listDeliveries: noWorkers,
    redeliver: noWorkers,
    deliver: noWorkers,
  };
}

async function feel(farm: FakeFarm): Promise<void> {
  if (farm.mood === "silent") await new Promise<never>(() => {});
  if (farm.mood === "away") throw new FarmError("queue_unavailable", "Cannot ask the queue as it is away");
}

function findByKey(byKey: ReadonlyMap<string, FakeJob>, { key, bodyHash }: Idempotency): FakeJob | undefined {
  const known = byKey.get(key);
  if (known === undefined || known.bodyHash === bodyHash) return known;
  throw new FarmError("idempotency_conflict", "Cannot reuse the key");
}

function jobOf(jobs: ReadonlyMap<JobId, FakeJob>, id: JobId): FakeJob {
  const job = jobs.get(id);
  if (job === undefined) throw new FarmError("not_found", "Cannot find the job");
  return job;
}

function addJob(jobs: Map<JobId, FakeJob>, job: NewJob): FakeJob {
  const bodyHash = job.idempotency?.bodyHash;
  const added: FakeJob = { record: recordOf(job), bodyHash, events: [], wake: new Set() };
  jobs.set(job.id, added);
  append(added, { type: "job.queued", data: { frames: job.params.num_images } });
  return added;
}

function recordOf(job: NewJob): JobRecord {
  const count = job.params.num_images;
  return {
    id: job.id,
    tenant: job.tenant.name,
    start_before: null,
    cost: 0,
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

function succeedFrame(job: FakeJob, result: FrameResult): void {
  const frames = job.record.frames.map((frame) =>
    frame.index === result.index
      ? { ...frame, status: "succeeded" as const, attempt: result.attempt, result }
      : frame,
  );
  job.record = { ...job.record, status: "running", frames };
  append(job, { type: "frame.succeeded", data: result });
  if (frames.every((frame) => frame.status === "succeeded")) endJob(job, "succeeded");
}

function endJob(job: FakeJob, status: "succeeded" | "canceled"): void {
  job.record = { ...job.record, status, finished_at: TIMESTAMP };
  append(job, { type: `job.${status}`, data: {} });
}

function append(job: FakeJob, event: JobEventBody): void {
  job.events.push({ id: job.events.length + 1, job_id: job.record.id, timestamp: TIMESTAMP, ...event });
  for (const wake of job.wake) wake();
}

async function* readLog(job: FakeJob, options: EventOptions): AsyncGenerator<JobEvent> {
  for (let next = options.after ?? 0; !options.signal.aborted; ) {
    const event = job.events[next];
    if (event === undefined) {
      const last = job.events.at(-1);
      if (last !== undefined && isTerminalEvent(last.type)) return;
      await grown(job, options.signal);
      continue;
    }
    next++;
    yield event;
    if (isTerminalEvent(event.type)) return;
  }
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
