import { FarmError } from "@latentfarm/contract";
import { describe, expect, it } from "vitest";
import { randn } from "./noise.js";
import { createSampler, type Sampler } from "./sampler.js";
import { isSamplerName, SAMPLERS } from "./samplers/registry.js";
import { sigmas } from "./sigmas.js";

/** ComfyUI's own results on the toy model below: noise of seed 42 for [1, 16, 4, 4], 8 steps, shift 3. */
const GOLDEN = [
  {
    name: "euler",
    scheduler: "simple",
    first: [0.4591299295425415, 0.3505338430404663, 0.27092015743255615, -0.6956962943077087],
    sum: 13.27573997527361,
    norm: 4.8884875335903795,
  },
  {
    name: "dpmpp_2m",
    scheduler: "sgm_uniform",
    first: [0.4712482988834381, 0.3742128908634186, 0.2903422713279724, -0.7581281661987305],
    sum: 13.186558540910482,
    norm: 5.15176032889526,
  },
] as const;

const TOLERANCE = 1e-6;

/** A stand-in for the network that is neither linear in the latent nor constant in sigma. */
function toyModel(latent: Float32Array, sigma: number): Float32Array {
  return latent.map((value) => 0.9 * (1 - sigma) * value + 0.25 * sigma * Math.cos(3 * value));
}

function run(sampler: Sampler): Float32Array {
  while (!sampler.done) {
    const { latent, sigma } = sampler.request();
    sampler.advance(toyModel(latent, sigma));
  }
  return sampler.result();
}

