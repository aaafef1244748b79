import { LatentfarmError } from "./latentfarm-error.js";
import { pause } from "./pause.js";
import { readProblem } from "./read-problem.js";

/** Where the farm is, and how it is reached. */
export interface ClientOptions {
  /** Such as `https://farm.example` or `http://localhost:8080`; the paths are put behind it. */
  readonly baseUrl: string;
  /** An API key, `lf_…`; a farm on a laptop has none until the first is made. It does not belong into web pages. */
  readonly apiKey?: string;
  /** How often a call is repeated that the farm refused for now (429, 503) or that got no answer; 4 when absent. */
  readonly retriesMax?: number;
  /** Milliseconds for one try of a call, a wait that the farm was asked for not counted; 30,000 when absent. */
  readonly timeoutMs?: number;
  readonly fetch?: typeof fetch;
  readonly random?: () => number;
  /** Waits, and rejects when the signal aborts. */
  readonly pause?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** One call. */
export interface Call {
  readonly method?: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds on top of the usual ones. */
  readonly extraMs?: number;
  /** False for a call that means something else the second time: it is repeated only when it was refused by 429. */
  readonly isRepeatable?: boolean;
}

/** Makes calls. */
export interface Transport {
  /** The answer, once its status is 2xx; its body is for the caller to read, within the call's time. */
  send(call: Call): Promise<Response>;
  /** The same, with the body read as JSON. */
  read<Body>(call: Call): Promise<Body>;
  /** One try without a limit of time, for streams. */
  open(call: Call, signal: AbortSignal): Promise<Response>;
}

const RETRIES_MAX = 4;
const TIMEOUT_MS = 30_000;

/** Milliseconds of the first pause, doubled each time: a gateway that restarts is back within a few seconds. */
const PAUSE_MS = 500;

/** Milliseconds that a call waits before it is repeated: a farm that asks for more is told of to the caller. */
const PAUSE_MS_MAX = 30_000;

const TOO_MANY_REQUESTS = 429;

/** Refused for now, or not answered by the farm behind a proxy. */
const TEMPORARY: ReadonlySet<number | undefined> = new Set([undefined, TOO_MANY_REQUESTS, 502, 503, 504]);

const MS_PER_SECOND = 1_000;

/** Makes calls to one farm. */
export function createTransport(options: ClientOptions): Transport {
  const { retriesMax = RETRIES_MAX, timeoutMs = TIMEOUT_MS, random = Math.random } = options;
  const wait = options.pause ?? pause;
  const send = async (call: Call): Promise<Response> => {
    for (let tries = 0; ; tries += 1) {
      const limit = AbortSignal.timeout(timeoutMs + (call.extraMs ?? 0));
      const signal = call.signal === undefined ? limit : AbortSignal.any([call.signal, limit]);
      try {
        return await tryOnce(options, call, signal);
      } catch (error) {
        call.signal?.throwIfAborted();
        if (!(error instanceof LatentfarmError) || tries >= retriesMax) throw error;
        const pauseMs = pauseBefore(error, tries, random);
        if (!canRepeat(call, error) || pauseMs > PAUSE_MS_MAX) throw error;
        await wait(pauseMs, call.signal);
      }
    }
  };
  return {
    send,
    read: async <Body>(call: Call) => readJson<Body>(await send(call)),
    open: (call, signal) => tryOnce(options, call, signal),
  };
}

async function tryOnce(options: ClientOptions, call: Call, signal: AbortSignal): Promise<Response> {
  const { fetch: request = fetch } = options;
  const init: RequestInit = { method: call.method ?? "GET", headers: headersOf(options, call), signal };
  if (call.body !== undefined) init.body = JSON.stringify(call.body);
  let response: Response;
  try {
    response = await request(urlOf(options.baseUrl, call), init);
  } catch (error) {
    throw noAnswer(error);
  }
  if (response.ok) return response;
  throw await readProblem(response);
}

function noAnswer(cause: unknown): LatentfarmError {
  const isLate = cause instanceof Error && cause.name === "TimeoutError";
  return isLate
    ? new LatentfarmError("timed_out", "Cannot wait longer for the farm's answer: time is over", { cause })
    : new LatentfarmError("unreachable", "Cannot reach the farm: there is no answer", { cause });
}

async function readJson<Body>(response: Response): Promise<Body> {
  try {
    // The one place where the client takes the farm's word for the form of an answer: the contract is versioned.
    return (await response.json()) as Body;
  } catch (cause) {
    const message = `Cannot read the answer as JSON: status is ${response.status}`;
    throw new LatentfarmError("unexpected_answer", message, { status: response.status, cause });
  }
}

function headersOf({ apiKey }: ClientOptions, call: Call): Record<string, string> {
  return {
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    ...(call.body === undefined ? {} : { "content-type": "application/json" }),
    ...call.headers,
  };
}

function urlOf(baseUrl: string, { path, query = {} }: Call): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  const search = parameters.toString();
  return `${baseUrl.replace(/\/+$/, "")}${path}${search === "" ? "" : `?${search}`}`;
}

function canRepeat(call: Call, error: LatentfarmError): boolean {
  if (!TEMPORARY.has(error.status)) return false;
  return call.isRepeatable !== false || error.status === TOO_MANY_REQUESTS;
}

/** Milliseconds: what the farm asked for, else doubled each time, less up to a half by chance. */
function pauseBefore(error: LatentfarmError, tries: number, random: () => number): number {
  const own = PAUSE_MS * 2 ** tries * (1 - random() / 2);
  return Math.max(Math.round(own), (error.retryAfterSeconds ?? 0) * MS_PER_SECOND);
}
