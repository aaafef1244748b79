import { invariant } from "@latentfarm/contract";
import { createContext } from "./context.js";
import { addNoise, removeNoiseScale, SHIFT_DEFAULT } from "./flow.js";
import { packState, type SamplerState, unpackState } from "./sampler-state.js";
import type { MethodState, NetworkRequest } from "./samplers/method.js";
import { SAMPLER_METHODS, type SamplerName } from "./samplers/registry.js";

/**
 * One frame on its way from noise to picture. Call `request()`, run the network, give its denoised estimate to
 * `advance()`, until `done`. Arrays handed out, and estimates handed in, are the sampler's own: read them, never write.
 */
export interface Sampler {
  readonly done: boolean;
  /** Steps completed, of {@link steps}. */
  readonly step: number;
  /** What the sigmas say, which for ddim_uniform and beta may be other than what was asked for. */
  readonly steps: number;
  /**
   * Calls of the network that it takes to the end, all of the current step's included, with sigmas that end at 0 as all
   * schedules' do.
   */
  readonly callsLeft: number;
  /** The noise level of the start: 1 for a picture from noise alone, less when a latent shows through. */
  readonly startSigma: number;
  /** What the network must see now. Methods of second order ask twice per step, heunpp2 up to three times. */
  request(): NetworkRequest;
  /** Takes the denoised estimate of the last request. */
  advance(denoised: Float32Array): void;
  /** The noisy latent at the start of the current step. */
  latent(): Float32Array;
  /** The finished latent, in the denoiser's scale: {@link latentToVae} takes it to the VAE. */
  result(): Float32Array;
  /** The position, for {@link restoreSampler}; good at any time, between the calls of one step too. */
  save(): SamplerState;
}

/** What a frame goes by from start to end; a resumed frame must be given the same again. */
export interface SamplerPlan {
  /** From {@link sigmas}: 2 or more levels, from high to low; none for a start latent that is to stay as it is. */
  readonly sigmas: Float32Array;
  /** 0 to 2^64 - 1. */
  readonly seed: bigint;
  /** The shift that the sigmas were computed with, 3 if not given; the SDE family replaces a first sigma of 1 by it. */
  readonly shift?: number;
}

/** What a frame starts from. */
export interface SamplerInit extends SamplerPlan {
  /** ``float32 [16, height, width]`` from {@link randn}. */
  readonly noise: Float32Array;
  /** A picture to start from, in the denoiser's scale; without one, pure noise. */
  readonly latent?: Float32Array;
}

/**
 * Starts a frame. Without sigmas, as for a `denoise` of 0, the frame is done and its result is the start latent.
 * @throws {RangeError} when there is no step to take, or noise and latent differ in length
 */
export function createSampler(name: SamplerName, init: SamplerInit): Sampler {
  const { noise, latent, sigmas } = init;
  if (sigmas.length === 1 || (sigmas.length === 0 && latent === undefined))
    throw new RangeError(`Cannot start ${name} as a sampler: number of sigmas is ${sigmas.length}`);
  if (latent && latent.length !== noise.length) {
    throw new RangeError(
      `Cannot start ${name} as a sampler: latent is ${latent.length}, noise ${noise.length} long`,
    );
  }
  const start = addNoise(noise, latent, sigmas[0] ?? 0);
  return runSampler(name, init, { step: 0, noiseDrawn: 0, latent: start, memory: {} });
}

/**
 * Goes on from a saved position, in every bit as the sampler that was saved.
 * @throws {RangeError} when the state is of another version or sampler, or does not fit the plan
 */
export function restoreSampler(name: SamplerName, plan: SamplerPlan, state: SamplerState): Sampler {
  return runSampler(name, plan, unpackState(name, countSteps(plan), state));
}

function countSteps({ sigmas }: SamplerPlan): number {
  return Math.max(sigmas.length - 1, 0);
}

/** The calls of the last steps of a frame: a step looks no further ahead than to the end. */
function callsOfLast(steps: number, callsPerStep: number): number {
  let calls = 0;
  for (let left = 1; left <= steps; left += 1) calls += Math.min(left, callsPerStep);
  return calls;
}

function runSampler(name: SamplerName, plan: SamplerPlan, start: MethodState): Sampler {
  const method = SAMPLER_METHODS[name];
  const steps = countSteps(plan);
  const { sigmas, seed, shift = SHIFT_DEFAULT } = plan;
  const count = start.latent.length;
  const context = createContext({ method, sigmas, seed, shift, count });
  let state = start;
  const isDone = (): boolean => state.step === steps;
  return {
    get done() {
      return isDone();
    },
    get step() {
      return state.step;
    },
    steps,
    get callsLeft() {
      return callsOfLast(steps - state.step, method.callsPerStep ?? 1);
    },
    startSigma: sigmas[0] ?? 0,
    request() {
      invariant(!isDone(), "a finished sampler asks for nothing");
      return method.request(state, context);
    },
    advance(denoised) {
      invariant(!isDone(), "a finished sampler takes nothing");
      invariant(denoised.length === count, "a denoised estimate is as long as the latent");
      state = method.advance(state, context, denoised);
    },
    latent: () => state.latent,
    result() {
      invariant(isDone(), "a sampler has a result when it is done");
      return removeNoiseScale(state.latent, sigmas[steps] ?? 0);
    },
    save: () => packState(name, state),
  };
}
