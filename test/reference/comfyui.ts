import { existsSync } from "node:fs";
import path from "node:path";
import {
  createBrownianTree,
  createSampler,
  isSamplerName,
  isSchedulerName,
  randn,
  type SamplerName,
  type SchedulerName,
  seedSequence,
  sigmas,
} from "@latentfarm/sampling";
import { describe, expect, it } from "vitest";
import { expectUlps, expectWithin, skipNotOffered } from "./compare.js";
import { NOISE_TOLERANCE } from "./numbers.js";
import { readJson } from "./sources.js";

interface Digest {
  readonly first8: readonly number[];
  readonly last4?: readonly number[];
  readonly sum: number;
  readonly l2: number;
}

interface ComfyUiFile {
  readonly sigmas?: Readonly<Record<string, readonly number[]>>;
  readonly samplers?: Readonly<Record<string, Digest & { readonly calls: number }>>;
  readonly noise?: Readonly<Record<string, Digest | readonly number[]>>;
  readonly brownian?: Readonly<Record<string, readonly number[]>>;
  readonly seedsequence?: readonly SeedState[];
  readonly beta_table_indices?: Readonly<Record<string, readonly number[]>>;
}

interface SeedState {
  readonly entropy: string;
  readonly spawn_key: readonly number[];
  readonly state: readonly number[];
}

const SIGMA_ULPS = 1;
const SAMPLER_TOLERANCE = 1e-5;
/** The sum and the norm of 256 values, each within the tolerance. */
const SAMPLER_SUM_TOLERANCE = 256 * SAMPLER_TOLERANCE;
/** The sum of 262,144 values, each within the noise tolerance in either direction. */
const NOISE_SUM_TOLERANCE = 1e-3;
/** What the file's `_about` says of the toy run. */
const TOY = { seed: 42n, shape: [1, 16, 4, 4], shift: 3 } as const;
/** What the file's `_about` says of the Brownian tree. */
const TREE = { start: 0.002994012, end: 1, seed: 42n, count: 256 } as const;
/** Noise within 5e-7, summed over some twenty levels of the tree that shrink by the square root of a half each. */
const BROWNIAN_TOLERANCE = 2e-6;
/** What noise keys without a count stand for. */
const NOISE_SHAPE = [1, 16, 128, 128] as const;

/**
 * ComfyUI's own sigmas, sampler results, noise, Brownian increments, seeds and beta entries, for every key of
 * comfyui.json. Samplers and schedulers that the farm does not offer are named in a line each and count as skipped.
 */
export function describeComfyUi(dir: string): void {
  const file = path.join(dir, "comfyui.json");
  if (!existsSync(file)) return;
  const cases = readJson<ComfyUiFile>(file);
  describeSchedules(cases);
  describeSamplers(cases);
  describeNoise(cases);
  describeBrownian(cases);
  describeBetaEntries(cases);
}

function describeSchedules({ sigmas: tables = {} }: ComfyUiFile): void {
  describe("comfyui sigmas", () => {
    for (const [key, expected] of Object.entries(tables)) {
      const [scheduler = "", steps = "", shift = ""] = key.split("|");
      if (!isSchedulerName(scheduler)) continue;
      it(key, () => {
        const levels = sigmas({ scheduler, steps: Number(steps), shift: Number(shift) });
        expectUlps(levels, withoutNaN(expected), SIGMA_ULPS);
      });
    }
    listNotOffered("scheduler", Object.keys(tables).map(firstPart), isSchedulerName);
  });
}

function describeSamplers({ samplers = {} }: ComfyUiFile): void {
  describe("comfyui samplers", () => {
    for (const [key, expected] of Object.entries(samplers)) {
      const [sampler = "", scheduler = "", steps = ""] = key.split("|");
      if (!isSamplerName(sampler) || !isSchedulerName(scheduler)) continue;
      it(key, () => checkSampler({ sampler, scheduler, steps: Number(steps), expected }));
    }
    listNotOffered("sampler", Object.keys(samplers).map(firstPart), isSamplerName);
  });
}

