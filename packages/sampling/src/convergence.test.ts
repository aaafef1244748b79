import { describe, expect, it } from "vitest";
import { randn } from "./noise.js";
import { createSampler, type Sampler } from "./sampler.js";
import type { SamplerName } from "./samplers/registry.js";
import { sigmas } from "./sigmas.js";

/** Pictures whose values are normal with this deviation: the estimate and the flow are then known exactly. */
const DEVIATION = 0.5;
const [START, END] = [0.9, 0.1];

/** The sum that stands for deis's integral is off by 1e-4 of a step, which costs it a third of an order here. */
const ORDER_TOLERANCE = 0.36;

/** The deviation of latents at a noise level; along the flow, every latent is scaled by it. */
function deviationAt(sigma: number): number {
  return Math.hypot((1 - sigma) * DEVIATION, sigma);
}

/** The mean of the pictures that a latent may come from. */
function bestEstimate(latent: Float32Array, sigma: number): Float32Array {
  const share = ((1 - sigma) * DEVIATION ** 2) / deviationAt(sigma) ** 2;
  return latent.map((value) => share * value);
}

function run(sampler: Sampler): Float32Array {
  while (!sampler.done) {
    const { latent, sigma } = sampler.request();
    sampler.advance(bestEstimate(latent, sigma));
  }
  return sampler.latent();
}

function flowError(name: SamplerName, steps: number): number {
  const levels = Float32Array.from(
    { length: steps + 1 },
    (_, step) => START + ((END - START) * step) / steps,
  );
  const noise = randn(1n, 16);
  const reached = run(createSampler(name, { sigmas: levels, noise, seed: 1n }));
  const scale = (levels[0] ?? NaN) * (deviationAt(END) / deviationAt(START));
  return Math.max(...reached.map((value, index) => Math.abs(value - scale * (noise[index] ?? NaN))));
}

describe("deterministic samplers", () => {
  // Multistep methods begin with a straight step, which bounds them to second order whatever their weights.
  it.each([
    ["euler", 1],
    ["ddim", 1],
    ["heunpp2", 1],
    ["gradient_estimation", 1],
    ["heun", 2],
    ["dpm_2", 2],
    ["dpmpp_2m", 2],
    ["res_multistep", 2],
    ["lms", 2],
    ["ipndm", 2],
    ["deis", 2],
  ] as const)("shrink the error of a known flow by their order: %s, order %i", (name, order) => {
    const [coarse, fine] = [flowError(name, 80), flowError(name, 160)];
    const measured = Math.log2(coarse / fine);
    expect(measured).toBeGreaterThan(order - ORDER_TOLERANCE);
    expect(measured).toBeLessThan(order + ORDER_TOLERANCE);
    expect(fine).toBeLessThan(order === 1 ? 0.005 : 0.00013);
  });
});

describe("stochastic samplers", () => {
  it.each([
    "euler_ancestral",
    "dpmpp_2s_ancestral",
    "dpmpp_sde",
    "dpmpp_2m_sde",
    "dpmpp_2m_sde_heun",
    "dpmpp_3m_sde",
    "er_sde",
    "seeds_2",
  ] as const)("end with the deviation of the pictures: %s", (name) => {
    const levels = sigmas({ scheduler: "simple", steps: 200, shift: 3, sampler: name });
    const result = run(createSampler(name, { sigmas: levels, noise: randn(3n, 1024), seed: 3n }));
    const deviation = Math.sqrt(result.reduce((sum, value) => sum + value ** 2, 0) / result.length);
    // 1024 values know it to some 2%, and a method of first order in 200 steps comes as close.
    expect(Math.abs(deviation / DEVIATION - 1)).toBeLessThan(0.07);
  });
});
