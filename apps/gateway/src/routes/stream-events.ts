import {
  eventToWire,
  FarmError,
  fieldsError,
  isTerminal,
  type JobEvent,
  type JobId,
  LIMITS,
} from "@latentfarm/contract";
import type { Response } from "express";
import type { GatewayContext } from "../context.js";
import { findJobHead } from "../find-job.js";
import { type StreamMessage, sendEventStream } from "../http/event-stream.js";
import type { Call, Route } from "../http/route.js";
import { requestSignal } from "../request-signal.js";

/** Event ids count from 1; nine digits are more events than a log keeps. */
const EVENT_ID = /^[0-9]{1,9}$/;

/** `GET /v1/jobs/{id}/events`: the job's log from the start or after `Last-Event-ID`, then live, until the job ends. */
export function streamEventsRoute(context: GatewayContext): Route {
  return {
    method: "get",
    path: "/v1/jobs/:id/events",
    scope: "read",
    handle: (call) => streamEvents(context, call),
  };
}

async function streamEvents(context: GatewayContext, call: Call): Promise<void> {
  const { request, response } = call;
  const after = readLastEventId(request.get("Last-Event-ID"));
  const job = await findJobHead(context, call);
  if (request.method === "HEAD") {
    response.type("text/event-stream").end();
    return;
  }
  const leave = context.held.take(job.tenant);
  if (leave === undefined) throw tooManyStreams();
  try {
    await sendEvents(context, response, { id: job.id, after, isEnded: isTerminal(job.status) });
  } finally {
    leave();
  }
}

/** A reader of one of the others leaves within seconds or hours: a farm whose clients poll meanwhile gets along. */
const FULL_RETRY_SECONDS = 10;

function tooManyStreams(): FarmError {
  const limit = "tenant_streams_max";
  const message = `is ${LIMITS[limit]} event streams and waits of a tenant at one gateway`;
  return new FarmError(
    "quota_exceeded",
    `Cannot stream the events as the tenant's limit is reached: ${limit} ${message}`,
    {
      details: {
        limit,
        retry_after_seconds: FULL_RETRY_SECONDS,
        errors: [{ path: `limits.${limit}`, message }],
      },
    },
  );
}

async function sendEvents(
  context: GatewayContext,
  response: Response,
  from: { readonly id: JobId; readonly after: number; readonly isEnded: boolean },
): Promise<void> {
  const { id, after, isEnded } = from;
  const signal = requestSignal(response, context.draining);
  const events = context.queue.events(id, { after, signal })[Symbol.asyncIterator]();
  try {
    // An ended job's log answers at once. One with nothing left is 204, which tells an EventSource not to come back.
    const first = isEnded ? await firstOf(events) : undefined;
    if (first?.done) {
      response.status(204).end();
      return;
    }
    const messages = toMessages(first?.value, events);
    await sendEventStream(response, messages, { heartbeatMs: context.heartbeatMs, signal });
  } catch (error) {
    if (!response.headersSent) throw error;
    // The reader comes back with Last-Event-ID, here or at another gateway.
    if (!signal.aborted) context.log.warn({ jobId: id, err: error }, "event stream broken off");
    response.end();
  } finally {
    await events.return?.();
  }
}

/** The first event of an ended job. A job that only its sidecar tells of has no log left. */
async function firstOf(events: AsyncIterator<JobEvent>): Promise<IteratorResult<JobEvent, unknown>> {
  try {
    return await events.next();
  } catch (error) {
    if (error instanceof FarmError && error.code === "not_found") return { done: true, value: undefined };
    throw error;
  }
}

async function* toMessages(
  first: JobEvent | undefined,
  events: AsyncIterator<JobEvent>,
): AsyncGenerator<StreamMessage> {
  if (first !== undefined) yield toMessage(first);
  for (let next = await events.next(); !next.done; next = await events.next()) yield toMessage(next.value);
}

function toMessage(event: JobEvent): StreamMessage {
  return { id: event.id, type: event.type, data: eventToWire(event) };
}

function readLastEventId(header: string | undefined): number {
  if (header === undefined || header === "") return 0;
  if (EVENT_ID.test(header)) return Number(header);
  throw fieldsError("the request", [{ path: "headers.last-event-id", message: "must be an event's id" }]);
}
