import { adalnWeights, type Denoiser, forwardTflop, tokenWeights } from "./denoiser-work.js";
import type { GpuMachine } from "./gpu-machines.js";

/** A kind of picture. */
export interface PictureWork {
  readonly denoiser: Denoiser;
  readonly side: number;
  readonly steps: number;
  /** Rows of the denoiser's batch that a frame takes: two with guidance, one without. */
  readonly rows: 1 | 2;
}

/** What is assumed of every GPU: named, so that it can be replaced. */
export interface Assumptions {
  /** The part of the dense float16 peak that is reached: SD3 Medium in TensorRT on an A100 reached 0.50 to 0.52. */
  readonly efficiency: number;
  readonly textTokens: number;
}

/** Seconds and work of a picture on a GPU. */
export interface Estimate {
  /** One frame alone on the GPU. */
  readonly secondsAlone: number;
  /** A frame's share when as many draw together as a call takes. */
  readonly secondsShared: number;
  /** Frames of a call. */
  readonly frames: number;
  /** One frame alone at the full peak: nothing is faster in float16. */
  readonly secondsAtPeak: number;
}

/** The part of the sheet's bandwidth that streaming reaches. */
const BANDWIDTH_SHARE = 0.8;
/** Bytes moved for a weight that is decoded: one read, two written and read again, less the read that float16 has too. */
const DECODE_BYTES = 3;
/** TFLOP of the three text encoders, both prompts, and of the VAE at 1024 x 1024. */
const ENCODER_TFLOP = 5;
const VAE_TFLOP = 10;
const VAE_SIDE = 1_024;
/** Image tokens and rows of one call. Source: BATCH_PATCHES_MAX and BATCH_ROWS_MAX in packages/engine. */
const CALL_TOKENS_MAX = 16_384;
const CALL_ROWS_MAX = 16;
const TOKEN_PX = 16;
const GIGA = 1e9;

/** The roofline of one picture. Nothing here is measured: no GPU has run the code. */
export function estimatePicture(
  machine: GpuMachine,
  work: PictureWork,
  { efficiency, textTokens }: Assumptions,
): Estimate {
  const { denoiser, side, steps, rows } = work;
  const tflop = forwardTflop(denoiser, { width: side, height: side }, textTokens);
  const fixedTflop = ENCODER_TFLOP + VAE_TFLOP * (side / VAE_SIDE) ** 2;
  const rate = machine.halfTflops * efficiency;
  const seconds = (frames: number) =>
    (steps * ((frames * rows * tflop) / rate + decodeSeconds(machine, denoiser))) / frames +
    fixedTflop / rate;
  const frames = framesOfCall(work);
  return {
    secondsAlone: seconds(1),
    secondsShared: seconds(frames),
    frames,
    secondsAtPeak: (steps * rows * tflop) / machine.halfTflops,
  };
}

/** Frames that one call of the denoiser takes at most. */
export function framesOfCall({ side, rows }: Pick<PictureWork, "side" | "rows">): number {
  const tokens = (side / TOKEN_PX) ** 2;
  return Math.max(1, Math.floor(Math.min(CALL_ROWS_MAX, CALL_TOKENS_MAX / tokens) / rows));
}

/** Seconds of one call in which the memory moves weights and nothing is computed. */
function decodeSeconds({ bandwidthGbs }: GpuMachine, denoiser: Denoiser): number {
  const bytes = DECODE_BYTES * tokenWeights(denoiser) + adalnWeights(denoiser);
  return bytes / (bandwidthGbs * GIGA * BANDWIDTH_SHARE);
}
