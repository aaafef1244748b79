import type { MethodState } from "./samplers/method.js";
import type { SamplerName } from "./samplers/registry.js";

/** The version of {@link SamplerState} that this code writes, and the only one it reads. */
export const SAMPLER_STATE_VERSION = 1;

/** The name of the current latent among the tensors of a state. */
const LATENT = "latent";

/**
 * A frame's position, as plain data: two counters and named tensors, each ``float32 [16, height, width]``. With the
 * same plan (sigmas, seed, shift) it is all that {@link restoreSampler} needs to go on in every bit as if never
 * interrupted. Noise is kept as the count of tensors drawn; the Brownian tree has no position at all.
 */
export interface SamplerState {
  readonly version: number;
  readonly sampler: SamplerName;
  /** Steps completed. */
  readonly step: number;
  /** Tensors drawn so far from the frame's noise generator. */
  readonly noiseDrawn: number;
  /** `latent`, and what the method remembers under its own names. The sampler's own arrays: never write to them. */
  readonly tensors: Readonly<Record<string, Float32Array>>;
}

/** The public form of a method's state. */
export function packState(sampler: SamplerName, state: MethodState): SamplerState {
  const { step, noiseDrawn, latent, memory } = state;
  return {
    version: SAMPLER_STATE_VERSION,
    sampler,
    step,
    noiseDrawn,
    tensors: { [LATENT]: latent, ...memory },
  };
}

/**
 * The method's state behind a public one.
 * @throws {RangeError} for another version or sampler, a counter out of range, or tensors that are missing or differ
 * in length
 */
export function unpackState(sampler: SamplerName, steps: number, state: SamplerState): MethodState {
  const refuse = (problem: string): never => {
    throw new RangeError(`Cannot resume ${sampler} as saved: ${problem}`);
  };
  const { version, step, noiseDrawn, tensors } = state;
  if (version !== SAMPLER_STATE_VERSION) refuse(`version is ${version}, expected ${SAMPLER_STATE_VERSION}`);
  if (state.sampler !== sampler) refuse(`sampler is ${state.sampler}`);
  if (!Number.isInteger(step) || step < 0 || step > steps) refuse(`step is ${step}, expected 0 to ${steps}`);
  if (!Number.isSafeInteger(noiseDrawn) || noiseDrawn < 0) refuse(`noiseDrawn is ${noiseDrawn}`);
  const { [LATENT]: latent, ...memory } = tensors;
  if (latent === undefined) return refuse("latent is missing");
  for (const [name, values] of Object.entries(memory)) {
    if (values.length !== latent.length)
      refuse(`${name} is ${values.length} long, the latent ${latent.length}`);
  }
  return { step, noiseDrawn, latent, memory };
}
