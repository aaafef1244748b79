import { DTYPE_BYTES, decodeFloat32 } from "@latentfarm/safetensors";
import { describe, expect, it } from "vitest";
import { synthFill } from "./synth-fill.js";
import { synthTensors } from "./synth-tensors.js";
import { synthTextTensors } from "./text-tensors.js";

/** Trained parameters: no position table (computed), no scales. */
function countParameters(tensors: ReturnType<typeof synthTensors>, prefix: string): number {
  return tensors
    .filter(({ name }) => name.startsWith(prefix) && !/pos_embed$|scale_weight$|scaled_fp8$/.test(name))
    .reduce((sum, { shape }) => sum + shape.reduce((product, length) => product * length, 1), 0);
}

describe("synthTensors()", () => {
  it.each([
    ["sd3-medium", 2_028_328_000],
    ["sd3.5-medium", 2_243_171_520],
    ["sd3.5-large", 8_056_627_520],
  ] as const)("lists %s with the published number of parameters", (architecture, count) => {
    expect(countParameters(synthTensors(architecture), "model.diffusion_model.")).toBe(count);
  });

  it("lists the VAE with the published number of parameters", () => {
    expect(countParameters(synthTensors("sd3-medium"), "first_stage_model.")).toBe(83_819_683);
  });

  it("gives every FP8 weight a scale in the scaled form and none in the plain one", () => {
    const scaled = synthTensors("sd3.5-large");
    const names = new Set(scaled.map(({ name }) => name));
    const weights = scaled.filter(({ dtype, name }) => dtype === "F8_E4M3" && name.endsWith(".weight"));
    expect(weights.filter(({ name }) => !names.has(name.replace(/weight$/, "scale_weight")))).toEqual([]);
    const plain = synthTensors("sd3.5-large", { form: "plain" });
    expect(plain.filter(({ name }) => name.includes("scale"))).toEqual([]);
  });
});

describe("synthTextTensors()", () => {
  it.each([
    ["clip_l", 123_650_304],
    ["clip_g", 694_659_840],
    ["t5xxl", 4_762_310_656],
  ] as const)("lists %s with the published number of parameters", (encoder, count) => {
    expect(countParameters(synthTextTensors(encoder), "")).toBe(count);
  });
});

describe("synthFill()", () => {
  const fill = (seed: string, tensor: Parameters<ReturnType<typeof synthFill>>[0]) =>
    Buffer.concat([...synthFill({ seed })(tensor)]);

  it.each(["F8_E4M3", "F16"] as const)("fills %s with finite values to the last byte", (dtype) => {
    const tensor = { name: "a.weight", dtype, shape: [1021, 1031] };
    const bytes = fill("1", tensor);
    expect(bytes).toHaveLength(1021 * 1031 * DTYPE_BYTES[dtype]);
    const values = decodeFloat32(dtype, bytes);
    expect(values.every(Number.isFinite)).toBe(true);
    expect(values.some((value) => value < 0)).toBe(true);
  });

  it("gives the same bytes for a seed and a name, and others for others", () => {
    const tensor = { name: "a.weight", dtype: "F8_E4M3", shape: [64] } as const;
    expect(fill("1", tensor)).toEqual(fill("1", tensor));
    expect(fill("2", tensor)).not.toEqual(fill("1", tensor));
    expect(fill("1", { ...tensor, name: "b.weight" })).not.toEqual(fill("1", tensor));
  });

  it("fills norms with 1 and biases with 0", () => {
    expect([
      ...decodeFloat32("F16", fill("1", { name: "x.norm1.weight", dtype: "F16", shape: [2] })),
    ]).toEqual([1, 1]);
    expect([...decodeFloat32("F16", fill("1", { name: "x.norm1.bias", dtype: "F16", shape: [2] }))]).toEqual([
      0, 0,
    ]);
  });
});
