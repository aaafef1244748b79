import type { TraceContext, Tracing } from "@latentfarm/telemetry";

const NOW = { startMs: 1_700_000_000_000 } as const;
const END_MS = 1_700_000_000_400;

/** Spans that {@link traceFrame} makes. */
export const SPANS_PER_FRAME = 20;

/**
 * Makes the spans of a job of one frame, all processes together: request, submit, wait, attempt with its parts, one run of
 * step batches, history, webhook. `draw` runs where the engine does.
 */
export async function traceFrame(tracing: Tracing, draw: () => Promise<unknown>): Promise<void> {
  const submitted = await traceRequest(tracing);
  const place = tracing.read(submitted) ?? tracing.root();
  tracing.start("wait", { parent: place, ...NOW, attributes: { "farm.frame.index": 0 } }).end(END_MS);
  const attempt = tracing.start("process_frame", {
    parent: place,
    attributes: { "messaging.system": "bullmq", "farm.job.id": "job_1", "farm.frame.attempt": 1 },
  });
  await tracing.with(attempt.context, () => traceAttempt(tracing, draw));
  attempt.end();
  await tracing.with(place, () =>
    tracing.span("file_job", { "farm.job.status": "succeeded" }, async () => traceStore(tracing, "put")),
  );
  await traceDelivery(tracing, place);
}

async function traceRequest(tracing: Tracing): Promise<string> {
  const request = tracing.start("request", {
    title: "POST",
    attributes: { "http.request.method": "POST", "url.scheme": "http" },
  });
  const submitted = await tracing.with(request.context, () =>
    tracing.span("submit", { "farm.job.id": "job_1", "farm.job.frames": 1 }, async (span) =>
      tracing.write(span.context),
    ),
  );
  request.rename("POST /v1/jobs");
  request.set({ "http.route": "/v1/jobs", "http.response.status_code": 202 });
  request.end();
  return submitted;
}

async function traceAttempt(tracing: Tracing, draw: () => Promise<unknown>): Promise<void> {
  await tracing.span("find", {}, async () => traceStore(tracing, "head"));
  await tracing.span("render", { "farm.plan": "cpu" }, async (span) => {
    await draw();
    const run = tracing.start("batches", {
      ...NOW,
      links: [span.context],
      attributes: { "farm.batch.calls": 20, "farm.batch.rows": 2, "farm.batch.class": ":8x8/154" },
    });
    run.end(END_MS);
    tracing.start("text", NOW).end(END_MS);
    tracing.start("steps", { ...NOW, links: [run.context] }).end(END_MS);
    tracing.start("decode", NOW).end(END_MS);
  });
  await tracing.span("encode", { "farm.picture.format": "png" }, async () => undefined);
  await tracing.span("upload", { "farm.picture.bytes": 9_000 }, async () => traceStore(tracing, "put"));
  await tracing.span("commit", {}, async () => undefined);
}

function traceStore(tracing: Tracing, operation: "head" | "put"): void {
  const attributes = { "farm.store.operation": operation, "farm.store.outcome": "ok" } as const;
  tracing.start("store", { title: `${operation} object`, ...NOW, attributes }).end(END_MS);
}

async function traceDelivery(tracing: Tracing, parent: TraceContext): Promise<void> {
  const filed = tracing.start("file_delivery", { parent, attributes: { "farm.delivery.id": "msg_job_1_5" } });
  filed.end();
  const turn = tracing.start("process_delivery", {
    parent: tracing.read(tracing.write(filed.context)) ?? tracing.root(),
  });
  await tracing.with(turn.context, () =>
    tracing.span("post", { "http.request.method": "POST" }, async (span) =>
      span.set({ "http.response.status_code": 204 }),
    ),
  );
  turn.end();
}
