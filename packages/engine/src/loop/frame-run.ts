import { FarmError, invariant } from "@latentfarm/contract";
import { denoise, guide, leadFromSkipped, type Sampler, type SigmaRange } from "@latentfarm/sampling";
import type { Conditioning } from "@latentfarm/sd35";

/**
 * Where a frame's steps stand. It starts at "stepping", or at "stepped" when its sampler has no step left (resumed
 * after the last one); the sampler's end moves it to "stepped", a fault to "failed"; neither of the two is ever left.
 */
export type RunState = "stepping" | "stepped" | "failed";

/** Skip-layer guidance of a frame. */
export interface SkipLayers {
  /** Joint blocks that the third row leaves out. */
  readonly blocks: readonly number[];
  readonly scale: number;
  /** Where it is at work; outside, the row is not asked for. */
  readonly range: SigmaRange;
}

/** The steps of one frame: its own sampler, fed row by row. */
export interface FrameRun {
  /** Latent cells. */
  readonly height: number;
  /** Latent cells. */
  readonly width: number;
  /**
   * One row each: the prompt, with guidance the negative prompt, with skip-layer guidance the prompt once more for the
   * network without some of its blocks.
   */
  readonly conditionings: readonly Conditioning[];
  /** The blocks that a row leaves out. */
  skippedBlocks(row: number): readonly number[];
  readonly state: RunState;
  /** Why the frame failed; set only in that state. */
  readonly error: FarmError | undefined;
  /** Steps completed, of {@link steps}. */
  readonly step: number;
  readonly steps: number;
  /** Requests that the sampler still has, those of the step in progress included. */
  readonly callsLeft: number;
  /** Rows that the sampler waits for; empty when the run is not stepping. */
  pendingRows(): readonly number[];
  /** What the network must see now, the same for each row. */
  request(): { readonly latent: Float32Array; readonly sigma: number };
  /**
   * Takes the velocity of one row; with the last one the sampler advances. A value that is not finite fails this
   * frame as numeric_fault.
   */
  takeVelocity(row: number, velocity: Float32Array | undefined): void;
  /** Told by whoever runs the rows: the most rows of a call that went well with this frame's among them, 0 before. */
  readonly batches: { rowsMax: number };
  fail(error: FarmError): void;
  /** The newest estimate of the finished latent, for previews: ``float32 [16, height, width]``. */
  denoised(): Float32Array | undefined;
}

/** What a run is made of. */
export interface FrameRunInit {
  readonly sampler: Sampler;
  readonly height: number;
  readonly width: number;
  /** The prompt, and with guidance the negative prompt after it. */
  readonly conditionings: readonly Conditioning[];
  readonly skip?: SkipLayers;
  /** The scale; unused with one conditioning. */
  readonly guidance: number;
  /** Called when a step is complete. */
  readonly onStep: (step: number, steps: number) => void;
}

/** Starts the steps of a frame. */
export function createFrameRun(init: FrameRunInit): FrameRun {
  const { sampler, guidance, skip, onStep } = init;
  const [prompt, negative, ...others] = init.conditionings;
  invariant(prompt !== undefined && others.length === 0, "a frame has a prompt, and a negative one at most");
  const conditionings = skip ? [...init.conditionings, prompt] : init.conditionings;
  const skipRow = skip && init.conditionings.length;
  let state: RunState = sampler.done ? "stepped" : "stepping";
  let error: FarmError | undefined;
  let newest: Float32Array | undefined;
  let estimates: (Float32Array | undefined)[] = conditionings.map(() => undefined);

  /** The rows that the sampler's request asks for. */
  function rows(): number[] {
    const skips = skip !== undefined && isWithin(skip.range, sampler.request().sigma);
    return [...estimates.keys()].filter((row) => row !== skipRow || skips);
  }

  function advance(cond: Float32Array): void {
    const before = sampler.step;
    const uncond = negative && estimates[1];
    const guided = uncond === undefined ? cond : guide(cond, uncond, guidance);
    const skipped = skipRow === undefined ? undefined : estimates[skipRow];
    newest = skip && skipped ? leadFromSkipped(guided, { cond, skipped }, skip.scale) : guided;
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
    batches: { rowsMax: 0 },
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
    get callsLeft() {
      return sampler.callsLeft;
    },
    skippedBlocks: (row) => (skip && row === skipRow ? skip.blocks : []),
    pendingRows: () => (state === "stepping" ? rows().filter((row) => estimates[row] === undefined) : []),
    request: () => sampler.request(),
    takeVelocity: (row, velocity) => {
      if (state !== "stepping") return;
      invariant(velocity !== undefined, "the denoiser gives one velocity a row");
      const { latent, sigma } = sampler.request();
      invariant(velocity.length === latent.length, "a velocity has the size of its latent");
      if (!isFinite32(velocity)) return fail(numericFault(sampler.step, sigma));
      estimates[row] = denoise(latent, velocity, sigma);
      const [cond] = estimates;
      if (cond !== undefined && rows().every((wanted) => estimates[wanted] !== undefined)) advance(cond);
    },
    fail,
    denoised: () => newest,
  };
}

function isWithin({ high, low }: SigmaRange, sigma: number): boolean {
  return sigma <= high && sigma >= low;
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
