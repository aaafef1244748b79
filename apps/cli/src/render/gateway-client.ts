import { setTimeout as sleep } from "node:timers/promises";
import {
  FarmError,
  frameListSchema,
  isTerminalEvent,
  type Job,
  type JobId,
  jobSchema,
  LIMITS,
  modelListSchema,
  parseWith,
  problemSchema,
  type SubmitRequest,
  type WireEvent,
  wireEventSchema,
} from "@latentfarm/contract";
import { readEvents } from "./event-stream.js";

/** The calls that the command line makes to a gateway. Each can throw what the gateway answers, as a FarmError. */
export interface GatewayClient {
  readonly url: string;
  healthy(): Promise<boolean>;
  /** The names of the models that live workers serve. */
  models(): Promise<readonly string[]>;
  submit(request: SubmitRequest): Promise<Job>;
  /** The job with all of its frames, those that its answer does not list in further calls. */
  job(id: JobId): Promise<Job>;
  cancel(id: JobId): Promise<void>;
  /** The job's events from its first to its last; a broken connection is taken up where it broke. */
  events(id: JobId): AsyncIterable<WireEvent>;
  /** The bytes of a picture; `path` is the frame's `url`. */
  picture(path: string): Promise<Uint8Array>;
}

/** Milliseconds for one answer: the gateway answers in a few, a queue that is away within two seconds. */
const ANSWER_MS_MAX = 30_000;
const HEALTH_MS_MAX = 2_000;
/** Connections in a row that bring no event before the wait is given up. */
const BARREN_CONNECTIONS_MAX = 10;
const RECONNECT_DELAY_MS = 500;
const UNAUTHORIZED = 401;

/** How a client is made; the signal ends every call, `fetch` is a parameter for tests. */
export interface GatewayClientOptions {
  readonly url: string;
  readonly signal: AbortSignal;
  /** What the gateway is shown; a farm without keys asks for none. */
  readonly apiKey?: string | undefined;
  readonly fetch?: typeof fetch;
}

/** A client of the gateway at a URL. */
export function createGatewayClient(options: GatewayClientOptions): GatewayClient {
  const call = (path: string, init: RequestInit = {}) => request(options, path, init);
  const json = async (path: string, init: RequestInit = {}): Promise<unknown> =>
    (await call(path, init)).json();
  return {
    url: options.url,
    async healthy() {
      const signal = AbortSignal.timeout(HEALTH_MS_MAX);
      return await call("/healthz", { signal }).then(
        () => true,
        () => false,
      );
    },
    async models() {
      const list = parseWith(modelListSchema, await json("/v1/models"), "the gateway's models");
      return list.models.flatMap(({ name, workers }) => (workers > 0 ? [name] : []));
    },
    async submit(body) {
      const headers = { "content-type": "application/json" };
      const answer = await json("/v1/jobs", { method: "POST", headers, body: JSON.stringify(body) });
      return parseAnswer(jobSchema, answer);
    },
    async job(id) {
      const job = parseAnswer(jobSchema, await json(`/v1/jobs/${id}`));
      const frames = [...job.frames];
      for (let cursor = job.frames_next_cursor; cursor !== null; ) {
        const path = `/v1/jobs/${id}/frames?limit=${LIMITS.frames_page_max}&cursor=${cursor}`;
        const page = parseAnswer(frameListSchema, await json(path));
        frames.push(...page.frames);
        cursor = page.next_cursor;
      }
      return { ...job, frames };
    },
    async cancel(id) {
      // Called when the signal has aborted already, so it has only its own deadline.
      await request({ ...options, signal: AbortSignal.timeout(ANSWER_MS_MAX) }, `/v1/jobs/${id}/cancel`, {
        method: "POST",
      });
    },
    events: (id) => followEvents(id, options),
    async picture(path) {
      return new Uint8Array(await (await call(path)).arrayBuffer());
    },
  };
}

