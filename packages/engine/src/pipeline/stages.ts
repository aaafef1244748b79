import { type FrameParams, invariant } from "@latentfarm/contract";
import {
  createSampler,
  LATENT_CHANNELS,
  LATENT_SCALE,
  latentPreview,
  latentToVae,
  needsUnconditional,
  randn,
  sigmas,
  vaeToLatent,
} from "@latentfarm/sampling";
import type { PromptEncoder } from "@latentfarm/sd35";
import type { DecodedFrame, FrameStages, PreparedFrame } from "../loop/frame-loop.js";
import { createFrameRun, type FrameRun } from "../loop/frame-run.js";
import type { StepBatcher } from "../loop/step-batcher.js";
import type { Session } from "../session.js";
import type { CheckedParams } from "./check-params.js";
import { fromRgb, toRgb } from "./picture.js";
import { createPromptCache, type EncodedPrompt } from "./prompt-cache.js";

/** What the stages run on. */
export interface StageParts {
  readonly encoder: PromptEncoder;
  readonly vaeDecoder: Session;
  readonly vaeEncoder: () => Promise<Session>;
  readonly batcher: StepBatcher;
}

/** The real stages of a frame: text encoders, sampler, VAE. */
export function createStages({
  encoder,
  vaeDecoder,
  vaeEncoder,
  batcher,
}: StageParts): FrameStages<CheckedParams> {
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
      const { initImage } = checked;
      const latent = initImage && (await encodeImage(await vaeEncoder(), checked.params, initImage));
      return startFrame({ checked, prompts, latent }, onStep);
    },
    decode: (prepared) => decode(vaeDecoder, prepared),
    preview: (run) => preview(run),
    batcher,
  };
}

function startFrame(
  frame: {
    readonly checked: CheckedParams;
    readonly prompts: readonly EncodedPrompt[];
    /** What the frame starts from besides noise, in the sampler's space. */
    readonly latent: Float32Array | undefined;
  },
  onStep: (step: number, steps: number) => void,
): PreparedFrame {
  const { prompts, latent } = frame;
  const { params, sampler, scheduler, seed } = frame.checked;
  const { steps, shift } = params;
  const denoise = params.init_image?.strength ?? 1;
  const height = params.height / LATENT_SCALE;
  const width = params.width / LATENT_SCALE;
  const steered = createSampler(sampler, {
    sigmas: sigmas({ scheduler, steps, shift, sampler, denoise }),
    noise: randn(seed, [LATENT_CHANNELS, height, width]),
    seed,
    ...(latent && { latent }),
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

/**
 * The latent of an image, in the sampler's space. Of the VAE's distribution the mean is taken, so that the start
 * depends on the image alone: a drawn sample would ask for a second seed.
 */
async function encodeImage(session: Session, params: FrameParams, rgb: Uint8Array): Promise<Float32Array> {
  const { width, height } = params;
  const outputs = await session.run({
    image: { dtype: "float32", dims: [1, 3, height, width], data: fromRgb(rgb, width, height) },
  });
  const { moments } = outputs;
  invariant(moments !== undefined, "the VAE gives moments");
  return vaeToLatent(moments.data.subarray(0, moments.data.length / 2));
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
