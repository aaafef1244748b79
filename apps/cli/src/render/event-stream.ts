import { type EventSourceMessage, EventSourceParserStream } from "eventsource-parser/stream";

/** Bytes of one event: a preview picture in base64 with room; a server that sends more is not ours. */
const EVENT_BYTES_MAX = 4_194_304;

/** Reads server-sent events from a response body. Source: HTML standard, "Server-sent events". */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<EventSourceMessage> {
  const events = body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream({ maxBufferSize: EVENT_BYTES_MAX }));
  const reader = events.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
