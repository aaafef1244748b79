/** Repeated measurements of one thing, in the unit of the measurements. */
export interface Summary {
  readonly median: number;
  /** The first decile. */
  readonly low: number;
  /** The ninth decile. */
  readonly high: number;
  readonly count: number;
}

const LOW_SHARE = 0.1;
const HIGH_SHARE = 0.9;

/** Median and deciles: on a machine with other work, a mean says more about that work. Throws for no values. */
export function summarize(values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError("Cannot summarize measurements: count is 0");
  const sorted = values.toSorted((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    low: quantile(sorted, LOW_SHARE),
    high: quantile(sorted, HIGH_SHARE),
    count: sorted.length,
  };
}

/** How long many calls of one kind took, in milliseconds: what a client meets, so the tail counts. */
export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  readonly count: number;
}

/** The percentiles of measured times. Throws for no values. */
export function summarizeLatency(valuesMs: Iterable<number>): Latency {
  const sorted = [...valuesMs].sort((a, b) => a - b);
  if (sorted.length === 0) throw new RangeError("Cannot summarize latencies: count is 0");
  return {
    p50: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    max: quantile(sorted, 1),
    count: sorted.length,
  };
}

/** The value that so large a share lies below; 0 of none. */
export function quantileOf(values: readonly number[], share: number): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    share,
  );
}

/** Linear between neighbours. Source: Hyndman and Fan 1996, "Sample quantiles", definition 7. */
function quantile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? 0;
  const above = sorted[Math.ceil(place)] ?? below;
  return below + (above - below) * (place - Math.floor(place));
}
