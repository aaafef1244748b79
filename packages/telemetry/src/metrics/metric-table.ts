import { COUNTER_TABLE, FARM_TABLE } from "./farm-table.js";
import { SERVICE_TABLE, WORKER_TABLE } from "./process-table.js";

/**
 * Every metric of the farm, by name: `farm_<noun>_<unit>[_total]`. The registry is made from it and refuses any other
 * name or label; docs/metrics.md is written from it; dashboards and alerts may name nothing else but
 * {@link LIBRARY_METRICS}.
 */
export const METRICS = { ...FARM_TABLE, ...COUNTER_TABLE, ...WORKER_TABLE, ...SERVICE_TABLE };

/** The table. */
export type MetricTable = typeof METRICS;

/** The name of a metric. */
export type MetricName = keyof MetricTable;

/** The names of the metrics of one type. */
export type NameOf<Type extends "counter" | "gauge" | "histogram"> = {
  [Name in MetricName]: MetricTable[Name]["type"] extends Type ? Name : never;
}[MetricName];

/** The labels of a metric with the values that each may have. */
export type LabelsOf<Name extends MetricName> = {
  readonly [Label in keyof MetricTable[Name]["labels"]]: MetricTable[Name]["labels"][Label] extends readonly (infer Value extends
    string)[]
    ? Value
    : string;
};

/** What prom-client tells by itself of process and event loop and what dashboards may use of it, with the meaning of each. */
export const LIBRARY_METRICS = {
  process_cpu_seconds_total: "Seconds of CPU time, user and system",
  process_resident_memory_bytes: "Bytes of memory that the process holds",
  process_start_time_seconds: "When the process started, in seconds since 1970",
  nodejs_eventloop_lag_p99_seconds:
    "Seconds that 99 of 100 turns of the event loop were late at most since the last scrape",
  nodejs_eventloop_lag_max_seconds: "Seconds of the latest turn of the event loop since the last scrape",
  nodejs_gc_duration_seconds: "Seconds of garbage collections by kind",
  nodejs_heap_size_used_bytes: "Bytes of the heap in use",
} as const;
