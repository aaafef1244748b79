import { ATTRIBUTES, FRAMES_TRACED_MAX, SPANS, type SpanSpec } from "./span-table.js";

const HEAD = `# Traces

Written from the table in \`packages/telemetry/src/traces\` by \`node test/dist/metrics/make-docs.js\`; a test holds it up to date.

Every job can be followed through all processes of the farm, as one trace of OpenTelemetry: the request, the wait in the queue,
each attempt at a frame, the step batches that it shared, the upload, the webhook.

## Switching on

Traces are off until an OTLP endpoint is named; then gateway, workers and couriers send spans there, as protobuf over HTTP:

\`\`\`sh
OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 ./farm up
\`\`\`

Jaeger (version 2 takes OTLP at port 4318 by itself), Grafana Tempo and an OpenTelemetry Collector all take that. On a cluster
every process is given the address of the collector of its node.

| environment | what |
| --- | --- |
| \`OTEL_EXPORTER_OTLP_ENDPOINT\` | the collector; \`/v1/traces\` is put behind it. \`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT\` is the whole URL |
| \`OTEL_EXPORTER_OTLP_HEADERS\` | such as \`authorization=Bearer%20…\`; the engine process never sees them |
| \`OTEL_EXPORTER_OTLP_TIMEOUT\` | milliseconds for one export, repeats included; 3,000 when absent, 10,000 at most |
| \`OTEL_EXPORTER_OTLP_PROTOCOL\` | \`http/protobuf\` is the only one |
| \`OTEL_TRACES_SAMPLER\` | \`parentbased_always_on\` when absent; \`parentbased_traceidratio\` with \`OTEL_TRACES_SAMPLER_ARG=0.1\` takes a tenth of the jobs |
| \`OTEL_SERVICE_NAME\` | \`latentfarm-gateway\`, \`-worker\`, \`-courier\` when absent; \`farm.process\` tells them apart either way |
| \`OTEL_RESOURCE_ATTRIBUTES\` | such as \`deployment.environment.name=production\` |
| \`OTEL_BSP_*\`, \`OTEL_SPAN_*\` | batches and limits, as the SDK has them |
| \`OTEL_SDK_DISABLED=true\`, \`OTEL_TRACES_EXPORTER=none\` | off |

A value that would leave you without traces, or with another share of them than you asked for, stops the process with its name.

## What to expect

- **One trace a job.** A client that sends \`traceparent\` finds the job in its own trace. Its sampling flag is obeyed by the
  \`parentbased_\` samplers; who does not want to obey strangers takes \`traceidratio\`, by which every process decides alike.
  \`tracestate\` and baggage are not taken over.
- **Every answer** of the gateway but those to probes and scrapes says \`traceresponse: 00-<trace id>-<span id>-<flags>\`, errors too.
- **Logs.** Each line of work at hand has \`trace_id\`, \`span_id\` and \`trace_flags\` beside \`jobId\`, whether the trace is
  sampled or not.
- **Step batches** serve frames of several jobs. A run of calls with the same frames is one span; it hangs in the trace of the
  first of its frames and has a link to each, and \`run steps\` of each frame has links back.
- **Volume.** The first ${FRAMES_TRACED_MAX} frames of a job are traced, some fifteen spans each; of the others, the log's lines have the trace id.
  A request is a span too, so each look at a job is a small trace of its own.
- **A collector that is away or too slow** costs no frame anything: up to 2,048 spans wait, the rest is dropped. The log says so
  once, and once it is back how many were lost. The end of a process waits 2 s for its last spans, and longer, up to the
  milliseconds of an export, only where a collector has asked it by \`Retry-After\` to come again.
- **A worker that is killed** takes the spans that were open with it: what hangs below them shows as an orphan. The next attempt
  hangs below \`submit job\` again.
- **A receiver of webhooks** is told nothing of the trace, unless \`FARM_WEBHOOK_TRACEPARENT=1\` sends it \`traceparent\`.
- Nothing that a client wrote is in a span: no prompt, no address, no tenant's name, no path but its template.
`;

/** The text of docs/traces.md. */
export function describeSpans(): string {
  const spans = Object.values<SpanSpec>(SPANS).map(
    ({ title, kind, from, below, what }) =>
      `| \`${title}\` | ${kind} | ${from.join(", ")} | ${what} | ${below} |`,
  );
  const attributes = Object.entries(ATTRIBUTES).map(([name, what]) => `| \`${name}\` | ${what} |`);
  return [
    HEAD,
    "## Spans",
    "",
    "| span | kind | from | what | below |",
    "| --- | --- | --- | --- | --- |",
    ...spans,
    "",
    "## Attributes",
    "",
    "`http.`, `url.`, `error.` and `messaging.` are OpenTelemetry's semantic conventions; `farm.` is ours.",
    "",
    "| attribute | what |",
    "| --- | --- |",
    ...attributes,
    "",
  ].join("\n");
}
