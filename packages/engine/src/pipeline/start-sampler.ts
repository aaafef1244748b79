import { FarmError, frameParamsHash } from "@latentfarm/contract";
import {
  createSampler,
  LATENT_CHANNELS,
  LATENT_SCALE,
  randn,
  restoreSampler,
  type Sampler,
  type SamplerPlan,
  sigmas,
} from "@latentfarm/sampling";
import type { SideUnits } from "../loop/side-budget.js";
import type { ResumeOutcome } from "../rendered-frame.js";
import { decodeSnapshot, encodeSnapshot } from "../snapshot/codec.js";
import { type SavedFrame, type SnapshotIdentity, snapshotMismatch } from "../snapshot/frame-snapshot.js";
import type { CheckedParams } from "./check-params.js";

/** The part of a snapshot's identity that all frames of one pipeline share. */
export type PipelineIdentity = Omit<SnapshotIdentity, "paramsHash">;

/** A frame's sampler, at its start or where an earlier attempt left it. */
export interface StartedSampler {
  readonly sampler: Sampler;
  /** Present when there was a snapshot to go on from. */
  readonly resumed?: ResumeOutcome;
  readonly save: () => SavedFrame;
}

/** What a sampler is started with. */
export interface StartSamplerOptions {
  readonly checked: CheckedParams;
  readonly identity: PipelineIdentity;
  /** The bytes of a snapshot; not trusted. */
  readonly resume: Uint8Array | undefined;
  /** The latent of the frame's image, asked for only when the frame begins anew. */
  readonly encodeImage: () => SideUnits<Float32Array | undefined>;
}

/**
 * Starts a frame's steps, from the snapshot where there is a fitting one. A snapshot that does not fit is not an error:
 * the frame begins anew and says why.
 */
export async function* startSampler(options: StartSamplerOptions): SideUnits<StartedSampler> {
  const { checked, resume } = options;
  const identity = { ...options.identity, paramsHash: frameParamsHash(checked.params) };
  const plan = planOf(checked);
  const attempt = resume && resumeSampler({ checked, plan, identity }, resume);
  const sampler =
    attempt?.kind === "resumed"
      ? attempt.sampler
      : yield* beginSampler({ checked, plan }, options.encodeImage);
  return {
    sampler,
    ...(attempt && { resumed: outcomeOf(attempt) }),
    save: () => {
      const { step, steps } = sampler;
      return { bytes: encodeSnapshot({ identity, steps, sampler: sampler.save() }), step, steps };
    },
  };
}

type ResumeAttempt =
  | { readonly kind: "resumed"; readonly sampler: Sampler }
  | { readonly kind: "refused"; readonly reason: string };

function planOf({ params, sampler, scheduler, seed }: CheckedParams): SamplerPlan {
  const { steps, shift } = params;
  const denoise = params.init_image?.strength ?? 1;
  return { sigmas: sigmas({ scheduler, steps, shift, sampler, denoise }), seed, shift };
}

async function* beginSampler(
  { checked, plan }: { readonly checked: CheckedParams; readonly plan: SamplerPlan },
  encodeImage: StartSamplerOptions["encodeImage"],
): SideUnits<Sampler> {
  const latent = yield* encodeImage();
  const noise = randn(plan.seed, latentShape(checked));
  return createSampler(checked.sampler, { ...plan, noise, ...(latent && { latent }) });
}

function resumeSampler(
  frame: { readonly checked: CheckedParams; readonly plan: SamplerPlan; readonly identity: SnapshotIdentity },
  bytes: Uint8Array,
): ResumeAttempt {
  const { checked, plan, identity } = frame;
  try {
    const snapshot = decodeSnapshot(bytes);
    const mismatch = snapshotMismatch(snapshot, identity);
    if (mismatch !== undefined) return { kind: "refused", reason: mismatch };
    const sampler = restoreSampler(checked.sampler, plan, snapshot.sampler);
    const length = latentShape(checked).reduce((product, side) => product * side, 1);
    if (sampler.latent().length === length) return { kind: "resumed", sampler };
    return { kind: "refused", reason: "its latent is of another size" };
  } catch (error) {
    // RangeError is how a sampler refuses a state of another form or version of itself.
    if (!(error instanceof FarmError || error instanceof RangeError)) throw error;
    return { kind: "refused", reason: error.message };
  }
}

function outcomeOf(attempt: ResumeAttempt): ResumeOutcome {
  if (attempt.kind === "refused") return attempt;
  const { step, steps } = attempt.sampler;
  return { kind: "resumed", step, steps };
}

/** ``[16, height / 8, width / 8]`` */
function latentShape({ params }: CheckedParams): readonly [number, number, number] {
  return [LATENT_CHANNELS, params.height / LATENT_SCALE, params.width / LATENT_SCALE];
}
