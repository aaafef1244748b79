import { createSession, type InputTensor, type OutputTensor } from "@latentfarm/engine";
import { randn } from "@latentfarm/sampling";
import {
  buildMmdit,
  buildVaeDecoder,
  detectMmdit,
  LATENT_CHANNELS,
  openWeightSource,
} from "@latentfarm/sd35";
import type { PhaseTime } from "./observed-process.js";

/** A picture of 256x256: the VAE makes 8x8 pixels of each latent cell. */
const LATENT_SIDE = 32;

/** Tokens of an SD3.5 prompt: 77 of CLIP and 77 of T5. Source: ComfyUI, `comfy/text_encoders/sd3_clip.py`. */
const CONTEXT_TOKENS = 154;

/** Half noise: any value of 0 to 1000 costs the same. */
const TIMESTEP = 500;

/** The rows of the steps in order: the first finds the memory empty, the last has the two rows of guidance. */
const STEP_ROWS: readonly number[] = [1, 1, 2];

/**
 * Opens a checkpoint as the engine does (one session for the denoiser, one for the VAE's decoder), runs single steps
 * of 256x256 and decodes a picture. `begin` is awaited before each phase, so that an observer knows it has begun.
 * Throws when a result is not finite: the figures would be those of a wrong graph.
 */
export async function loadCheckpoint(
  file: string,
  begin: (phase: string) => Promise<void>,
): Promise<PhaseTime[]> {
  const times: PhaseTime[] = [];
  const timed = async <T>(phase: string, work: () => T | Promise<T>): Promise<T> => {
    await begin(phase);
    const startedAt = performance.now();
    const result = await work();
    times.push({ phase, seconds: (performance.now() - startedAt) / 1000 });
    return result;
  };
  const graphs = await timed("header and graphs", () => {
    const source = openWeightSource(file);
    const config = detectMmdit(source);
    return { config, mmdit: buildMmdit(source, config), vae: buildVaeDecoder(source) };
  });
  const mmdit = await timed("open denoiser", () => createSession(graphs.mmdit));
  const vae = await timed("open VAE decoder", () => createSession(graphs.vae, { keepArena: false }));
  for (const [index, rows] of STEP_ROWS.entries()) {
    const inputs = stepInputs(graphs.config, rows);
    checkFinite(await timed(`step ${index + 1}, ${rowsText(rows)}`, () => mmdit.run(inputs)));
  }
  const latent = noise([1, LATENT_CHANNELS, LATENT_SIDE, LATENT_SIDE]);
  checkFinite(await timed("decode picture", () => vae.run({ latent })));
  await mmdit.release();
  await vae.release();
  return times;
}

function stepInputs(
  config: { readonly contextWidth: number; readonly pooledWidth: number },
  rows: number,
): Record<string, InputTensor> {
  return {
    latent: noise([rows, LATENT_CHANNELS, LATENT_SIDE, LATENT_SIDE]),
    timestep: { dtype: "float32", dims: [rows], data: new Float32Array(rows).fill(TIMESTEP) },
    context: noise([rows, CONTEXT_TOKENS, config.contextWidth]),
    pooled: noise([rows, config.pooledWidth]),
  };
}

function noise(dims: readonly number[]): InputTensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return { dtype: "float32", dims, data: randn(1n, count) };
}

function checkFinite(outputs: Readonly<Record<string, OutputTensor>>): void {
  for (const [name, { data }] of Object.entries(outputs)) {
    if (data.length > 0 && data.every(Number.isFinite)) continue;
    throw new Error(`Cannot measure the model: ${name} is not finite`);
  }
}

function rowsText(rows: number): string {
  return rows === 1 ? "1 row" : `${rows} rows`;
}
