/** A weight and the tensor that it multiplies. */
export type Term = readonly [weight: number, values: Float32Array];

/** The sum of weighted tensors of equal length, in doubles and rounded once to float32. */
export function combine(...terms: readonly [Term, ...Term[]]): Float32Array {
  const sums = new Float64Array(terms[0][1].length);
  for (const [weight, values] of terms) {
    for (let index = 0; index < sums.length; index += 1) sums[index] = sums[index]! + weight * values[index]!;
  }
  return Float32Array.from(sums);
}

/** The slope of the flow, `(x - denoised) / sigma`: what all methods in sigma integrate. */
export function slopeOf(latent: Float32Array, denoised: Float32Array, sigma: number): Float32Array {
  return combine([1 / sigma, latent], [-1 / sigma, denoised]);
}
