import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "../root.js";
import { adalnWeights, forwardTflop, LARGE, MEDIUM, tokenWeights } from "./denoiser-work.js";
import { estimatePicture, framesOfCall } from "./estimate-picture.js";
import { GPU_MACHINES, type GpuMachine } from "./gpu-machines.js";

const square = (side: number) => ({ width: side, height: side });
const machine = (gpu: string): GpuMachine => {
  const found = GPU_MACHINES.find((one) => one.gpu === gpu);
  if (found === undefined) throw new Error(`no ${gpu}`);
  return found;
};
const CFG = { denoiser: LARGE, side: 1_024, steps: 28, rows: 2 } as const;
const HALF = { efficiency: 0.5, textTokens: 333 };

describe("forwardTflop()", () => {
  // Counted by hand from the published architectures, apart from this code.
  test.each([
    [LARGE, 512, 154, 6.9],
    [LARGE, 512, 333, 8],
    [LARGE, 768, 333, 16.8],
    [LARGE, 1_024, 154, 29.6],
    [LARGE, 1_024, 333, 31.1],
    [MEDIUM, 1_024, 333, 11.2],
  ])("forwardTflop() of %o at %i with %i text tokens is %d", (denoiser, side, textTokens, tflop) => {
    expect(forwardTflop(denoiser, square(side), textTokens)).toBeCloseTo(tflop, 0);
    expect(Math.abs(forwardTflop(denoiser, square(side), textTokens) / tflop - 1)).toBeLessThan(0.02);
  });

  test("weights add up to the model's 8.09 billion", () => {
    expect(tokenWeights(LARGE) / 1e9).toBeCloseTo(5.39, 2);
    expect((tokenWeights(LARGE) + adalnWeights(LARGE)) / 1e9).toBeCloseTo(8.09, 2);
  });
});

describe("estimatePicture()", () => {
  test.each([
    ["L4", 14.4, 31],
    ["A10G", 24.9, 51],
    ["L40S", 4.8, 10.7],
    ["H100", 1.76, 3.8],
  ])(
    "estimatePicture() on the %s is bound by %d s and takes %d s at half of the peak",
    (gpu, bound, half) => {
      const estimate = estimatePicture(machine(gpu), CFG, HALF);
      expect(Math.abs(estimate.secondsAtPeak / bound - 1)).toBeLessThan(0.02);
      expect(Math.abs(estimate.secondsAlone / half - 1)).toBeLessThan(0.05);
    },
  );

  test("sharing gains by the weights that are decoded once for all", () => {
    const small = { denoiser: LARGE, side: 512, steps: 28, rows: 2 } as const;
    const large = estimatePicture(machine("L4"), CFG, HALF);
    const gain = ({ secondsAlone, secondsShared }: typeof large) => secondsAlone / secondsShared;
    expect(gain(large)).toBeGreaterThan(1.02);
    expect(gain(large)).toBeLessThan(1.06);
    expect(gain(estimatePicture(machine("L4"), small, HALF))).toBeGreaterThan(1.2);
  });

  test("a call takes as many frames as the engine lets it", () => {
    const source = readFileSync(join(ROOT, "packages/engine/src/loop/step-batcher.ts"), "utf8");
    expect(source).toContain("BATCH_ROWS_MAX = 16;");
    expect(source).toContain("BATCH_PATCHES_MAX = 16_384;");
    expect(framesOfCall({ side: 1_024, rows: 2 })).toBe(2);
    expect(framesOfCall({ side: 512, rows: 2 })).toBe(8);
    expect(framesOfCall({ side: 512, rows: 1 })).toBe(16);
    expect(framesOfCall({ side: 2_048, rows: 2 })).toBe(1);
  });
});
