import { invariant } from "@latentfarm/contract";
import {
  createSampler,
  LATENT_CHANNELS,
  LATENT_SCALE,
  latentPreview,
  latentToVae,
  needsUnconditional,
  randn,
  sigmas,
} from "@latentfarm/sampling";
import type { PromptEncoder } from "@latentfarm/sd35";
import type { DecodedFrame, FrameStages, PreparedFrame } from "../loop/frame-loop.js";
import { createFrameRun, type FrameRun } from "../loop/frame-run.js";
import type { StepBatcher } from "../loop/step-batcher.js";
import type { Session } from "../session.js";
import type { CheckedParams } from "./check-params.js";
import { toRgb } from "./picture.js";
import { createPromptCache, type EncodedPrompt } from "./prompt-cache.js";

/** What the stages run on. */
export interface StageParts {
  readonly encoder: PromptEncoder;
  readonly vaeDecoder: Session;
  readonly batcher: StepBatcher;
}

/** The real stages of a frame: text encoders, sampler, VAE. */
export function createStages({ encoder, vaeDecoder, batcher }: StageParts): FrameStages<CheckedParams> {
  const cache = createPromptCache();

  async function encode(text: string, field: "prompt" | "negative_prompt"): Promise<EncodedPrompt> {
    const key = `${field} ${text}`;
    const cached = cache.get(key);
    if (cached !== undefined) return cached;
    const tokens = encoder.tokenize(text, field);
    const prompt = { conditioning: await encoder.encode(tokens), notes: tokens.notes };
    cache.set(key, prompt);
    return prompt;
  }

  return {
    prepare: async (checked, onStep) => {
      const { prompt, negative_prompt, guidance_scale } = checked.params;
      const prompts = [await encode(prompt, "prompt")];
      if (needsUnconditional(guidance_scale)) prompts.push(await encode(negative_prompt, "negative_prompt"));
      return startFrame(checked, prompts, onStep);
    },
    decode: (prepared) => decode(vaeDecoder, prepared),
    preview: (run) => preview(run),
    batcher,
  };
}

function startFrame(
  { params, sampler, scheduler, seed }: CheckedParams,
  prompts: readonly EncodedPrompt[],
  onStep: (step: number, steps: number) => void,
): PreparedFrame {
  const { steps, shift } = params;
  const height = params.height / LATENT_SCALE;
  const width = params.width / LATENT_SCALE;
  const steered = createSampler(sampler, {
    sigmas: sigmas({ scheduler, steps, shift, sampler }),
    noise: randn(seed, [LATENT_CHANNELS, height, width]),
    seed,
  });
  const run = createFrameRun({
    sampler: steered,
    height,
    width,
    conditionings: prompts.map(({ conditioning }) => conditioning),
    guidance: params.guidance_scale,
    onStep,
  });
  return { run, notes: prompts.flatMap(({ notes }) => notes), latent: () => steered.result() };
}

async function decode(session: Session, { run, latent }: PreparedFrame): Promise<DecodedFrame> {
  const { height, width } = run;
  const outputs = await session.run({
    latent: { dtype: "float32", dims: [1, LATENT_CHANNELS, height, width], data: latentToVae(latent()) },
  });
  const { image } = outputs;
  invariant(image !== undefined, "the VAE gives an image");
  const picture = { width: width * LATENT_SCALE, height: height * LATENT_SCALE };
  return { ...picture, rgb: toRgb(image.data, picture.width, picture.height) };
}

function preview(run: FrameRun): DecodedFrame | undefined {
  const { height, width } = run;
  const latent = run.denoised();
  return latent && { rgb: latentPreview(latent, height, width), width, height };
}
