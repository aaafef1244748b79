import type { RowCaps } from "../loop/row-caps.js";
import { createShapeCaps, type GrowthLimits, type ShapeCaps, type ShapeRecord } from "./shape-caps.js";

/**
 * Shapes of one model that are kept: sizes times text lengths that people use. The one that was used the longest ago
 * gives way.
 */
export const SHAPES_MAX = 256;

/** What is known of each shape, by class. */
export type CapTable = Readonly<Record<string, ShapeRecord>>;

/** Row caps that are learnt from the calls. */
export interface LearnedCaps extends RowCaps {
  /** Counts the changes of caps: a table is worth saving again when it moved. */
  readonly changes: number;
  table(): CapTable;
}

/** How caps are learnt. */
export interface LearnedCapsOptions extends GrowthLimits {
  readonly saved?: CapTable;
  /** The process's private memory in bytes, where known. */
  readonly memoryBytes?: () => number | undefined;
}

/** Learns the row cap of each shape as {@link createShapeCaps} says. */
export function createLearnedCaps(options: LearnedCapsOptions): LearnedCaps {
  const { saved = {}, memoryBytes = () => undefined } = options;
  const shapes = new Map<string, ShapeCaps>(
    Object.entries(saved).map(([key, record]) => [key, createShapeCaps(options, record)]),
  );
  let changes = 0;

  function touch(key: string): ShapeCaps {
    const shape = shapes.get(key) ?? createShapeCaps(options);
    shapes.delete(key);
    shapes.set(key, shape);
    const [oldest] = shapes.keys();
    if (shapes.size > SHAPES_MAX && oldest !== undefined) shapes.delete(oldest);
    return shape;
  }

  function change(key: string, learn: (shape: ShapeCaps) => void): void {
    const shape = touch(key);
    const before = shape.record();
    learn(shape);
    const after = shape.record();
    const isSame = after.cap === before.cap && after.settled === before.settled;
    if (!isSame || after.memoryRows !== before.memoryRows) changes += 1;
  }

  return {
    get changes() {
      return changes;
    },
    limits: (key, waitingRows) => {
      const shape = touch(key);
      return { rowsMax: Math.min(shape.rowsMax(waitingRows), shape.rowsFit()), rowsFit: shape.rowsFit() };
    },
    observe: (key, { rows, durationMs }) => {
      const bytes = memoryBytes();
      const memory = bytes === undefined ? {} : { memoryBytes: bytes };
      change(key, (shape) => shape.observe({ rows, ms: durationMs, ...memory }));
    },
    outOfMemory: (key, rows) => change(key, (shape) => shape.outOfMemory(rows)),
    table: () => Object.fromEntries([...shapes].map(([key, shape]) => [key, shape.record()])),
  };
}
