import {
  COUNTERS,
  type CounterName,
  FarmError,
  type FrameResult,
  type JobId,
  type JobRecord,
  type ModelInfo,
  type ServedModel,
  type Stats,
  type Tenant,
  type WorkerInfo,
} from "@latentfarm/contract";
import type { Farm, Forecast, NewJob, QueueHealth } from "@latentfarm/queue";
import { createFakeAccess, type FakeAccess } from "./fake-access.js";
import { FakeJobs, type JobEventBody } from "./fake-jobs.js";
import { createFakeWebhooks, type FakeWebhooks } from "./fake-webhooks.js";

/** A farm in memory for tests of what stands before the queue; the test plays the workers and the couriers. */
export interface FakeFarm extends Farm {
  /** What is served; tests change it. */
  served: ServedModel[];
  /** Who is alive; tests change it. */
  alive: WorkerInfo[];
  /** Calls wait for ever while `silent`, and throw while `away`. */
  mood: "well" | "silent" | "away";
  /** What a job would become; tests change it. */
  outlook: Forecast;
  /** Counts; tests change them. */
  readonly counters: Record<CounterName, number>;
  /** Thrown by the next submit, as the queue's admission does. */
  refusal: FarmError | undefined;
  /** Every job handed in, the newest last. */
  readonly submitted: NewJob[];
  /** How often the models were asked for. */
  readonly modelsAsked: number;
  /** Readers of events now. */
  readonly readers: number;
  /** Events handed to readers so far. */
  readonly eventsRead: number;
  readonly access: FakeAccess;
  readonly webhooks: FakeWebhooks;
  /** Ends a frame as drawn; the last one ends the job. */
  succeed(id: JobId, result: FrameResult): void;
  /** Ends a frame as failed; the last one ends the job. */
  fail(id: JobId, index: number): void;
  /** Adds an event to a job's log. */
  tell(id: JobId, event: JobEventBody): void;
  /** Forgets a job, as Redis does after its time. */
  forget(id: JobId): void;
}

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

const FAKE_HEALTH: QueueHealth = {
  pingMs: 1,
  memoryBytes: 1_000_000,
  memoryBytesMax: 0,
  isEvictionOff: true,
  isAppendOnly: true,
  outboxEvents: 0,
};

const noWorkers = (): never => {
  throw new TypeError("a fake farm has no workers");
};

const NO_WORKERS = {
  announceWorker: noWorkers,
  retireWorker: noWorkers,
  consume: noWorkers,
};

/** Makes a farm in memory that serves FAKE_MODEL and has no jobs, keys or webhooks. */
export function createFakeFarm(): FakeFarm {
  const jobs = new FakeJobs();
  const tally = { readers: 0, eventsRead: 0, modelsAsked: 0 };
  const wellFarm = () => feel(farm);
  const farm: FakeFarm = {
    served: [{ ...FAKE_MODEL, workers: 1 }],
    alive: [],
    mood: "well",
    outlook: { reason: null, position: 0, eta: null },
    counters: zeros(),
    refusal: undefined,
    submitted: [],
    get modelsAsked() {
      return tally.modelsAsked;
    },
    get readers() {
      return tally.readers;
    },
    get eventsRead() {
      return tally.eventsRead;
    },
    access: createFakeAccess({ feel: wellFarm, usageOf: (tenant) => jobs.usageOf(tenant) }),
    webhooks: createFakeWebhooks(wellFarm),
    ...fakeJobCalls(jobs, wellFarm),
    async submit(job) {
      await wellFarm();
      if (farm.refusal !== undefined) throw farm.refusal;
      const { record, isNew } = jobs.add(job);
      if (isNew) farm.submitted.push(job);
      return record;
    },
    async *events(id, options) {
      await wellFarm();
      tally.readers++;
      try {
        for await (const event of jobs.read(id, options)) {
          tally.eventsRead++;
          yield event;
        }
      } finally {
        tally.readers--;
      }
    },
    async models() {
      tally.modelsAsked++;
      await wellFarm();
      return [...farm.served];
    },
    async workers() {
      await wellFarm();
      return farm.alive;
    },
    async forecast() {
      await wellFarm();
      return farm.outlook;
    },
    async stats(tenant) {
      await wellFarm();
      return statsOf(farm, jobs, tenant);
    },
    claimStore: wellFarm,
    ping: wellFarm,
    health: () => wellFarm().then(() => FAKE_HEALTH),
    ...NO_WORKERS,
    async [Symbol.asyncDispose]() {},
  };
  return farm;
}

