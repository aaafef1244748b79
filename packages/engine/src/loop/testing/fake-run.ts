import { createSampler, type SamplerName, sigmas } from "@latentfarm/sampling";
import type { Conditioning } from "@latentfarm/sd35";
import { createFrameRun, type FrameRun, type SkipLayers } from "../frame-run.js";
import type { RowBatch } from "../row-batch.js";

/** A frame for tests of the loop. */
export interface FakeFrame {
  readonly seed?: number;
  readonly steps?: number;
  readonly guided?: boolean;
  /** By default euler. */
  readonly sampler?: SamplerName;
  /** Latent cells of both sides. */
  readonly size?: number;
  readonly tokens?: number;
  readonly negativeTokens?: number;
  readonly skip?: SkipLayers;
  readonly onStep?: (step: number, steps: number) => void;
}

/** A run with a real sampler over a small latent whose values are the seed's own. */
export function fakeRun(frame: FakeFrame = {}): FrameRun {
  const { seed = 1, steps = 3, guided = true, size = 4, tokens = 5, onStep = () => undefined } = frame;
  const noise = Float32Array.from({ length: 16 * size * size }, (_, index) => Math.sin(seed * 97 + index));
  const sampler = createSampler(frame.sampler ?? "euler", {
    sigmas: sigmas({ scheduler: "normal", steps, shift: 3 }),
    noise,
    seed: BigInt(seed),
  });
  const prompts = [fakeConditioning(tokens, seed)];
  if (guided) prompts.push(fakeConditioning(frame.negativeTokens ?? tokens, 0));
  return createFrameRun({
    sampler,
    height: size,
    width: size,
    conditionings: prompts,
    guidance: 4.5,
    ...(frame.skip && { skip: frame.skip }),
    onStep,
  });
}

/** A conditioning whose pooled value tells the rows apart. */
export function fakeConditioning(tokens: number, value: number): Conditioning {
  return { tokens, width: 2, context: new Float32Array(tokens * 2), pooled: Float32Array.of(value) };
}

/** A network whose answer depends on the latent, the sigma and the prompt of its row alone. */
export function fakeVelocities(batch: RowBatch): Float32Array[] {
  return batch.rows.map(({ latent, sigma, conditioning }) =>
    latent.map((value) => value * sigma + (conditioning.pooled[0] ?? 0) * 0.01),
  );
}
