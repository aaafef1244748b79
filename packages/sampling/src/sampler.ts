import { invariant } from "@latentfarm/contract";
import { addNoise, removeNoiseScale } from "./flow.js";
import type { NetworkRequest, SamplerContext, SamplerState } from "./samplers/method.js";
import { SAMPLER_METHODS, type SamplerName } from "./samplers/registry.js";

/**
 * One frame on its way from noise to picture. Call `request()`, run the network, give its denoised estimate to
 * `advance()`, until `done`. Arrays handed out are the sampler's own: read them, never write.
 */
export interface Sampler {
  readonly done: boolean;
  /** Steps completed, of {@link steps}. */
  readonly step: number;
  readonly steps: number;
  /** What the network must see now. Methods of second order ask twice per step. */
  request(): NetworkRequest;
  /** Takes the denoised estimate of the last request. */
  advance(denoised: Float32Array): void;
  /** The current, noisy latent. */
  latent(): Float32Array;
  /** The finished latent, in the denoiser's scale: {@link latentToVae} takes it to the VAE. */
  result(): Float32Array;
}

/** What a frame starts from. */
export interface SamplerInit {
  /** From {@link sigmas}: 2 or more levels, from high to low. */
  readonly sigmas: Float32Array;
  /** ``float32 [16, height, width]`` from {@link randn}. */
  readonly noise: Float32Array;
  readonly seed: bigint;
  /** A picture to start from, in the denoiser's scale; without one, pure noise. */
  readonly latent?: Float32Array;
}

/**
 * Starts a frame.
 * @throws {RangeError} when there is no step to take, or noise and latent differ in length
 */
export function createSampler(name: SamplerName, init: SamplerInit): Sampler {
  const { noise, latent } = init;
  const steps = init.sigmas.length - 1;
  if (steps < 1)
    throw new RangeError(`Cannot start ${name} as a sampler: number of sigmas is ${init.sigmas.length}`);
  if (latent && latent.length !== noise.length) {
    throw new RangeError(
      `Cannot start ${name} as a sampler: latent is ${latent.length}, noise ${noise.length} long`,
    );
  }
  const method = SAMPLER_METHODS[name];
  const context: SamplerContext = { sigmas: init.sigmas, seed: init.seed };
  let state: SamplerState = { step: 0, latent: addNoise(noise, latent, init.sigmas[0]!), history: [] };
  const isDone = (): boolean => state.step === steps;
  return {
    get done() {
      return isDone();
    },
    get step() {
      return state.step;
    },
    steps,
    request() {
      invariant(!isDone(), "a finished sampler asks for nothing");
      return method.request(state, context);
    },
    advance(denoised) {
      invariant(!isDone(), "a finished sampler takes nothing");
      invariant(denoised.length === noise.length, "a denoised estimate is as long as the latent");
      state = method.advance(state, context, denoised);
    },
    latent: () => state.latent,
    result() {
      invariant(isDone(), "a sampler has a result when it is done");
      return removeNoiseScale(state.latent, init.sigmas[steps]!);
    },
  };
}
