export { METRICS_CONTENT_TYPE, renderFarmMetrics } from "./farm-metrics.js";
export { createLogger, type Logger, type LoggerOptions, type LogLevel } from "./logger.js";
