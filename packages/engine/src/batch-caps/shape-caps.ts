import { type CurvePoint, createTimeCurve, type TimeCurve } from "./time-curve.js";

/**
 * How much a doubling of the rows must add to the rows per second before it counts as a gain: twice the spread of the
 * medians between repeats on a quiet machine.
 */
export const GAIN_MIN = 0.05;

/**
 * Calls until a shape that has settled is measured again: a busy neighbour or a hot device may be gone. Short, since a
 * verdict rests on few calls; the next ones are further apart.
 */
export const REPROBE_CALLS = 64;

/** Calls between two such measurements at most; the distance doubles with each. */
export const REPROBE_CALLS_MAX = 16_384;

/** What is known of a shape, as it is saved. */
export interface ShapeRecord {
  /** Rows at most: a power of two. */
  readonly cap: number;
  /** False while the first trials last. */
  readonly settled: boolean;
  /** The fewest rows that ran out of memory. */
  readonly memoryRows?: number;
  readonly points: readonly CurvePoint[];
}

/** What bounds the growth of a shape. */
export interface GrowthLimits {
  /** Rows, a power of two. */
  readonly rowsMax: number;
  /** Bytes of private memory that a call may lead to; no limit by default. */
  readonly memoryBytesMax?: number;
}

/** Learns the row cap of one shape. */
export interface ShapeCaps {
  /** Rows of the next call when so many wait. */
  rowsMax(waitingRows: number): number;
  /** Rows that are not known to run out of memory. */
  rowsFit(): number;
  /** Takes the time of a call, and the process's private memory after it where known. */
  observe(point: CurvePoint): void;
  outOfMemory(rows: number): void;
  record(): ShapeRecord;
}

/**
 * Where a shape stands. "climbing": the cap is on trial; calls of up to half of it and up to all of it take turns, so
 * that other work on the machine hits both, and the cap doubles when the larger ones gain rows per second, and goes
 * back to half when they do not. That, the top, or want of memory leads to "settled",
 * where a call shares as many rows as lets the waiting frames finish soonest on average. After some calls a settled
 * shape steps back by half, forgets what it measured from there on, and climbs again.
 */
type Phase = "climbing" | "settled";

/** Starts a shape at one frame a call, or where its record ends. */
export function createShapeCaps(limits: GrowthLimits, saved?: ShapeRecord): ShapeCaps {
  const curve = createTimeCurve(saved?.points);
  let phase: Phase = saved?.settled ? "settled" : "climbing";
  let cap = Math.min(saved?.cap ?? 1, limits.rowsMax);
  /** The last verdict; it stands for the shape while it is measured again. */
  let settledCap = saved?.settled ? cap : undefined;
  let memoryRows = saved?.memoryRows ?? Number.POSITIVE_INFINITY;
  let callsToProbe = REPROBE_CALLS;
  let probeDistance = REPROBE_CALLS;

  function settle(at: number): void {
    cap = Math.max(1, at);
    settledCap = cap;
    phase = "settled";
    callsToProbe = probeDistance;
    probeDistance = Math.min(probeDistance * 2, REPROBE_CALLS_MAX);
  }

  function tryRows(rows: number): void {
    phase = "climbing";
    cap = Math.max(1, rows);
    curve.forget(cap / 4);
  }

  function probeAgain(): void {
    memoryRows = Number.POSITIVE_INFINITY;
    tryRows(cap / 2);
  }

  /** Half the cap first, so that there is something to compare with when all of it has been measured. */
  function rowsOnTrial(): number {
    const isHalf = curve.count(cap / 4, cap / 2) <= curve.count(cap / 2, cap);
    return isHalf ? Math.max(1, cap / 2) : cap;
  }

  function climb(): void {
    const verdict = judge(curve, cap, { ...limits, rowsMax: Math.min(limits.rowsMax, memoryRows - 1) });
    if (verdict === "halve") settle(cap / 2);
    else if (verdict === "double") tryRows(cap * 2);
    else if (verdict === "keep") settle(cap);
  }

  return {
    rowsMax: (waitingRows) => (phase === "climbing" ? rowsOnTrial() : curve.soonest(waitingRows, cap)),
    rowsFit: () => memoryRows - 1,
    observe: (point) => {
      curve.add(point);
      if (phase === "climbing") {
        // A frame that alone has more rows than the cap is the first step of the ladder.
        while (cap < Math.min(point.rows, limits.rowsMax)) cap *= 2;
        climb();
      } else {
        callsToProbe -= 1;
        if (callsToProbe <= 0) probeAgain();
      }
    },
    outOfMemory: (rows) => {
      // One row that does not fit cannot be made smaller: the frame fails, the next one may be luckier.
      memoryRows = Math.max(2, Math.min(memoryRows, rows));
      settle(powerOfTwoBelow(memoryRows));
    },
    record: () => ({
      cap: settledCap ?? cap,
      settled: settledCap !== undefined,
      ...(memoryRows === Number.POSITIVE_INFINITY ? {} : { memoryRows }),
      points: curve.points(),
    }),
  };
}

/** What the calls say of a cap on trial; nothing before there are enough of them. */
function judge(
  curve: TimeCurve,
  cap: number,
  { rowsMax, memoryBytesMax = Number.POSITIVE_INFINITY }: GrowthLimits,
): "halve" | "double" | "keep" | undefined {
  const here = curve.largest(cap / 2, cap);
  if (here === undefined) return undefined;
  const below = curve.largest(0, cap / 2);
  if (below !== undefined && !gains(below, here)) return "halve";
  const next = cap * 2;
  return next <= rowsMax && projectedBytes(below, here, next) <= memoryBytesMax ? "double" : "keep";
}

function gains(below: CurvePoint, here: CurvePoint): boolean {
  const speedup = here.rows / here.ms / (below.rows / below.ms);
  return speedup >= 1 + GAIN_MIN * Math.log2(here.rows / below.rows);
}

/** The memory that a call of `rows` would lead to, were it to grow as it did from `below` to `here`. */
function projectedBytes(below: CurvePoint | undefined, here: CurvePoint, rows: number): number {
  if (here.memoryBytes === undefined || below?.memoryBytes === undefined) return 0;
  const perRow = Math.max(0, here.memoryBytes - below.memoryBytes) / (here.rows - below.rows);
  return here.memoryBytes + perRow * (rows - here.rows);
}

function powerOfTwoBelow(rows: number): number {
  return 2 ** Math.floor(Math.log2(Math.max(1, rows - 1)));
}
