export { createLogger, type Logger, type LoggerOptions, type LogLevel } from "./logger.js";
export { describeMetrics } from "./metrics/describe-metrics.js";
export { type FarmNumbers, renderFarmMetrics } from "./metrics/farm-metrics.js";
export {
  type AttemptOutcome,
  METHODS,
  STATUS_CLASSES,
  type StoreOperation,
  type TenantClass,
  tenantClassOf,
} from "./metrics/label-sets.js";
export type { MetricProcess, MetricSpec } from "./metrics/metric-spec.js";
export { type LabelsOf, LIBRARY_METRICS, METRICS, type MetricName } from "./metrics/metric-table.js";
export { createMetrics, METRICS_CONTENT_TYPE, type Metrics } from "./metrics/metrics.js";
export {
  type MetricsServer,
  type MetricsServerOptions,
  startMetricsServer,
} from "./metrics/metrics-server.js";
export { type RedisNumbers, tellRedis } from "./metrics/tell-redis.js";
export { createTracing, ownTracing } from "./traces/create-tracing.js";
export { describeSpans } from "./traces/describe-spans.js";
export {
  ATTRIBUTES,
  type AttributeName,
  FRAMES_TRACED_MAX,
  SPANS,
  type SpanAttributes,
  type SpanName,
  type SpanProcess,
  type SpanSpec,
} from "./traces/span-table.js";
export { wantsTraces } from "./traces/trace-settings.js";
export { traceStoreCall } from "./traces/trace-store-call.js";
export {
  type FarmSpan,
  NO_TRACING,
  type OutageLog,
  type StartOptions,
  type TraceContext,
  type TraceLogFields,
  type Tracing,
  type TracingOptions,
} from "./traces/tracing.js";
