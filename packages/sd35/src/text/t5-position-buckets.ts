/** Buckets of T5's relative position bias. Source: Hugging Face transformers, T5Config. */
const BUCKETS = 32;

/** Distance in tokens from which all share the last bucket. Source: T5Config.relative_attention_max_distance. */
const DISTANCE_MAX = 128;

/**
 * The bucket of every pair of positions: ``int64 [tokens, tokens]``, row = the position that looks, column = the one
 * looked at. Half of the buckets are for later positions; in each half the first 8 hold one distance each, the others
 * grow logarithmically.
 *
 * Source: Hugging Face transformers, `modeling_t5.py`, `_relative_position_bucket` with bidirectional=True.
 */
export function t5PositionBuckets(tokens: number): BigInt64Array {
  const buckets = new BigInt64Array(tokens * tokens);
  const byOffset = Array.from({ length: 2 * tokens - 1 }, (_, i) => BigInt(bucketOf(i - (tokens - 1))));
  for (let from = 0; from < tokens; from += 1) {
    for (let to = 0; to < tokens; to += 1) {
      buckets[from * tokens + to] = byOffset[to - from + tokens - 1]!;
    }
  }
  return buckets;
}

/** The bucket of a position `offset` tokens later (earlier when negative). */
function bucketOf(offset: number): number {
  const half = BUCKETS / 2;
  const exact = half / 2;
  const side = offset > 0 ? half : 0;
  const distance = Math.abs(offset);
  if (distance < exact) return side + distance;
  // The reference computes in float32; at the powers of two where it matters (8, 16, 32, 64) both give whole numbers.
  const log = Math.fround(
    Math.fround(Math.log(distance / exact)) / Math.fround(Math.log(DISTANCE_MAX / exact)),
  );
  return side + Math.min(half - 1, exact + Math.floor(Math.fround(log * (half - exact))));
}