interface Schema<Answer> {
  safeParse(
    answer: unknown,
  ):
    | { readonly success: true; readonly data: Answer }
    | { readonly success: false; readonly error: { readonly issues: readonly { path: PropertyKey[] }[] } };
}

/** An answer that does not fit the contract is the server's fault, not a wrong call. */
function parseAnswer<Answer>(schema: Schema<Answer>, answer: unknown): Answer {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path.map(String).join(".") ?? "body";
  throw new FarmError("internal", `Cannot read the gateway's answer as a job: field ${field} is wrong`);
}

async function* followEvents(id: JobId, options: GatewayClientOptions): AsyncGenerator<WireEvent> {
  let last = 0;
  for (let barren = 0; barren < BARREN_CONNECTIONS_MAX; barren++) {
    try {
      for await (const event of connectEvents(id, last, options)) {
        barren = 0;
        last = event.id;
        yield event;
        if (isTerminalEvent(event.type)) return;
      }
    } catch (error) {
      if (options.signal.aborted || (error instanceof FarmError && !error.retryable)) throw error;
    }
    await sleep(RECONNECT_DELAY_MS, undefined, { signal: options.signal });
  }
  throw new FarmError(
    "timeout",
    `Cannot follow job ${id}: its event stream broke ${BARREN_CONNECTIONS_MAX} times`,
  );
}

async function* connectEvents(
  id: JobId,
  last: number,
  options: GatewayClientOptions,
): AsyncGenerator<WireEvent> {
  const headers: Record<string, string> = { accept: "text/event-stream" };
  if (last > 0) headers["last-event-id"] = String(last);
  const response = await request(options, `/v1/jobs/${id}/events`, { headers, signal: options.signal });
  if (!response.body) return;
  for await (const message of readEvents(response.body)) {
    const event = wireEventSchema.safeParse(JSON.parse(message.data));
    if (event.success && event.data.id > last) yield event.data;
  }
}

async function request(options: GatewayClientOptions, path: string, init: RequestInit): Promise<Response> {
  // A stream that is given its own signal has no deadline for its whole length.
  const signal = init.signal ?? AbortSignal.any([options.signal, AbortSignal.timeout(ANSWER_MS_MAX)]);
  const headers = new Headers(init.headers);
  if (options.apiKey !== undefined) headers.set("authorization", `Bearer ${options.apiKey}`);
  let response: Response;
  try {
    response = await (options.fetch ?? fetch)(new URL(path, options.url), { ...init, headers, signal });
  } catch (cause) {
    if (options.signal.aborted)
      throw new FarmError("canceled", "Cannot go on as the call was stopped", { cause });
    throw new FarmError("queue_unavailable", `Cannot reach the gateway: url is ${options.url}`, { cause });
  }
  if (response.ok) return response;
  if (response.status === UNAUTHORIZED) throw keyRefused(options);
  throw await toFarmError(response, path);
}

/** The gateway's own words speak of HTTP headers; a caller of the command line has an environment. */
function keyRefused({ url, apiKey }: GatewayClientOptions): FarmError {
  const message =
    apiKey === undefined
      ? `Cannot call ${url} without an API key: set FARM_API_KEY; make one with ./farm keys create`
      : `Cannot call ${url} with the key in FARM_API_KEY: it was revoked or is of another farm; make one with ./farm keys create`;
  return new FarmError("unauthorized", message);
}

async function toFarmError(response: Response, path: string): Promise<FarmError> {
  const problem = problemSchema.safeParse(await response.json().catch(() => undefined));
  if (!problem.success) {
    return new FarmError(
      "internal",
      `Cannot read the gateway's answer to ${path}: status is ${response.status}`,
    );
  }
  const { code, detail, title, errors, request_id } = problem.data;
  const trace = detail === undefined && request_id !== undefined ? ` (request ${request_id})` : "";
  return new FarmError(code, `${detail ?? title}${trace}`, { details: errors ? { errors } : {} });
}
