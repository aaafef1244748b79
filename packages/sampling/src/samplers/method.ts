/** Plain data that says how far a frame is; nothing else is needed to go on, save sigmas and seed. */
export interface SamplerState {
  /** Steps completed, which is also the index of the current sigma. */
  readonly step: number;
  /** The current latent, ``float32 [16, height, width]``. */
  readonly latent: Float32Array;
  /** What the method remembers of earlier calls, in its own order; empty at the start. */
  readonly history: readonly Float32Array[];
}

/** What the network is to see: a latent at a noise level. */
export interface NetworkRequest {
  readonly latent: Float32Array;
  readonly sigma: number;
}

/** What stays the same during a frame. */
export interface SamplerContext {
  readonly sigmas: Float32Array;
  /** For methods that draw noise on the way. */
  readonly seed: bigint;
}

/**
 * One sampling method as pure functions of the state. A further one is a file here and two lines in registry.ts.
 * A method that calls the network twice per step leaves `step` as it is after the first call, keeps what it needs in
 * `history`, and asks by `request` for its own point.
 */
export interface SamplerMethod {
  /** True when the method is given one sigma more and the last but one is dropped. */
  readonly discardsPenultimateSigma: boolean;
  readonly request: (state: SamplerState, context: SamplerContext) => NetworkRequest;
  /** The state after the network's denoised estimate of the request. */
  readonly advance: (state: SamplerState, context: SamplerContext, denoised: Float32Array) => SamplerState;
}

/** The request of all methods that look at the current latent at the current sigma. */
export function requestCurrent({ step, latent }: SamplerState, { sigmas }: SamplerContext): NetworkRequest {
  return { latent, sigma: sigmas[step]! };
}