describe("createSampler()", () => {
  it.each(GOLDEN)(
    "gives ComfyUI's result for $name on $scheduler",
    ({ name, scheduler, first, sum, norm }) => {
      const levels = sigmas({ scheduler, steps: 8, shift: 3, sampler: name });
      const result = run(
        createSampler(name, { sigmas: levels, noise: randn(42n, [1, 16, 4, 4]), seed: 42n }),
      );
      for (const [index, value] of first.entries()) {
        expect(Math.abs((result[index] ?? NaN) - value)).toBeLessThanOrEqual(TOLERANCE);
      }
      expect(result.reduce((total, value) => total + value, 0)).toBeCloseTo(sum, 5);
      expect(Math.sqrt(result.reduce((total, value) => total + value * value, 0))).toBeCloseTo(norm, 5);
    },
  );

  it.each(SAMPLERS)("knows before each step how often the network will be called for %s", (name) => {
    const levels = sigmas({ scheduler: "simple", steps: 6, shift: 3, sampler: name });
    const sampler = createSampler(name, { sigmas: levels, noise: randn(1n, 32), seed: 1n });
    const told = [sampler.callsLeft];
    const callsAt = [0];
    let calls = 0;
    while (!sampler.done) {
      const before = sampler.step;
      const { latent, sigma } = sampler.request();
      sampler.advance(toyModel(latent, sigma));
      calls += 1;
      if (sampler.step === before) continue;
      told.push(sampler.callsLeft);
      callsAt.push(calls);
    }
    expect(told).toEqual(callsAt.map((done) => calls - done));
  });

  it.each(SAMPLERS)("asks for each level of the schedule once or more for %s", (name) => {
    const levels = sigmas({ scheduler: "simple", steps: 5, shift: 3, sampler: name });
    const sampler = createSampler(name, { sigmas: levels, noise: randn(1n, 32), seed: 1n });
    expect(sampler.steps).toBe(5);
    expect(sampler.startSigma).toBe(1);
    for (let step = 0; step < 5; step += 1) {
      expect(sampler.step).toBe(step);
      // The SDE family moves the first level, where its time is infinite, by a thirty-thousandth.
      expect(sampler.request().sigma).toBeCloseTo(levels[step] ?? NaN, 4);
      for (let calls = 0; sampler.step === step; calls += 1) {
        expect(calls).toBeLessThan(3);
        expect(sampler.request().sigma).toBeGreaterThan(0);
        sampler.advance(new Float32Array(32));
      }
    }
    expect(sampler.done).toBe(true);
  });

  it.each([
    ["ddim", "euler"],
    ["dpmpp_sde_gpu", "dpmpp_sde"],
    ["dpmpp_2m_sde_gpu", "dpmpp_2m_sde"],
    ["dpmpp_2m_sde_heun_gpu", "dpmpp_2m_sde_heun"],
    ["dpmpp_3m_sde_gpu", "dpmpp_3m_sde"],
  ] as const)("draws for %s what it draws for %s", (alias, name) => {
    const init = {
      sigmas: sigmas({ scheduler: "simple", steps: 4, shift: 3 }),
      noise: randn(5n, 32),
      seed: 5n,
    };
    expect(run(createSampler(alias, init))).toEqual(run(createSampler(name, init)));
  });

  it("follows the true number of steps of ddim_uniform", () => {
    const levels = sigmas({ scheduler: "ddim_uniform", steps: 28, shift: 3 });
    expect(createSampler("euler", { sigmas: levels, noise: randn(1n, 32), seed: 1n }).steps).toBe(29);
  });

  it("replaces the first level of the SDE family by the shift", () => {
    const init = { sigmas: Float32Array.of(1, 0.5, 0), noise: new Float32Array(16), seed: 0n };
    expect(createSampler("dpmpp_2m_sde", init).request().sigma).toBe(Math.fround(2.9997 / 2.9998));
    const shifted = createSampler("dpmpp_2m_sde", { ...init, shift: 1 });
    expect(shifted.request().sigma).toBe(Math.fround(0.9999));
    const partial = createSampler("dpmpp_2m_sde", { ...init, sigmas: Float32Array.of(0.75, 0) });
    expect(partial.request().sigma).toBe(0.75);
  });

  it("leaves a latent as it is when there are no levels", () => {
    const latent = randn(2n, 16);
    const levels = sigmas({ scheduler: "simple", steps: 4, shift: 3, denoise: 0 });
    const sampler = createSampler("euler", { sigmas: levels, noise: randn(1n, 16), seed: 1n, latent });
    expect([sampler.done, sampler.steps, sampler.startSigma]).toEqual([true, 0, 0]);
    expect(sampler.result()).toEqual(latent);
  });

  it.each(SAMPLERS)("ends at the estimate when the network always gives the same one for %s", (name) => {
    const estimate = randn(9n, 64);
    const levels = sigmas({ scheduler: "normal", steps: 12, shift: 3 });
    const sampler = createSampler(name, { sigmas: levels, noise: randn(3n, 64), seed: 3n });
    while (!sampler.done) sampler.advance(estimate);
    for (const [index, value] of sampler.result().entries())
      expect(value).toBeCloseTo(estimate[index] ?? NaN, 5);
  });

  it("mixes a latent in when the first level is below 1", () => {
    const init = { sigmas: Float32Array.of(0.25, 0), noise: Float32Array.of(2, 4), seed: 0n };
    const sampler = createSampler("euler", { ...init, latent: Float32Array.of(8, 0) });
    expect([...sampler.latent()]).toEqual([6.5, 1]);
  });

  it("scales the result by what noise is left in it", () => {
    const init = { sigmas: Float32Array.of(1, 0.5), noise: Float32Array.of(2), seed: 0n };
    const sampler = createSampler("euler", init);
    sampler.advance(Float32Array.of(1));
    expect([...sampler.latent()]).toEqual([1.5]);
    expect([...sampler.result()]).toEqual([3]);
  });

  it("refuses a start without steps or with a latent of another size", () => {
    const noise = new Float32Array(4);
    expect(() => createSampler("euler", { sigmas: Float32Array.of(1), noise, seed: 0n })).toThrow(RangeError);
    expect(() => createSampler("euler", { sigmas: new Float32Array(), noise, seed: 0n })).toThrow(RangeError);
    const init = { sigmas: Float32Array.of(1, 0), noise, seed: 0n, latent: new Float32Array(3) };
    expect(() => createSampler("euler", init)).toThrow(RangeError);
  });

  it("refuses calls out of order", () => {
    const sampler = createSampler("euler", {
      sigmas: Float32Array.of(1, 0),
      noise: new Float32Array(4),
      seed: 0n,
    });
    expect(() => sampler.result()).toThrow(FarmError);
    expect(() => sampler.advance(new Float32Array(3))).toThrow(FarmError);
    sampler.advance(new Float32Array(4));
    expect(() => sampler.request()).toThrow(FarmError);
    expect(() => sampler.advance(new Float32Array(4))).toThrow(FarmError);
  });
});

describe("isSamplerName()", () => {
  it("knows the samplers on offer and nothing inherited", () => {
    expect(isSamplerName("euler")).toBe(true);
    expect(isSamplerName("dpm_fast")).toBe(false);
    expect(isSamplerName("constructor")).toBe(false);
  });
});
