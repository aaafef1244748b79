/** How many rows the next call of a class may have. */
export interface RowLimits {
  /** Rows at most; a frame that asks for more runs alone. */
  readonly rowsMax: number;
  /** Rows that fit the memory; a frame that asks for more runs row by row. */
  readonly rowsFit: number;
}

/** One call that went well. */
export interface CallMeasure {
  readonly rows: number;
  readonly durationMs: number;
}

/** Decides the row caps of the classes, and learns from what their calls took. */
export interface RowCaps {
  /** The limits of the next call of a class in which so many rows wait. */
  limits(classKey: string, waitingRows: number): RowLimits;
  observe(classKey: string, measure: CallMeasure): void;
  /** A call of so many rows ran out of memory. */
  outOfMemory(classKey: string, rows: number): void;
}

/**
 * The same cap for every class, lowered only for a class that ran out of memory: for benches and tests, which want to
 * choose the rows themselves.
 */
export function fixedCaps(rowsMax: number): RowCaps {
  if (!(rowsMax >= 1)) throw new RangeError(`Cannot cap a batch: rowsMax is ${rowsMax}, expected 1 or more`);
  const fits = new Map<string, number>();
  return {
    limits: (classKey) => {
      const rowsFit = fits.get(classKey) ?? Number.POSITIVE_INFINITY;
      return { rowsMax: Math.min(rowsMax, rowsFit), rowsFit };
    },
    observe: () => undefined,
    outOfMemory: (classKey, rows) => void fits.set(classKey, Math.max(1, rows - 1)),
  };
}
