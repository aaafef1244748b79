import type { WireEvent } from "@latentfarm/contract";
import { createParser } from "eventsource-parser";
import { LatentfarmError } from "./latentfarm-error.js";
import { pause } from "./pause.js";
import type { ClientOptions, Transport } from "./transport.js";

/** Which events, and for how long. */
export interface EventOptions {
  /** The id of the last event that is known; all of them when absent. */
  readonly after?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Characters of one event: a preview is a small JPEG in base64, and a job of 10,000 frames has no event that lists them. */
const EVENT_CHARS_MAX = 4_194_304;

/** Milliseconds of silence after which a stream counts as broken: the farm sends a comment every 15 s. */
const SILENCE_MS_MAX = 45_000;

/** Milliseconds before a broken stream is asked for again. */
const RECONNECT_MS = 2_000;

/** Connections in a row that bring no event before the reader is told. */
const FRUITLESS_MAX = 10;

/** Ends the job, and so the stream; only a retry of failed frames goes on behind one. */
const LAST_EVENTS: ReadonlySet<WireEvent["type"]> = new Set([
  "job.succeeded",
  "job.failed",
  "job.canceled",
  "job.expired",
]);

const NO_CONTENT = 204;

const TOO_MANY_REQUESTS = 429;
const SERVER_ERROR = 500;

/**
 * A job's events, each once and in order, until the job has ended: which the farm says by status 204, since a job that was
 * retried has events behind its first end. A connection that breaks is opened again behind the last event that came.
 * Source: html.spec.whatwg.org, "Server-sent events".
 * @throws {LatentfarmError} not_found and the like; unreachable after 10 connections that brought nothing.
 */
export async function* readEvents(
  transport: Transport,
  path: string,
  options: EventOptions & Pick<ClientOptions, "pause">,
): AsyncGenerator<WireEvent, void, undefined> {
  let after = options.after ?? 0;
  let isEnd = false;
  for (let fruitless = 0; fruitless < FRUITLESS_MAX; fruitless += 1) {
    let isBroken = false;
    try {
      for await (const event of readStream(transport, { path, after, signal: options.signal })) {
        if (event.id <= after) continue;
        after = event.id;
        isEnd = LAST_EVENTS.has(event.type);
        fruitless = -1;
        yield event;
      }
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error === NOTHING_LEFT) return;
      if (isFinal(error)) throw error;
      isBroken = true;
    }
    if (isBroken || !isEnd || fruitless >= 0) await (options.pause ?? pause)(RECONNECT_MS, options.signal);
  }
  if (isEnd) return;
  throw new LatentfarmError(
    "unreachable",
    `Cannot follow the job's events: ${FRUITLESS_MAX} connections failed`,
  );
}

/** True for what a later try cannot change. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof LatentfarmError)) return true;
  const { code, status } = error;
  if (code === "unreachable" || code === "timed_out") return false;
  return status === undefined || (status < SERVER_ERROR && status !== TOO_MANY_REQUESTS);
}

/** Status 204: the job has ended, and there is nothing behind the last event. */
const NOTHING_LEFT = Symbol("nothing left");

/** The events of one connection. */
async function* readStream(
  transport: Transport,
  {
    path,
    after,
    signal,
  }: { readonly path: string; readonly after: number; readonly signal: AbortSignal | undefined },
): AsyncGenerator<WireEvent, void, undefined> {
  const silence = new AbortController();
  const stop = signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal]);
  const listen = (): ReturnType<typeof setTimeout> => setTimeout(() => silence.abort(), SILENCE_MS_MAX);
  let timer = listen();
  try {
    const headers = {
      accept: "text/event-stream",
      ...(after === 0 ? {} : { "last-event-id": String(after) }),
    };
    const response = await transport.open({ path, headers }, stop);
    if (response.status === NO_CONTENT) throw NOTHING_LEFT;
    for await (const events of parse(response)) {
      clearTimeout(timer);
      yield* events;
      timer = listen();
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/** The events of each chunk. */
async function* parse(response: Response): AsyncGenerator<WireEvent[], void, undefined> {
  let events: WireEvent[] = [];
  const parser = createParser({
    maxBufferSize: EVENT_CHARS_MAX,
    onEvent: ({ data }) => events.push(readEvent(data)),
    onError: ({ type }) => {
      // Fields and pauses that the client does not know are passed over, as the standard has it.
      if (type !== "max-buffer-size-exceeded") return;
      throw new LatentfarmError("unexpected_answer", "Cannot read on: an event is too large");
    },
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  for (let chunk = await readChunk(reader); !chunk.done; chunk = await readChunk(reader)) {
    parser.feed(chunk.value);
    yield events;
    events = [];
  }
}

/** The farm's word is taken for the form of an event, as for that of every answer. */
function readEvent(data: string): WireEvent {
  try {
    return JSON.parse(data) as WireEvent;
  } catch (cause) {
    throw new LatentfarmError("unexpected_answer", "Cannot read an event as JSON", { cause });
  }
}

async function readChunk(reader: {
  read(): Promise<{ done: false; value: string } | { done: true; value?: string | undefined }>;
}): Promise<{ done: false; value: string } | { done: true }> {
  try {
    return await reader.read();
  } catch (cause) {
    throw new LatentfarmError("unreachable", "Cannot read on: the stream broke off", { cause });
  }
}
