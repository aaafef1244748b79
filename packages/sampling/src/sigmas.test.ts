import { describe, expect, it } from "vitest";
import { isSchedulerName, SCHEDULERS } from "./schedules/registry.js";
import { dropPenultimate, SHIFT_MAX, STEPS_MAX, sigmas } from "./sigmas.js";

/** ComfyUI's own values for shift 3. */
const GOLDEN = {
  simple: [1, 0.8999999761581421, 0.75, 0.5, 0],
  sgm_uniform: [1, 0.900359034538269, 0.7511211037635803, 0.5029850602149963, 0],
  normal: [1, 0.8576923608779907, 0.602150559425354, 0.008928571827709675, 0],
};

describe("sigmas()", () => {
  it.each(SCHEDULERS)("gives ComfyUI's levels in every bit for %s", (scheduler) => {
    expect([...sigmas({ scheduler, steps: 4, shift: 3 })]).toEqual(GOLDEN[scheduler]);
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

  it.each(SCHEDULERS)("falls from 1 to 0 in steps + 1 levels for %s", (scheduler) => {
    for (const steps of [1, 2, 28, 150]) {
      const levels = sigmas({ scheduler, steps, shift: 3 });
      expect(levels.length).toBe(steps + 1);
      expect(levels[0]).toBe(1);
      expect(levels[steps]).toBe(0);
      for (let step = 0; step < steps; step += 1)
        expect(levels[step]).toBeGreaterThan(levels[step + 1] ?? NaN);
    }
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
    expect(isSchedulerName("karras")).toBe(false);
    expect(isSchedulerName("toString")).toBe(false);
  });
});
