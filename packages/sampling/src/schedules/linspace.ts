/** Float32 lanes of one AVX2 register. */
const LANES = 8;
/** PyTorch's vectorised loop takes two registers at a time; what is left over goes through the scalar loop. */
const UNROLLED_LANES = 2 * LANES;

const { fround } = Math;

/**
 * `count` float32 values from `start` to `end`, both included, as `torch.linspace` gives them on the CPU: from each end
 * to the middle, so that both ends are exact.
 *
 * PyTorch's last bit depends on its loops, and a schedule's sigmas show it: a register's first value is a fused multiply
 * and add (the product is exact in a double), its other lanes add a rounded product to it, and a register that begins
 * below the middle goes on from the start beyond it. One value is `start`.
 *
 * Source: pytorch `aten/src/ATen/native/cpu/RangeFactoriesKernel.cpp`, `linspace_kernel`; `aten/src/ATen/cpu/vec`,
 * `arange`. Checked in every bit against the recorded schedules of ComfyUI and of Stability's code.
 */
export function linspace(start: number, end: number, count: number): Float32Array {
  if (count === 1) return Float32Array.of(start);
  const step = fround(fround(end - start) / (count - 1));
  const middle = Math.floor(count / 2);
  const vectorised = count - (count % UNROLLED_LANES);
  const fused = (index: number): number =>
    fround(index < middle ? start + step * index : end - step * (count - 1 - index));
  return Float32Array.from({ length: count }, (_, index) => {
    if (index >= vectorised) return fused(index);
    const lane = index % LANES;
    return fused(index - lane) + fround(step * lane);
  });
}
