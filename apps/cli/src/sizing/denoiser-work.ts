/** The numbers of a denoiser that its work follows from. */
export interface Denoiser {
  readonly name: string;
  /** Joint blocks: image and text side by side. */
  readonly depth: number;
  /** Blocks whose image side attends a second time, to itself. */
  readonly dualBlocks: number;
  readonly hidden: number;
  /** GB of the whole FP8 set: denoiser, three text encoders, VAE. */
  readonly setGb: number;
}

/** SD3.5 Large and Large Turbo. The set was measured: 14,806 MB (test/load/results/residency-full.md). */
export const LARGE: Denoiser = { name: "Large", depth: 38, dualBlocks: 0, hidden: 2_432, setGb: 14.8 };
/** SD3.5 Medium: its denoiser in FP8 beside the same 6.7 GB of encoders and VAE. */
export const MEDIUM: Denoiser = { name: "Medium", depth: 24, dualBlocks: 13, hidden: 1_536, setGb: 9.2 };

/** Pixels of an image token's side: a patch of two latent cells of eight pixels. */
const TOKEN_PX = 16;
/** Weights a token meets in one side of a joint block, in `hidden` squared: qkv 3, projection 1, MLP 8. */
const TOKEN_WEIGHTS = 12;
/** The same of a second attention: qkv 3, projection 1. */
const DUAL_WEIGHTS = 4;
/** Weights of adaLN in one side of a block, met once a row: 6 vectors; the second attention has 3 more. */
const ADALN_WEIGHTS = 6;
const DUAL_ADALN_WEIGHTS = 3;
const TERA = 1e12;

/** Weights that every token meets: they are decoded from FP8 in each call, whatever the number of rows. */
export function tokenWeights({ depth, dualBlocks, hidden }: Denoiser): number {
  return (2 * TOKEN_WEIGHTS * depth + DUAL_WEIGHTS * dualBlocks) * hidden ** 2;
}

/** Weights of adaLN: read in each call, as wide as a third of the model. */
export function adalnWeights({ depth, dualBlocks, hidden }: Denoiser): number {
  return (2 * ADALN_WEIGHTS * depth + DUAL_ADALN_WEIGHTS * dualBlocks) * hidden ** 2;
}

/**
 * TFLOP of one row through the denoiser once: two operations a weight and token, and attention's two products over all
 * tokens. The text side of the last block, which ends early, is left in: it is 0.1 %.
 * @param textTokens 154 for a prompt of up to 75 tokens, 333 with a T5 text of 256
 */
export function forwardTflop(
  { depth, dualBlocks, hidden }: Denoiser,
  { width, height }: { readonly width: number; readonly height: number },
  textTokens: number,
): number {
  const image = (width / TOKEN_PX) * (height / TOKEN_PX);
  const tokens = image + textTokens;
  const joint = depth * (2 * TOKEN_WEIGHTS * hidden ** 2 * tokens + 4 * tokens ** 2 * hidden);
  const dual = dualBlocks * (2 * DUAL_WEIGHTS * hidden ** 2 * image + 4 * image ** 2 * hidden);
  return (joint + dual) / TERA;
}