function describeNoise({ noise = {} }: ComfyUiFile): void {
  describe("comfyui noise", () => {
    it.each(Object.entries(noise))("%s", (key, expected) => {
      const [seed = "", count] = key.split("|");
      const drawn = randn(BigInt(seed), count === undefined ? NOISE_SHAPE : Number(count));
      if (isList(expected)) expectWithin(drawn, expected, NOISE_TOLERANCE);
      else expectDigest(drawn, expected, { each: NOISE_TOLERANCE, sum: NOISE_SUM_TOLERANCE });
    });
  });
}

/** Increments over `a,b`, and the seeds that the tree draws them with. */
function describeBrownian({ brownian = {}, seedsequence = [] }: ComfyUiFile): void {
  describe("comfyui brownian tree", () => {
    const tree = createBrownianTree(TREE);
    it.each(Object.entries(brownian))("%s", (key, expected) => {
      const [from = Number.NaN, to = Number.NaN] = key.split(",").map(Number);
      expectWithin(tree(from, to).slice(0, expected.length), expected, BROWNIAN_TOLERANCE);
    });
  });
  describe("comfyui seed sequence", () => {
    it.each(seedsequence)("entropy $entropy, key $spawn_key", ({ entropy, spawn_key, state }) => {
      expect([...seedSequence(BigInt(entropy), spawn_key, state.length)]).toEqual(state);
    });
  });
}

/** At shift 1 the sigma of entry i is (i + 1) / 1000. The file has repeated entries, which the schedule takes once. */
function describeBetaEntries({ beta_table_indices: indices = {} }: ComfyUiFile): void {
  describe("comfyui beta entries", () => {
    it.each(Object.entries(indices))("%s steps", (steps, expected) => {
      const levels = sigmas({ scheduler: "beta", steps: Number(steps), shift: 1 });
      const once = expected.filter((entry, index) => entry !== expected[index - 1]);
      expect(Array.from(levels.subarray(0, -1), (sigma) => Math.round(sigma * 1000) - 1)).toEqual(once);
    });
  });
}

/** ComfyUI's kl_optimal divides 0 by 0 for one step; the farm starts that step at the highest sigma, which is 1. */
function withoutNaN(levels: readonly number[]): readonly number[] {
  return levels.map((level) => (Number.isNaN(level) ? 1 : level));
}

function isList(value: Digest | readonly number[]): value is readonly number[] {
  return Array.isArray(value);
}

function firstPart(key: string): string {
  return key.split("|")[0] ?? "";
}

function listNotOffered(kind: string, names: readonly string[], isOffered: (name: string) => boolean): void {
  for (const name of new Set(names)) if (!isOffered(name)) skipNotOffered(`${kind} ${name}`);
}

/** Runs the toy model D(x, s) = 0.9 (1 - s) x + 0.25 s cos(3 x). */
function checkSampler(run: {
  sampler: SamplerName;
  scheduler: SchedulerName;
  steps: number;
  expected: Digest & { readonly calls: number };
}): void {
  const { sampler: name, scheduler, steps, expected } = run;
  const table = sigmas({ scheduler, steps, shift: TOY.shift, sampler: name });
  const sampler = createSampler(name, { sigmas: table, noise: randn(TOY.seed, TOY.shape), seed: TOY.seed });
  let calls = 0;
  while (!sampler.done) {
    const { latent, sigma } = sampler.request();
    calls += 1;
    sampler.advance(latent.map((x) => 0.9 * (1 - sigma) * x + 0.25 * sigma * Math.cos(3 * x)));
  }
  expect(calls).toBe(expected.calls);
  expectDigest(sampler.result(), expected, { each: SAMPLER_TOLERANCE, sum: SAMPLER_SUM_TOLERANCE });
}

function expectDigest(
  values: Float32Array,
  expected: Digest,
  tolerance: { each: number; sum: number },
): void {
  const { first8, last4, sum, l2 } = expected;
  expectWithin(values.slice(0, first8.length), first8, tolerance.each);
  if (last4 !== undefined) expectWithin(values.slice(-last4.length), last4, tolerance.each);
  expect(Math.abs(values.reduce((total, value) => total + value, 0) - sum)).toBeLessThan(tolerance.sum);
  expect(Math.abs(Math.sqrt(values.reduce((total, value) => total + value * value, 0)) - l2)).toBeLessThan(
    tolerance.sum,
  );
}
