/** Plain data that says how far a frame is; nothing else is needed to go on, save what stays the same. */
export interface MethodState {
  /** Steps completed, which is also the index of the current sigma. */
  readonly step: number;
  /** Tensors drawn so far from the frame's noise generator. */
  readonly noiseDrawn: number;
  /** The latent at the start of the step, ``float32 [16, height, width]``. */
  readonly latent: Float32Array;
  /** What the method remembers of earlier calls, by its own names, each as long as the latent; empty at the start. */
  readonly memory: Memory;
}

/** Tensors by name. */
export type Memory = Readonly<Record<string, Float32Array>>;

/** What the network is to see: a latent at a noise level. */
export interface NetworkRequest {
  readonly latent: Float32Array;
  readonly sigma: number;
}

/** What stays the same during a frame. */
export interface SamplerContext {
  /** From high to low; for methods that set `offsetsFirstSigma`, with the first one already replaced. */
  readonly sigmas: Float32Array;
  /** The noise tensor of this index, 0 being the first that ComfyUI's default noise sampler draws. */
  readonly drawNoise: (index: number) => Float32Array;
  /** Noise of unit variance for the way from one sigma down to the next, from the frame's Brownian tree. */
  readonly brownianNoise: (sigma: number, sigmaNext: number) => Float32Array;
}

/**
 * One sampling method as pure functions of the state. A further one is a file here and two lines in registry.ts.
 * A method that calls the network several times per step leaves `step` as it is after all calls but the last, keeps
 * what it needs in `memory`, and asks by `request` for its own points.
 */
export interface SamplerMethod {
  /** True when the method is given one sigma more and the last but one is dropped. */
  readonly discardsPenultimateSigma?: boolean;
  /** True when a first sigma of 1, where the logarithm of the signal-to-noise ratio is infinite, is replaced. */
  readonly offsetsFirstSigma?: boolean;
  /** Calls of the network in a step, but no more than steps are left, its own included; 1 by default. */
  readonly callsPerStep?: number;
  readonly request: (state: MethodState, context: SamplerContext) => NetworkRequest;
  /** The state after the network's denoised estimate of the request. */
  readonly advance: (state: MethodState, context: SamplerContext, denoised: Float32Array) => MethodState;
}

/** The request of all methods that look at the current latent at the current sigma. */
export function requestCurrent({ step, latent }: MethodState, { sigmas }: SamplerContext): NetworkRequest {
  return { latent, sigma: sigmas[step]! };
}

/**
 * The request of methods whose later call in a step looks at a remembered `probe`: the current latent at first, then the
 * probe at the sigma that `sigmaOf` puts between this level and the next.
 */
export function requestProbe(
  sigmaOf: (sigma: number, sigmaNext: number) => number,
): SamplerMethod["request"] {
  return (state, context) => {
    const { probe } = state.memory;
    if (probe === undefined) return requestCurrent(state, context);
    const { sigmas } = context;
    return { latent: probe, sigma: sigmaOf(sigmas[state.step]!, sigmas[state.step + 1]!) };
  };
}

/** The state after a step: its latent, what to remember, and how many noise tensors the step drew. */
export function completeStep(
  { step, noiseDrawn }: MethodState,
  latent: Float32Array,
  { memory = {}, drawn = 0 }: { readonly memory?: Memory; readonly drawn?: number } = {},
): MethodState {
  return { step: step + 1, noiseDrawn: noiseDrawn + drawn, latent, memory };
}

/** The state between two calls of one step: all as it was, but for what is remembered. */
export function continueStep(state: MethodState, memory: Memory): MethodState {
  return { ...state, memory: { ...state.memory, ...memory } };
}
