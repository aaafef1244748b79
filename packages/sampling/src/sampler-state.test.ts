import { describe, expect, it } from "vitest";
import { randn } from "./noise.js";
import { createSampler, restoreSampler, type Sampler } from "./sampler.js";
import type { SamplerState } from "./sampler-state.js";
import { SAMPLERS, type SamplerName } from "./samplers/registry.js";
import { sigmas } from "./sigmas.js";

const STEPS = 20;
const SEED = 2n ** 63n + 11n;

function planFor(sampler: SamplerName) {
  return { sigmas: sigmas({ scheduler: "simple", steps: STEPS, shift: 3, sampler }), seed: SEED, shift: 3 };
}

/** A stand-in for the network that is neither linear in the latent nor constant in sigma. */
function callOnce(sampler: Sampler): void {
  const { latent, sigma } = sampler.request();
  sampler.advance(latent.map((value) => 0.9 * (1 - sigma) * value + 0.25 * sigma * Math.cos(3 * value)));
}

function finish(sampler: Sampler): Float32Array {
  while (!sampler.done) callOnce(sampler);
  return sampler.result();
}

/** The state as another process would have it: numbers through JSON, tensors through their bytes. */
function sendAcross({ tensors, ...scalars }: SamplerState): SamplerState {
  const copies = Object.entries(tensors).map(([name, values]) => {
    const bytes = new Uint8Array(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return [name, new Float32Array(bytes.buffer)] as const;
  });
  return { ...JSON.parse(JSON.stringify(scalars)), tensors: Object.fromEntries(copies) };
}

describe("restoreSampler()", () => {
  it.each(SAMPLERS)("goes on in every bit from every call of 20 steps of %s", (name) => {
    const plan = planFor(name);
    const whole = createSampler(name, { ...plan, noise: randn(SEED, 48) });
    const states: SamplerState[] = [];
    const stepsSeen = new Set<number>();
    while (!whole.done) {
      states.push(sendAcross(whole.save()));
      stepsSeen.add(whole.step);
      callOnce(whole);
    }
    states.push(sendAcross(whole.save()));
    expect(stepsSeen.size).toBe(STEPS);
    for (const state of states) {
      const resumed = restoreSampler(name, plan, state);
      expect(resumed.step).toBe(state.step);
      expect(finish(resumed)).toEqual(whole.result());
    }
  });

  it("does not disturb the sampler that was saved, nor one resumed from the same state", () => {
    const plan = planFor("dpmpp_sde");
    const sampler = createSampler("dpmpp_sde", { ...plan, noise: randn(SEED, 48) });
    for (let call = 0; call < 7; call += 1) callOnce(sampler);
    const state = sampler.save();
    const [first, second] = [
      restoreSampler("dpmpp_sde", plan, state),
      restoreSampler("dpmpp_sde", plan, state),
    ];
    expect(finish(first)).toEqual(finish(sampler));
    expect(finish(second)).toEqual(sampler.result());
  });

  it("refuses states that do not fit", () => {
    const plan = planFor("heun");
    const state = createSampler("heun", { ...plan, noise: randn(SEED, 16) }).save();
    const resume = (change: Partial<SamplerState>) => restoreSampler("heun", plan, { ...state, ...change });
    expect(() => resume({ version: 2 })).toThrow(RangeError);
    expect(() => resume({ sampler: "euler" })).toThrow(RangeError);
    expect(() => resume({ step: -1 })).toThrow(RangeError);
    expect(() => resume({ step: 1.5 })).toThrow(RangeError);
    expect(() => resume({ step: STEPS + 1 })).toThrow(RangeError);
    expect(resume({ step: STEPS }).done).toBe(true);
    expect(() => resume({ noiseDrawn: -1 })).toThrow(RangeError);
    expect(() => resume({ tensors: {} })).toThrow("latent is missing");
    const tensors = { ...state.tensors, probe: new Float32Array(15) };
    expect(() => resume({ tensors })).toThrow("probe is 15 long");
  });
});
