import { describe, expect, it } from "vitest";
import { isSchedulerName, SCHEDULERS } from "./schedules/registry.js";
import { dropPenultimate, SHIFT_MAX, STEPS_MAX, sigmas, WHOLE_STEPS_MAX } from "./sigmas.js";

/** ComfyUI's own values for shift 3. */
const GOLDEN = {
  simple: [1, 0.8999999761581421, 0.75, 0.5, 0],
  sgm_uniform: [1, 0.900359034538269, 0.7511211037635803, 0.5029850602149963, 0],
  karras: [1, 0.23273682594299316, 0.03683168813586235, 0.002994012786075473, 0],
  exponential: [1, 0.1441289335489273, 0.02077315002679825, 0.002994011854752898, 0],
  ddim_uniform: [0.9009584784507751, 0.7514969706535339, 0.5026596188545227, 0.005976095795631409, 0],
  beta: [1, 0.9335348010063171, 0.7507492899894714, 0.39217135310173035, 0],
  normal: [1, 0.8576923608779907, 0.602150559425354, 0.008928571827709675, 0],
  linear_quadratic: [1, 0.987500011920929, 0.9750000238418579, 0.7250000238418579, 0],
  kl_optimal: [1, 0.5786816477775574, 0.27008962631225586, 0.002994012087583542, 0],
};

describe("sigmas()", () => {
  it.each(SCHEDULERS)("gives ComfyUI's levels within an ulp for %s", (scheduler) => {
    const levels = sigmas({ scheduler, steps: 4, shift: 3 });
    expect(levels.length).toBe(5);
    for (const [index, value] of GOLDEN[scheduler].entries()) {
      const ulp = 2 ** Math.floor(Math.log2(Math.max(value, 2 ** -9)) - 23);
      expect(Math.abs((levels[index] ?? NaN) - value)).toBeLessThanOrEqual(ulp);
    }
  });

  it("spaces timesteps from both ends, as torch.linspace does", () => {
    const levels = sigmas({ scheduler: "sgm_uniform", steps: 20, shift: 1 });
    expect(levels[7]).toBe(0.6503499746322632);
    expect(levels[14]).toBe(0.30070000886917114);
    expect(levels[19]).toBe(0.050950001925230026);
  });

  it("rounds the index of simple as doubles do", () => {
    // 38 steps: in exact integers, 19 * 1000 / 38 is 500; in doubles, 1000 / 38 * 19 is one table entry less.
    const levels = sigmas({ scheduler: "simple", steps: 38, shift: 1 });
    expect(levels[19]).toBe(Math.fround((999 - Math.floor(19 * (1000 / 38)) + 1) / 1000));
    expect(Math.floor(19 * (1000 / 38))).toBe(499);
  });

  it.each(SCHEDULERS)("falls to 0 in steps + 1 levels for %s", (scheduler) => {
    for (const steps of [1, 2, 25, 150]) {
      const levels = sigmas({ scheduler, steps, shift: 3 });
      const drops = levels.subarray(1).every((level, index) => level < (levels[index] ?? NaN));
      expect(drops).toBe(true);
      expect(levels.at(-1)).toBe(0);
      if (scheduler === "ddim_uniform") continue;
      expect(levels[0]).toBe(1);
      if (scheduler !== "beta" || steps < 100) expect(levels.length).toBe(steps + 1);
    }
  });

  it("takes more steps than asked for with ddim_uniform where 1000 is no multiple", () => {
    expect(sigmas({ scheduler: "ddim_uniform", steps: 28, shift: 3 }).length).toBe(30);
    expect(sigmas({ scheduler: "ddim_uniform", steps: 25, shift: 3 }).length).toBe(26);
    expect(sigmas({ scheduler: "ddim_uniform", steps: 10_000, shift: 3 }).length).toBe(1000);
  });

  it("adds no closing 0 to ddim_uniform when its lowest level is as good as 0", () => {
    const levels = sigmas({ scheduler: "ddim_uniform", steps: 3, shift: 0.001 });
    expect(levels.length).toBe(4);
    expect(levels.at(-1)).toBeGreaterThan(0);
  });

  it("starts the one step of kl_optimal at the highest level, where ComfyUI has NaN", () => {
    expect([...sigmas({ scheduler: "kl_optimal", steps: 1, shift: 3 })]).toEqual([1, 0]);
  });

  it("takes the last steps of a longer schedule for a denoise below 1", () => {
    const options = { scheduler: "simple", steps: 4, shift: 3 } as const;
    const whole = sigmas({ ...options, steps: 6 });
    expect(sigmas({ ...options, denoise: 0.6 })).toEqual(whole.slice(2));
    expect(sigmas({ ...options, denoise: 0.9999 })).toEqual(sigmas(options));
    expect(sigmas({ ...options, denoise: 1 })).toEqual(sigmas(options));
    expect(sigmas({ ...options, denoise: 0 }).length).toBe(0);
  });

  it("rejects a denoise outside 0 to 1, or too small for the steps", () => {
    const levels = (denoise: number): Float32Array =>
      sigmas({ scheduler: "simple", steps: 1, shift: 3, denoise });
    expect(() => levels(-0.1)).toThrow(RangeError);
    expect(() => levels(1.1)).toThrow(RangeError);
    expect(() => levels(NaN)).toThrow(RangeError);
    expect(() => levels(0.5 / WHOLE_STEPS_MAX)).toThrow(RangeError);
    expect(levels(1 / WHOLE_STEPS_MAX).length).toBe(2);
  });

  it("adds no closing 0 to normal when its lowest level is as good as 0", () => {
    const levels = sigmas({ scheduler: "normal", steps: 3, shift: 0.005 });
    expect(levels.length).toBe(4);
    expect(levels[3]).toBeGreaterThan(0);
    expect(levels[3]).toBeLessThan(0.00001);
  });

  it("gives the samplers on offer the plain schedule", () => {
    const options = { scheduler: "simple", steps: 9, shift: 3 } as const;
    expect(sigmas({ ...options, sampler: "dpmpp_2m" })).toEqual(sigmas(options));
  });

  it("rejects steps and shifts on either side of the bounds", () => {
    const levels = (steps: number, shift: number): Float32Array =>
      sigmas({ scheduler: "simple", steps, shift });
    expect(() => levels(0, 3)).toThrow(RangeError);
    expect(() => levels(1.5, 3)).toThrow(RangeError);
    expect(() => levels(STEPS_MAX + 1, 3)).toThrow(RangeError);
    expect(levels(STEPS_MAX, 3).length).toBe(STEPS_MAX + 1);
    expect(() => levels(4, 0)).toThrow(RangeError);
    expect(() => levels(4, NaN)).toThrow(RangeError);
    expect(() => levels(4, SHIFT_MAX + 0.1)).toThrow(RangeError);
    expect(levels(4, SHIFT_MAX)[0]).toBe(1);
  });
});

describe("dropPenultimate()", () => {
  it("drops the last but one", () => {
    expect([...dropPenultimate(Float32Array.of(4, 3, 2, 0))]).toEqual([4, 3, 0]);
  });
});

describe("isSchedulerName()", () => {
  it("knows the schedules on offer and nothing inherited", () => {
    expect(isSchedulerName("simple")).toBe(true);
    expect(isSchedulerName("turbo")).toBe(false);
    expect(isSchedulerName("toString")).toBe(false);
  });
});
