import type { LabelValues } from "./label-sets.js";

/** The processes of a farm that export metrics. */
export const METRIC_PROCESSES = ["gateway", "worker", "courier"] as const;

/** A process of a farm that exports metrics. */
export type MetricProcess = (typeof METRIC_PROCESSES)[number];

/** One metric as the table has it. */
export interface MetricSpec {
  readonly type: "counter" | "gauge" | "histogram";
  /** A phrase with its unit; without a full stop. */
  readonly help: string;
  readonly labels: Readonly<Record<string, LabelValues>>;
  readonly processes: readonly MetricProcess[];
  /**
   * `farm`: the whole farm's number, kept in Redis and told by every gateway alike: a query takes `max`. `process`: the
   * process's own: a query takes `sum`.
   */
  readonly scope: "farm" | "process";
  /** Upper bounds, for a histogram. */
  readonly buckets?: readonly number[];
}

/** Seconds of calls on the network or a disk: from a page cache's 0.5 ms to the deadline of a slow store. */
export const CALL_SECONDS_BUCKETS = [
  0.0005, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
] as const;

/** Seconds of parts of a frame: a demo frame on a CPU takes 0.1 s, SD3.5 Large on one minutes, a full queue an hour. */
export const FRAME_SECONDS_BUCKETS = [
  0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 3600,
] as const;

/** Seconds until a webhook has arrived: the last of its attempts comes three days after the first. */
export const AGE_SECONDS_BUCKETS = [
  0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200, 21_600, 86_400, 259_200,
] as const;

/** Rows of a step batch, up to the cap of 16. */
export const ROWS_BUCKETS = [1, 2, 3, 4, 6, 8, 10, 12, 14, 16] as const;
