import { once } from "node:events";
import type { Response } from "express";
import { STREAM_RETRY_MS, STREAM_STALL_MS_MAX } from "../limits.js";

/** One message of a stream. */
export interface StreamMessage {
  readonly id: number;
  readonly type: string;
  readonly data: unknown;
}

/** How a stream runs. */
export interface StreamOptions {
  /** Milliseconds between comments while nothing happens. */
  readonly heartbeatMs: number;
  /** Ends the stream. */
  readonly signal: AbortSignal;
}

/**
 * Sends messages as server-sent events until they end. A reader that is slow slows the source; one that takes
 * nothing for STREAM_STALL_MS_MAX is cut. Source: html.spec.whatwg.org, "Server-sent events".
 */
export async function sendEventStream(
  response: Response,
  messages: AsyncIterable<StreamMessage>,
  options: StreamOptions,
): Promise<void> {
  // X-Accel-Buffering: nginx would otherwise hold events back.
  response.set({ "Content-Type": "text/event-stream", "X-Accel-Buffering": "no" });
  response.flushHeaders();
  await write(response, `retry: ${STREAM_RETRY_MS}\n\n`, options.signal);
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(": alive\n\n");
  }, options.heartbeatMs);
  try {
    for await (const message of messages) {
      await write(response, formatMessage(message), options.signal);
      heartbeat.refresh();
    }
  } finally {
    clearInterval(heartbeat);
  }
  response.end();
}

/** JSON text has no line breaks, so one `data` line holds it. */
function formatMessage(message: StreamMessage): string {
  return `id: ${message.id}\nevent: ${message.type}\ndata: ${JSON.stringify(message.data)}\n\n`;
}

async function write(response: Response, text: string, signal: AbortSignal): Promise<void> {
  if (response.write(text)) return;
  await once(response, "drain", {
    signal: AbortSignal.any([signal, AbortSignal.timeout(STREAM_STALL_MS_MAX)]),
  });
}
