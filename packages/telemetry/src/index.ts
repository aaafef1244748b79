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
