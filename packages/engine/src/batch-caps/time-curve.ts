/** The time of a call by its rows. */
export interface CurvePoint {
  readonly rows: number;
  readonly ms: number;
  /** The process's private memory after the call, where known: the denoiser keeps its activation memory. */
  readonly memoryBytes?: number;
}

/** Measurements of one row count that stand for it: the median of five outvotes two slow calls. */
export const SAMPLES_MIN = 5;

/** Measurements of one row count that are kept: enough for a steady median, few enough to follow a change. */
export const SAMPLES_MAX = 9;

/** First calls of a row count that do not count: they find the memory arena too small. */
export const WARMUP_CALLS = 1;

/** Medians of call times by row count. */
export interface TimeCurve {
  add(point: CurvePoint): void;
  /** Drops what was measured above so many rows; the memory is warm all the same. */
  forget(aboveRows: number): void;
  /** The measurements of the best measured row count above `above` and up to `upTo`. */
  count(above: number, upTo: number): number;
  /** The most rows above `above` and up to `upTo` that were measured often enough, with their median. */
  largest(above: number, upTo: number): CurvePoint | undefined;
  /** The rows of a call, up to `cap`, with which so many waiting rows finish soonest on average. */
  soonest(waitingRows: number, cap: number): number;
  /** Every row count that was measured often enough, from few to many. */
  points(): readonly CurvePoint[];
}

interface Samples {
  warmup: number;
  ms: number[];
  memoryBytes: number | undefined;
}

/** Starts a curve, with saved medians as if they had just been measured. */
export function createTimeCurve(saved: readonly CurvePoint[] = []): TimeCurve {
  const samples = new Map<number, Samples>();
  for (const { rows, ms, memoryBytes } of saved) {
    samples.set(rows, { warmup: WARMUP_CALLS, ms: new Array<number>(SAMPLES_MIN).fill(ms), memoryBytes });
  }

  function points(): CurvePoint[] {
    return [...samples]
      .filter(([, { ms }]) => ms.length >= SAMPLES_MIN)
      .map(([rows, { ms, memoryBytes }]) => ({
        rows,
        ms: median(ms),
        ...(memoryBytes === undefined ? {} : { memoryBytes }),
      }))
      .sort((a, b) => a.rows - b.rows);
  }

  return {
    add: ({ rows, ms, memoryBytes }) => {
      const kept = samples.get(rows) ?? { warmup: WARMUP_CALLS, ms: [], memoryBytes: undefined };
      samples.set(rows, kept);
      if (memoryBytes !== undefined) kept.memoryBytes = Math.max(kept.memoryBytes ?? 0, memoryBytes);
      if (kept.warmup > 0) kept.warmup -= 1;
      else kept.ms = [...kept.ms, ms].slice(-SAMPLES_MAX);
    },
    forget: (aboveRows) => {
      for (const [rows, kept] of samples) if (rows > aboveRows) kept.ms = [];
    },
    count: (above, upTo) => {
      const inRange = [...samples].filter(([rows]) => rows > above && rows <= upTo);
      return Math.max(0, ...inRange.map(([, { ms }]) => ms.length));
    },
    largest: (above, upTo) => points().findLast(({ rows }) => rows > above && rows <= upTo),
    soonest: (waitingRows, cap) => soonestRows(points(), waitingRows, cap),
    points,
  };
}

/**
 * Frames that share finish together, frames that take turns one after the other: `n` rows in calls of `k` finish after
 * `time(k) * (n / k + 1) / 2` on average. A weak gain is worth sharing for many waiting rows and not for few.
 */
function soonestRows(points: readonly CurvePoint[], waitingRows: number, cap: number): number {
  const most = Math.min(waitingRows, cap);
  if (points.length === 0 || most < 1) return cap;
  const measured = points.map(({ rows }) => rows).filter((rows) => rows < most);
  let best = cap;
  let bestMs = interpolatedMs(points, most) * (waitingRows / most + 1);
  for (const rows of measured.reverse()) {
    const ms = interpolatedMs(points, rows) * (waitingRows / rows + 1);
    if (ms >= bestMs) continue;
    best = rows;
    bestMs = ms;
  }
  return best;
}

/** The time of a call between two measured ones; in proportion to the rows past the last. */
function interpolatedMs(points: readonly CurvePoint[], rows: number): number {
  const above = points.find((point) => point.rows >= rows);
  const below = points.findLast((point) => point.rows <= rows);
  if (above === undefined) return below === undefined ? 0 : (below.ms * rows) / below.rows;
  if (below === undefined || above.rows === below.rows) return above.ms;
  const share = (rows - below.rows) / (above.rows - below.rows);
  return below.ms + share * (above.ms - below.ms);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? upper) + upper) / 2;
}
