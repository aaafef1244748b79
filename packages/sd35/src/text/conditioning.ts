import { invariant } from "@latentfarm/contract";

/** One CLIP encoder's answer for all chunks of a prompt. */
export interface ClipEncoding {
  /** ``float32 [chunks * tokens, width]``: the penultimate hidden state, chunk after chunk. */
  readonly hidden: Float32Array;
  readonly width: number;
  /** The pooled vector of chunk 0: unprojected for CLIP-L, projected for CLIP-G. */
  readonly pooled: Float32Array;
}

/** T5's answer. */
export interface T5Encoding {
  /** ``float32 [tokens, width]`` */
  readonly hidden: Float32Array;
  readonly width: number;
}

/** What the denoiser is given about a prompt. */
export interface Conditioning {
  /** ``float32 [tokens, width]`` */
  readonly context: Float32Array;
  readonly tokens: number;
  readonly width: number;
  /** ``float32 [pooled width]`` */
  readonly pooled: Float32Array;
}

/** The encoders' answers; one that the model has no encoder for is left out. */
export interface ConditioningParts {
  readonly clipL?: ClipEncoding;
  readonly clipG?: ClipEncoding;
  readonly t5?: T5Encoding;
}

/** What the denoiser expects. */
export interface ConditioningShape {
  readonly contextWidth: number;
  readonly pooledWidth: number;
  /** Rows of zeros when the model has no text encoder at all: one CLIP chunk. */
  readonly clipLength: number;
}

/**
 * Puts the encoders' answers together: CLIP-L beside CLIP-G on the feature axis, zeros up to the context width, T5
 * after them on the sequence axis; pooled is CLIP-L's vector beside CLIP-G's. A missing CLIP encoder leaves zeros in
 * its place (CLIP-G always stands at the end of the pooled vector), a missing T5 no rows.
 *
 * Source: ComfyUI, `comfy/text_encoders/sd3_clip.py`, `SD3ClipModel.encode_token_weights`.
 */
export function assembleConditioning(parts: ConditioningParts, shape: ConditioningShape): Conditioning {
  const { clipL, clipG, t5 } = parts;
  const { contextWidth: width, pooledWidth } = shape;
  const pooled = new Float32Array(pooledWidth);
  if (clipL) pooled.set(clipL.pooled, 0);
  if (clipG) pooled.set(clipG.pooled, pooledWidth - clipG.pooled.length);
  // Without CLIP-L, CLIP-G stands where it would stand beside it; both tables have as many features as pooled values.
  const clipGColumn = clipL?.width ?? pooledWidth - (clipG?.pooled.length ?? 0);
  const clipRows = rowsOf(clipL) ?? rowsOf(clipG) ?? 0;
  const t5Rows = rowsOf(t5) ?? 0;
  const tokens = clipRows + t5Rows || shape.clipLength;
  invariant(!(clipL && clipG) || rowsOf(clipL) === rowsOf(clipG), "CLIP-L and CLIP-G have the same rows");
  const context = new Float32Array(tokens * width);
  const target = { context, width };
  if (clipL) copyRows(clipL, target, { row: 0, column: 0 });
  if (clipG) copyRows(clipG, target, { row: 0, column: clipGColumn });
  if (t5) copyRows(t5, target, { row: clipRows, column: 0 });
  return { context, tokens, width, pooled };
}

function rowsOf(part: { hidden: Float32Array; width: number } | undefined): number | undefined {
  return part && part.hidden.length / part.width;
}

function copyRows(
  part: { readonly hidden: Float32Array; readonly width: number },
  target: { readonly context: Float32Array; readonly width: number },
  at: { readonly row: number; readonly column: number },
): void {
  invariant(at.column + part.width <= target.width, "an encoder's features fit into the context width");
  const rows = part.hidden.length / part.width;
  for (let row = 0; row < rows; row += 1) {
    const source = part.hidden.subarray(row * part.width, (row + 1) * part.width);
    target.context.set(source, (at.row + row) * target.width + at.column);
  }
}
