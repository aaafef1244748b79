import type {
  Delivery,
  DryRun,
  Endpoint,
  Frame,
  Job,
  JobSummary,
  Stats,
  Status,
  SubmitRequest,
  WireEvent,
} from "@latentfarm/contract";
import { createIdempotencyKey } from "./idempotency-key.js";
import { LatentfarmError } from "./latentfarm-error.js";
import { pause } from "./pause.js";
import { type EventOptions, readEvents } from "./read-events.js";
import { type Call, type ClientOptions, createTransport, type Transport } from "./transport.js";

/** A job to submit: `prompt` is required, the rest comes from the model's defaults. */
export type Submission = Omit<SubmitRequest, "seed"> & {
  /** 0..2^53-1 as a number, 0..2^64-1 as decimal text. */
  readonly seed?: number | string | undefined;
};

/** What every call takes. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** How a job is submitted. */
export interface SubmitOptions extends CallOptions {
  /** The same key and body give the first job again, for a day; a new one each time when absent. */
  readonly idempotencyKey?: string;
  /** Seconds, 1..60, that the farm holds its answer for the job to end. */
  readonly waitSeconds?: number;
}

/** How a job is retried. */
export interface RetryOptions extends CallOptions {
  /** The same key retries once, for a day; a new one each time when absent. */
  readonly idempotencyKey?: string;
}

/** Which jobs are wanted. */
export interface ListOptions extends CallOptions {
  readonly status?: Status;
  readonly limit?: number;
  /** `next_cursor` of the page before. */
  readonly cursor?: string;
}

/** A page of jobs, newest first; `next_cursor` is null on the last one. */
export interface JobPage {
  readonly jobs: JobSummary[];
  readonly next_cursor: string | null;
}

/** Which frames are wanted. */
export interface FrameOptions extends CallOptions {
  readonly status?: Status;
  /** 1..1,000; 100 when absent. */
  readonly limit?: number;
  /** `next_cursor` of the page before, or `frames_next_cursor` of the job. */
  readonly cursor?: string;
}

/** A page of a job's frames, by index. */
export interface FramePage {
  readonly frames: Frame[];
  readonly next_cursor: string | null;
}

/** A page of deliveries, newest first. */
export interface DeliveryPage {
  readonly deliveries: Delivery[];
  readonly next_cursor: string | null;
}

/** A picture as it is stored. */
export interface Picture {
  readonly bytes: Uint8Array;
  readonly contentType: string;
}

/** The calls of one farm. Each rejects with a LatentfarmError, or with the reason of the caller's own signal. */
export interface LatentfarmClient {
  submit(job: Submission, options?: SubmitOptions): Promise<Job>;
  /** What the job would cost and when it would be done; nothing is queued. */
  dryRun(job: Submission, options?: CallOptions): Promise<DryRun>;
  /** The job with its first 1,000 frames; `frames_next_cursor` is not null when it has more. */
  get(id: string, options?: CallOptions): Promise<Job>;
  /** A page of the job's frames, by index. */
  frames(id: string, options?: FrameOptions): Promise<FramePage>;
  /** Every frame of the job, by index, in pages of `limit`. */
  eachFrame(id: string, options?: FrameOptions): AsyncGenerator<Frame, void, undefined>;
  list(options?: ListOptions): Promise<JobPage>;
  /** Cancels what is not yet done; the second time as well as the first. */
  cancel(id: string, options?: CallOptions): Promise<Job>;
  /** Queues the failed frames of a failed job again. */
  retry(id: string, options?: RetryOptions): Promise<Job>;
  /** The job once it has ended, however it ended. */
  wait(id: string, options?: CallOptions): Promise<Job>;
  /** The job's events from the first, or behind `after`, until it ends; connections that break are opened again. */
  events(id: string, options?: EventOptions): AsyncGenerator<WireEvent, void, undefined>;
  downloadFrame(id: string, index?: number, options?: CallOptions): Promise<Picture>;
  stats(options?: CallOptions): Promise<Stats>;
  /** What was sent of the job's events to its webhook, and how it went. */
  deliveries(id: string, options?: CallOptions & { readonly cursor?: string }): Promise<DeliveryPage>;
  /** Sends a delivery again. */
  redeliver(deliveryId: string, options?: CallOptions): Promise<Delivery>;
  /** The addresses that webhooks went to, with their health, oldest first. */
  webhooks(options?: CallOptions): Promise<Endpoint[]>;
  /** Forgets an address and its secret; what waits for it becomes dead letters. The second time as well as the first. */
  deleteWebhook(endpointId: string, options?: CallOptions): Promise<void>;
}

const ENDED: ReadonlySet<Status> = new Set(["succeeded", "failed", "canceled", "expired"] satisfies Status[]);

