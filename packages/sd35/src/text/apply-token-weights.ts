import { invariant } from "@latentfarm/contract";

const { fround } = Math;

/**
 * Moves each token's encoding away from the empty prompt's, or towards it: `(z - empty) * weight + empty` in float32;
 * a token of weight 1 stays as it is, bit for bit. `empty` is one chunk: it stands against each chunk in turn.
 *
 * Source: ComfyUI, `comfy/sd1_clip.py`, `ClipTokenWeightEncoder`, for behaviour.
 * @param hidden ``float32 [chunks * tokens, width]``
 * @param empty ``float32 [tokens, width]``
 * @param weights one number a token
 */
export function applyTokenWeights(
  hidden: Float32Array,
  empty: Float32Array,
  weights: readonly number[],
): Float32Array {
  const width = hidden.length / weights.length;
  invariant(Number.isInteger(width) && empty.length > 0, "weights have one number a token");
  invariant(hidden.length % empty.length === 0, "a prompt has whole chunks of the empty prompt's length");
  const weighted = hidden.slice();
  for (const [token, weight] of weights.entries()) {
    if (weight === 1) continue;
    const scale = fround(weight);
    for (let i = token * width; i < (token + 1) * width; i += 1) {
      const from = empty[i % empty.length]!;
      weighted[i] = fround(fround(hidden[i]! - from) * scale) + from;
    }
  }
  return weighted;
}
