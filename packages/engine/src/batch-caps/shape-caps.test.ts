import { describe, expect, test } from "vitest";
import { createShapeCaps, GAIN_MIN, REPROBE_CALLS, type ShapeCaps } from "./shape-caps.js";
import { SAMPLES_MIN, WARMUP_CALLS } from "./time-curve.js";

/** Enough calls to climb to the top and to settle. */
const CALLS = 12 * (SAMPLES_MIN + WARMUP_CALLS);

/** A shape that many rows wait for, on a device whose calls take `ms`; the rows of each call. */
function drive(shape: ShapeCaps, ms: (rows: number, call: number) => number, calls = CALLS): number[] {
  return Array.from({ length: calls }, (_, call) => {
    const rows = shape.rowsMax(64);
    shape.observe({ rows, ms: ms(rows, call) });
    return rows;
  });
}

const settled = (rows: readonly number[]) => rows.at(-1);

/** Calls whose rows per second grow by a share with each doubling of the rows. */
const gaining = (share: number) => (rows: number) => (100 * rows) / (1 + share) ** Math.log2(rows);

describe("createShapeCaps()", () => {
  test("starts at one frame and grows to the top while it gains", () => {
    const rows = drive(createShapeCaps({ rowsMax: 16 }), gaining(0.5));
    expect(rows[0]).toBe(1);
    expect(rows.slice(0, 12)).toEqual([1, 1, 1, 1, 1, 1, 1, 2, 2, 1, 2, 1]);
    expect(settled(rows)).toBe(16);
  });

  test("starts at the rows of a guided frame", () => {
    const shape = createShapeCaps({ rowsMax: 16 });
    const calls = Array.from({ length: CALLS }, () => {
      const rows = Math.max(2, shape.rowsMax(64));
      shape.observe({ rows, ms: gaining(0.5)(rows) });
      return rows;
    });
    expect(calls.slice(0, 10)).toEqual([2, 2, 2, 2, 2, 2, 2, 4, 4, 2]);
    expect(shape.record().cap).toBe(16);
  });

  test.each([
    ["no gain", gaining(0), 1],
    ["a gain within the noise", gaining(GAIN_MIN * 0.8), 1],
    ["a gain past the noise", gaining(GAIN_MIN * 1.2), 16],
    ["a gain up to 4 rows", (rows: number) => (rows <= 4 ? 100 : 25 * rows), 4],
  ])("settles by the rows per second: %s", (_, ms, cap) => {
    const shape = createShapeCaps({ rowsMax: 16 });
    drive(shape, ms);
    expect(shape.record()).toMatchObject({ cap, settled: true });
  });

  test("is not led astray by slow first calls and single slow ones", () => {
    const warm = new Set<number>();
    const shape = createShapeCaps({ rowsMax: 16 });
    drive(shape, (rows, call) => {
      const isFirst = !warm.has(rows);
      warm.add(rows);
      return gaining(0.5)(rows) * (isFirst ? 50 : call % 7 === 0 ? 8 : 1);
    });
    expect(shape.record().cap).toBe(16);
  });

  test("waits for rows before it judges them", () => {
    const shape = createShapeCaps({ rowsMax: 16 });
    for (let call = 0; call < CALLS; call += 1)
      shape.observe({ rows: Math.min(2, shape.rowsMax(2)), ms: 10 });
    expect(shape.record()).toMatchObject({ cap: 4, settled: false });
  });

  test("shares a weak gain between many waiting rows and not between two frames", () => {
    const shape = createShapeCaps({ rowsMax: 16 });
    drive(shape, gaining(0.2));
    expect(shape.record().cap).toBe(16);
    expect(shape.rowsMax(2)).toBe(1);
    expect(shape.rowsMax(1000)).toBe(16);
  });

  test("measures a settled shape again and follows what it finds", () => {
    const shape = createShapeCaps({ rowsMax: 16 });
    drive(shape, gaining(0));
    expect(shape.record().cap).toBe(1);
    drive(shape, gaining(0.5), REPROBE_CALLS + CALLS);
    expect(shape.record().cap).toBe(16);
    drive(shape, gaining(0), 2 * REPROBE_CALLS + 2);
    expect(shape.record().cap).toBeLessThan(16);
  });

  test("keeps its record while it measures again", () => {
    const shape = createShapeCaps({ rowsMax: 16 });
    drive(shape, gaining(0.5));
    const records = new Set<number>();
    const calls = new Set<number>();
    for (let call = 0; call < REPROBE_CALLS; call += 1) {
      for (const rows of drive(shape, gaining(0.5), 1)) calls.add(rows);
      records.add(shape.record().cap);
    }
    expect(calls.size).toBeGreaterThan(1);
    expect([...records]).toEqual([16]);
  });

  test("keeps below the rows that ran out of memory until it measures again", () => {
    const shape = createShapeCaps({ rowsMax: 16 });
    drive(shape, gaining(0.5));
    shape.outOfMemory(16);
    expect([shape.rowsMax(64), shape.rowsFit()]).toEqual([8, 15]);
    shape.outOfMemory(6);
    expect([shape.rowsMax(64), shape.rowsFit()]).toEqual([4, 5]);
    shape.outOfMemory(1);
    expect([shape.rowsMax(64), shape.rowsFit()]).toEqual([1, 1]);
    drive(shape, gaining(0.5), 8 * REPROBE_CALLS + CALLS);
    expect(shape.record().cap).toBe(16);
  });

  test.each([
    [1000, 16],
    [999, 8],
  ])("does not grow past the memory: budget is %i", (memoryBytesMax, cap) => {
    const shape = createShapeCaps({ rowsMax: 16, memoryBytesMax });
    for (let call = 0; call < CALLS; call += 1) {
      const rows = shape.rowsMax(64);
      shape.observe({ rows, ms: gaining(0.5)(rows), memoryBytes: 200 + 50 * rows });
    }
    expect(shape.record().cap).toBe(cap);
  });

  test("goes on where its record ends", () => {
    const shape = createShapeCaps({ rowsMax: 16 });
    drive(shape, gaining(0.5));
    const again = createShapeCaps({ rowsMax: 16 }, shape.record());
    expect(again.rowsMax(64)).toBe(16);
    expect(again.record()).toEqual(shape.record());
    expect(createShapeCaps({ rowsMax: 8 }, shape.record()).rowsMax(64)).toBe(8);
  });
});