/** Milliseconds for a picture on top of the usual ones: 20 MB over a slow line. */
const PICTURE_MS = 90_000;

/** Milliseconds before a job is followed again that goes on although its events had ended. */
const WAIT_PAUSE_MS = 500;

const MS_PER_SECOND = 1_000;

/** A client of one farm. It holds no connection and need not be closed. */
export function createLatentfarmClient(options: ClientOptions): LatentfarmClient {
  const transport = createTransport(options);
  const get = (id: string, { signal }: CallOptions = {}): Promise<Job> =>
    transport.read({ path: jobPath(id), signal });
  const post = (path: string, call: Pick<Call, "signal" | "isRepeatable">) => ({
    method: "POST" as const,
    path,
    ...call,
  });
  const events = (id: string, given: EventOptions = {}) =>
    readEvents(transport, `${jobPath(id)}/events`, { ...options, ...given });
  const frames = (id: string, { signal, status, limit, cursor }: FrameOptions = {}): Promise<FramePage> =>
    transport.read({ path: `${jobPath(id)}/frames`, query: { status, limit, cursor }, signal });
  return {
    frames,
    async *eachFrame(id, given = {}) {
      let cursor: string | null | undefined = given.cursor;
      do {
        const page = await frames(id, cursor === undefined ? given : { ...given, cursor });
        yield* page.frames;
        cursor = page.next_cursor;
      } while (cursor !== null);
    },
    submit: (job, given) => submit(transport, job, given),
    dryRun: (body, { signal } = {}) =>
      transport.read({ ...post("/v1/jobs", { signal }), query: { dry_run: "true" }, body }),
    get,
    list: ({ signal, status, limit, cursor } = {}) =>
      transport.read({ path: "/v1/jobs", query: { status, limit, cursor }, signal }),
    cancel: (id, { signal } = {}) => transport.read(post(`${jobPath(id)}/cancel`, { signal })),
    retry: (id, { signal, idempotencyKey = createIdempotencyKey() } = {}) =>
      transport.read({
        ...post(`${jobPath(id)}/retry`, { signal }),
        headers: { "idempotency-key": idempotencyKey },
      }),
    async wait(id, given) {
      for (let looks = 0; ; looks += 1) {
        const job = await get(id, given);
        if (ENDED.has(job.status)) return job;
        if (looks > 0) await (options.pause ?? pause)(WAIT_PAUSE_MS, given?.signal);
        for await (const _event of events(id, given));
      }
    },
    events,
    downloadFrame: (id, index = 0, given) =>
      downloadFrame(transport, `${jobPath(id)}/frames/${index}`, given),
    stats: ({ signal } = {}) => transport.read({ path: "/v1/stats", signal }),
    deliveries: (id, { signal, cursor } = {}) =>
      transport.read({ path: `${jobPath(id)}/deliveries`, query: { cursor }, signal }),
    redeliver: (id, { signal } = {}) =>
      transport.read(
        post(`/v1/deliveries/${encodeURIComponent(id)}/redeliver`, { signal, isRepeatable: false }),
      ),
    webhooks: async ({ signal } = {}) => {
      const list = await transport.read<{ endpoints: Endpoint[] }>({ path: "/v1/webhooks", signal });
      return list.endpoints;
    },
    deleteWebhook: async (id, { signal } = {}) => {
      await transport.send({ method: "DELETE", path: `/v1/webhooks/${encodeURIComponent(id)}`, signal });
    },
  };
}

/** The key is made once for all tries: an answer that was lost is not a second job. */
function submit(
  transport: Transport,
  body: Submission,
  { idempotencyKey = createIdempotencyKey(), waitSeconds, signal }: SubmitOptions = {},
): Promise<Job> {
  const prefer = waitSeconds === undefined ? {} : { prefer: `wait=${waitSeconds}` };
  return transport.read({
    method: "POST",
    path: "/v1/jobs",
    headers: { "idempotency-key": idempotencyKey, ...prefer },
    body,
    signal,
    extraMs: (waitSeconds ?? 0) * MS_PER_SECOND,
  });
}

async function downloadFrame(
  transport: Transport,
  path: string,
  { signal }: CallOptions = {},
): Promise<Picture> {
  const response = await transport.send({ path, signal, extraMs: PICTURE_MS });
  try {
    const bytes = new Uint8Array(await response.arrayBuffer());
    return { bytes, contentType: response.headers.get("content-type") ?? "application/octet-stream" };
  } catch (cause) {
    signal?.throwIfAborted();
    throw new LatentfarmError("unreachable", "Cannot read the picture: the connection broke off", { cause });
  }
}

function jobPath(id: string): string {
  return `/v1/jobs/${encodeURIComponent(id)}`;
}
