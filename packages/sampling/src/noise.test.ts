import { describe, expect, it } from "vitest";
import { randn } from "./noise.js";

/** PyTorch's vectorised logarithm and sine differ from exact ones by up to this. */
const TOLERANCE = 5e-7;

/** Written by torch 2 on a CPU: `torch.manual_seed(seed); torch.randn([1, 16, 128, 128])`. */
const GOLDEN = [
  {
    seed: 0n,
    first: [-1.1258398294448853, -1.152360200881958, -0.2505785822868347, -0.4338788092136383],
    last: [-0.6056633591651917, -0.17997485399246216, -1.2138676643371582, 0.07685992121696472],
    sum: -888.9204999630147,
  },
  {
    seed: 42n,
    first: [1.9269152879714966, 1.4872840642929077, 0.9007171988487244, -2.1055209636688232],
    last: [-1.301058292388916, 0.6081021428108215, -1.762245774269104, -2.3294172286987305],
    sum: -62.91328232561227,
  },
  {
    seed: 18446744073709551615n,
    first: [-2.664297580718994, -1.0910485982894897, 0.45144742727279663, 0.22836069762706757],
    last: [0.7854061722755432, 0.26968899369239807, -0.8097966313362122, -0.16473545134067535],
    sum: 755.3188797415031,
  },
];

/** The same for `torch.manual_seed(42); torch.randn(15)`, which takes the path in double precision. */
const GOLDEN_SHORT = [
  0.33669036626815796, 0.12880940735340118, 0.23446236550807953, 0.23033303022384644, -1.1228563785552979,
  -0.18632829189300537, 2.2082014083862305, -0.637997031211853, 0.46165722608566284, 0.2673508822917938,
  0.5349046587944031, 0.809357225894928, 1.110290288925171, -1.6897989511489868, -0.9889599084854126,
];

function expectClose(values: Float32Array, expected: readonly number[]): void {
  expect(values.length).toBe(expected.length);
  for (const [index, value] of values.entries()) {
    expect(Math.abs(value - (expected[index] ?? NaN))).toBeLessThanOrEqual(TOLERANCE);
  }
}

describe("randn()", () => {
  it.each(GOLDEN)("gives PyTorch's latent of 1024x1024 for seed $seed", ({ seed, first, last, sum }) => {
    const values = randn(seed, [1, 16, 128, 128]);
    expectClose(values.subarray(0, 4), first);
    expectClose(values.subarray(-4), last);
    expect(values.reduce((total, value) => total + value, 0)).toBeCloseTo(sum, 3);
  });

  it("gives PyTorch's values for fewer than 16", () => {
    expectClose(randn(42n, 15), GOLDEN_SHORT);
    expectClose(randn(42n, 4), GOLDEN_SHORT.slice(0, 4));
    expectClose(randn(42n, 3), GOLDEN_SHORT.slice(0, 3));
  });

  it("draws the last 16 afresh when the count is no multiple of 16", () => {
    const whole = randn(7n, 32);
    const rest = randn(7n, 24);
    expect(rest.subarray(0, 8)).toEqual(whole.subarray(0, 8));
    expect(rest.subarray(8, 16)).not.toEqual(whole.subarray(8, 16));
  });

  it("takes seeds modulo 2^32, as PyTorch does", () => {
    expect(randn(2n ** 32n + 5n, 64)).toEqual(randn(5n, 64));
    expect(randn(6n, 64)).not.toEqual(randn(5n, 64));
  });

  it("rejects seeds and counts out of range", () => {
    expect(() => randn(-1n, 16)).toThrow(RangeError);
    expect(() => randn(2n ** 64n, 16)).toThrow(RangeError);
    expect(() => randn(0n, -1)).toThrow(RangeError);
    expect(() => randn(0n, [1, 1.5])).toThrow(RangeError);
    expect(randn(2n ** 64n - 1n, 0)).toHaveLength(0);
  });
});
