import { describe, expect, it } from "vitest";
import { GPUS } from "./assumptions.js";
import { DrawingGpu, type GpuFrame } from "./drawing-gpu.js";

const { l4 } = GPUS;
const STEPS = 20;
const frame = (key: string, changes: Partial<GpuFrame> = {}): GpuFrame => ({
  key,
  side: 1024,
  steps: STEPS,
  from: 0,
  weight: 2,
  ...changes,
});

/** Milliseconds until each is done, by key. */
function play(gpu: DrawingGpu): ReadonlyMap<string, number> {
  const ends = new Map<string, number>();
  for (let nowMs = 0, next = gpu.next(); next !== undefined; next = gpu.next()) {
    nowMs += next.waitMs;
    gpu.remove(next.key, nowMs);
    ends.set(next.key, nowMs);
  }
  return ends;
}

describe("DrawingGpu", () => {
  it("takes the seconds of the roofline's table for a picture of 28 steps", () => {
    const gpu = new DrawingGpu(l4, 0);
    gpu.add(frame("a", { steps: 28 }), 0);
    // Source: shared facts, "Planning numbers": about 31 s on an L4.
    expect(play(gpu).get("a")).toBeGreaterThan(30_000);
    expect(gpu.busyMs).toBeLessThan(33_000);
  });

  it("draws one large picture after the other, the one with the least left first", () => {
    const gpu = new DrawingGpu(l4, 0);
    const alone = STEPS * l4.stepSeconds[1024] + l4.frameSeconds;
    gpu.add(frame("long"), 0);
    gpu.add(frame("short", { from: 10 }), 0);
    const ends = play(gpu);
    expect(ends.get("short")).toBeCloseTo((alone - 10 * l4.stepSeconds[1024]) * 1_000, -1);
    expect(ends.get("long")).toBeCloseTo((2 * alone - 10 * l4.stepSeconds[1024]) * 1_000, -1);
  });

  it("draws small pictures together, faster by the gain of sharing", () => {
    const gpu = new DrawingGpu(l4, 0);
    const keys = ["a", "b", "c", "d"];
    for (const key of keys) gpu.add(frame(key, { side: 512 }), 0);
    const alone = STEPS * l4.stepSeconds[512] + l4.frameSeconds;
    const ends = play(gpu);
    const { gain } = l4.sharing[512];
    for (const key of keys) expect(ends.get(key)).toBeCloseTo(((4 * alone) / gain) * 1_000, -1);
  });

  it("gives sizes turns by their weights", () => {
    const gpu = new DrawingGpu(l4, 0);
    gpu.add(frame("high", { weight: 4 }), 0);
    gpu.add(frame("low", { weight: 1, side: 768 }), 0);
    gpu.advance(10_000);
    expect(gpu.stepOf("high")).toBe(Math.floor(8 / l4.stepSeconds[1024]));
    expect(gpu.stepOf("low")).toBe(Math.floor(2 / l4.stepSeconds[768]));
  });

  it("counts the steps of an earlier attempt, and no more than there are", () => {
    const gpu = new DrawingGpu(l4, 0);
    gpu.add(frame("a", { from: 15 }), 0);
    expect(gpu.stepOf("a")).toBe(15);
    gpu.advance(3_600_000);
    expect(gpu.stepOf("a")).toBe(STEPS);
  });
});
