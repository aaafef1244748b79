import { type Dtype, decodeFloat32 } from "@latentfarm/safetensors";
import { expect, test } from "vitest";
import { createWeightFill } from "./random-weights.js";

function bytesOf(dtype: Dtype, shape: readonly number[], seed: number): Buffer {
  const chunks = [...createWeightFill(seed)({ name: "w", dtype, shape })].map((chunk) => chunk.slice());
  return Buffer.concat(chunks);
}

test.each<Dtype>(["F8_E4M3", "F8_E5M2", "F16", "BF16", "F32"])(
  "createWeightFill() gives finite, small %s",
  (dtype) => {
    const values = decodeFloat32(dtype as never, bytesOf(dtype, [64, 64], 1)); // every row is a float dtype
    expect(values).toHaveLength(4096);
    expect(values.every((value) => Math.abs(value) < 2 ** -4)).toBe(true);
    expect(Math.abs(values.reduce((sum, value) => sum + value, 0) / values.length)).toBeLessThan(0.002);
    expect(new Set(values).size).toBeGreaterThan(40);
  },
);

test("createWeightFill() spans chunks exactly and repeats with its seed", () => {
  const shape = [3, 1_500_001];
  const first = bytesOf("F8_E4M3", shape, 1);
  expect(first.length).toBe(4_500_003);
  expect(first.equals(bytesOf("F8_E4M3", shape, 1))).toBe(true);
  expect(first.equals(bytesOf("F8_E4M3", shape, 2))).toBe(false);
});
