import { FarmError, invariant } from "@latentfarm/contract";
import { denoise, guide, type Sampler } from "@latentfarm/sampling";
import type { Conditioning } from "@latentfarm/sd35";

/**
 * Where a frame's steps stand. It starts at "stepping"; the sampler's end moves it to "stepped", a fault to "failed";
 * neither of the two is ever left.
 */
export type RunState = "stepping" | "stepped" | "failed";

/** The steps of one frame: its own sampler, fed row by row. */
export interface FrameRun {
  /** Latent cells. */
  readonly height: number;
  /** Latent cells. */
  readonly width: number;
  /** The prompt, and with guidance the negative prompt after it: one row each. */
  readonly conditionings: readonly Conditioning[];
  readonly state: RunState;
  /** Why the frame failed; set only in that state. */
  readonly error: FarmError | undefined;
  /** Steps completed, of {@link steps}. */
  readonly step: number;
  readonly steps: number;
  /** Rows that the sampler waits for; empty when the run is not stepping. */
  pendingRows(): readonly number[];
  /** What the network must see now, the same for each row. */
  request(): { readonly latent: Float32Array; readonly sigma: number };
  /**
   * Takes the velocity of one row; with the last one the sampler advances. A value that is not finite fails this
   * frame as numeric_fault.
   */
  takeVelocity(row: number, velocity: Float32Array | undefined): void;
  fail(error: FarmError): void;
  /** The newest estimate of the finished latent, for previews: ``float32 [16, height, width]``. */
  denoised(): Float32Array | undefined;
}

/** What a run is made of. */
export interface FrameRunInit {
  readonly sampler: Sampler;
  readonly height: number;
  readonly width: number;
  readonly conditionings: readonly Conditioning[];
  /** The scale; unused with one conditioning. */
  readonly guidance: number;
  /** Called when a step is complete. */
  readonly onStep: (step: number, steps: number) => void;
}

/** Starts the steps of a frame. */
export function createFrameRun(init: FrameRunInit): FrameRun {
  const { sampler, conditionings, guidance, onStep } = init;
  invariant(conditionings.length === 1 || conditionings.length === 2, "a frame has one or two rows");
  let state: RunState = "stepping";
  let error: FarmError | undefined;
  let newest: Float32Array | undefined;
  let estimates: (Float32Array | undefined)[] = conditionings.map(() => undefined);

  function advance(cond: Float32Array, uncond: Float32Array | undefined): void {
    const before = sampler.step;
    newest = uncond === undefined ? cond : guide(cond, uncond, guidance);
    estimates = conditionings.map(() => undefined);
    sampler.advance(newest);
    if (sampler.step > before) onStep(sampler.step, sampler.steps);
    if (sampler.done) state = "stepped";
  }

  function fail(reason: FarmError): void {
    invariant(state === "stepping", `a run fails only while it steps, its state is ${state}`);
    state = "failed";
    error = reason;
  }

  return {
    height: init.height,
    width: init.width,
    conditionings,
    get state() {
      return state;
    },
    get error() {
      return error;
    },
    get step() {
      return sampler.step;
    },
    steps: sampler.steps,
    pendingRows: () =>
      state === "stepping" ? [...estimates.keys()].filter((row) => estimates[row] === undefined) : [],
    request: () => sampler.request(),
    takeVelocity: (row, velocity) => {
      if (state !== "stepping") return;
      invariant(velocity !== undefined, "the denoiser gives one velocity a row");
      const { latent, sigma } = sampler.request();
      invariant(velocity.length === latent.length, "a velocity has the size of its latent");
      if (!isFinite32(velocity)) return fail(numericFault(sampler.step, sigma));
      estimates[row] = denoise(latent, velocity, sigma);
      const [cond, uncond] = estimates;
      if (cond !== undefined && estimates.every((estimate) => estimate !== undefined)) advance(cond, uncond);
    },
    fail,
    denoised: () => newest,
  };
}

/** True when no value is NaN or infinite. */
export function isFinite32(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i]!)) return false;
  return true;
}

function numericFault(step: number, sigma: number): FarmError {
  return new FarmError("numeric_fault", `Cannot go on from step ${step} as the velocity is not finite`, {
    details: { step, sigma },
  });
}
