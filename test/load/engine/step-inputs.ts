import type { InputTensor } from "@latentfarm/engine";
import { randn } from "@latentfarm/sampling";
import { LATENT_CHANNELS, type MmditConfig } from "@latentfarm/sd35";

/** Half noise: any value of 0 to 1000 costs the same. */
const TIMESTEP = 500;

/** What one call of a denoiser sees. */
export interface StepShape {
  readonly config: Pick<MmditConfig, "contextWidth" | "pooledWidth">;
  /** Height and width of the latent. */
  readonly side: number;
  /** Text tokens. */
  readonly tokens: number;
}

/** Inputs of a denoiser, all rows alike; noise for text as well. */
export function stepInputs(shape: StepShape, rows: number): Record<string, InputTensor> {
  const { config, side, tokens } = shape;
  return {
    latent: repeatNoise([LATENT_CHANNELS, side, side], rows),
    timestep: { dtype: "float32", dims: [rows], data: new Float32Array(rows).fill(TIMESTEP) },
    context: repeatNoise([tokens, config.contextWidth], rows),
    pooled: repeatNoise([config.pooledWidth], rows),
  };
}

function repeatNoise(dims: readonly number[], rows: number): InputTensor {
  const noise = randn(
    1n,
    dims.reduce((product, dim) => product * dim, 1),
  );
  const data = new Float32Array(rows * noise.length);
  for (let row = 0; row < rows; row++) data.set(noise, row * noise.length);
  return { dtype: "float32", dims: [rows, ...dims], data };
}