type JobCalls = Pick<
  FakeFarm,
  | "succeed"
  | "fail"
  | "tell"
  | "forget"
  | "findSubmitted"
  | "getJob"
  | "getJobHead"
  | "getFrame"
  | "listFrames"
  | "cancel"
  | "retry"
  | "listJobs"
  | "keep"
>;

function fakeJobCalls(jobs: FakeJobs, wellFarm: () => Promise<void>): JobCalls {
  return {
    succeed: (id, result) => jobs.succeed(id, result),
    fail: (id, index) => jobs.fail(id, index),
    tell: (id, event) => jobs.tell(id, event),
    forget: (id) => jobs.forget(id),
    async findSubmitted(tenant, idempotency) {
      await wellFarm();
      return jobs.findByKey(tenant, idempotency);
    },
    async getJob(id) {
      await wellFarm();
      return jobs.get(id);
    },
    async getJobHead(id) {
      await wellFarm();
      return jobs.head(id);
    },
    async getFrame(id, index) {
      await wellFarm();
      const job = jobs.get(id);
      return job && { tenant: job.tenant, frames: job.frames.length, frame: job.frames[index] };
    },
    async listFrames(id, { from, limit, status }) {
      await wellFarm();
      const job = jobs.get(id);
      const rest = job?.frames.filter(
        (frame) => frame.index >= from && (status === undefined || frame.status === status),
      );
      if (job === undefined || rest === undefined) return undefined;
      const frames = rest.slice(0, limit);
      const next = rest.length > limit ? (frames.at(-1)?.index ?? 0) + 1 : null;
      return { tenant: job.tenant, frames, next };
    },
    async cancel(id) {
      await wellFarm();
      return jobs.cancel(id);
    },
    async retry(id, key) {
      await wellFarm();
      return jobs.retry(id, key);
    },
    async listJobs(query) {
      await wellFarm();
      return jobs.list(query);
    },
    keep({ onJobEnd }) {
      const filing = new Set<Promise<void>>();
      const tell = (job: JobRecord): void => {
        const filed = onJobEnd(job)
          .catch(() => undefined)
          .finally(() => filing.delete(filed));
        filing.add(filed);
      };
      jobs.onEnd.add(tell);
      return {
        [Symbol.asyncDispose]: async () => {
          jobs.onEnd.delete(tell);
          await Promise.all(filing);
        },
      };
    },
  };
}

async function feel(farm: FakeFarm): Promise<void> {
  if (farm.mood === "silent") await new Promise<never>(() => {});
  if (farm.mood === "away") throw new FarmError("queue_unavailable", "Cannot ask the queue as it is away");
}

function zeros(): Record<CounterName, number> {
  return Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<CounterName, number>;
}

function statsOf(farm: FakeFarm, jobs: FakeJobs, tenant: Tenant): Stats {
  const models = farm.served.map(({ name, workers }) => {
    const none = { frames_queued: 0, frames_running: 0, backlog_cost: 0, rate: null, backlog_seconds: 0 };
    return { name, workers, slots: workers, ...none };
  });
  return {
    frames_queued: 0,
    frames_running: 0,
    backlog_cost: 0,
    backlog_seconds: 0,
    rate: null,
    workers: farm.alive.length,
    models,
    counters: { ...farm.counters },
    eta: { jobs: 0, within_band: 0, ratio_buckets: { "1": 0, inf: 0 } },
    tenant: { name: tenant.name, weight: tenant.weight, ...jobs.usageOf(tenant.name) },
  };
}
