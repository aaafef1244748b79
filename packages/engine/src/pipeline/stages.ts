import { type FrameParams, invariant } from "@latentfarm/contract";
import {
  LATENT_CHANNELS,
  LATENT_SCALE,
  latentPreview,
  latentToVae,
  needsUnconditional,
  sigmaRange,
  vaeToLatent,
} from "@latentfarm/sampling";
import type { PromptEncoder } from "@latentfarm/sd35";
import type { DecodedFrame, FrameStages, PreparedFrame } from "../loop/frame-loop.js";
import { createFrameRun, type FrameRun, type SkipLayers } from "../loop/frame-run.js";
import type { SideUnits } from "../loop/side-budget.js";
import type { StepBatcher } from "../loop/step-batcher.js";
import type { Session } from "../session.js";
import type { CheckedParams } from "./check-params.js";
import { fromRgb, toRgb } from "./picture.js";
import { createPromptCache, type EncodedPrompt } from "./prompt-cache.js";
import { type PipelineIdentity, type StartedSampler, startSampler } from "./start-sampler.js";

/** What the stages run on. */
export interface StageParts {
  readonly encoder: PromptEncoder;
  readonly vaeDecoder: Session;
  readonly vaeEncoder: () => Promise<Session>;
  readonly batcher: StepBatcher;
  /** What the snapshots of this pipeline's frames belong to. */
  readonly identity: PipelineIdentity;
}

/** The real stages of a frame: text encoders, sampler, VAE. */
export function createStages({
  encoder,
  vaeDecoder,
  vaeEncoder,
  batcher,
  identity,
}: StageParts): FrameStages<CheckedParams> {
  const cache = createPromptCache();

  async function* encode(text: string, field: "prompt" | "negative_prompt"): SideUnits<EncodedPrompt> {
    const key = `${field} ${text}`;
    const cached = cache.get(key);
    if (cached !== undefined) return cached;
    const tokens = encoder.tokenize(text, field);
    const prompt = { conditioning: yield* encoder.encode(tokens), notes: tokens.notes };
    cache.set(key, prompt);
    return prompt;
  }

  async function* encodeImage({ params, initImage }: CheckedParams): SideUnits<Float32Array | undefined> {
    if (initImage === undefined) return undefined;
    yield "image";
    const session = await vaeEncoder();
    yield "image";
    return imageLatent(session, params, initImage);
  }

  return {
    async *prepare(checked, onStep, resume) {
      const { prompt, negative_prompt, guidance_scale } = checked.params;
      const prompts = [yield* encode(prompt, "prompt")];
      if (needsUnconditional(guidance_scale)) {
        yield "prompt";
        prompts.push(yield* encode(negative_prompt, "negative_prompt"));
      }
      const image = () => encodeImage(checked);
      const started = yield* startSampler({ checked, identity, resume, encodeImage: image });
      return startFrame({ params: checked.params, prompts, started }, onStep);
    },
    decode: (prepared) => decode(vaeDecoder, prepared),
    preview: (run) => preview(run),
    batcher,
  };
}

function startFrame(
  frame: {
    readonly params: FrameParams;
    readonly prompts: readonly EncodedPrompt[];
    readonly started: StartedSampler;
  },
  onStep: (step: number, steps: number) => void,
): PreparedFrame {
  const { params, prompts, started } = frame;
  const { sampler, resumed, save } = started;
  const run = createFrameRun({
    sampler,
    height: params.height / LATENT_SCALE,
    width: params.width / LATENT_SCALE,
    conditionings: prompts.map(({ conditioning }) => conditioning),
    guidance: params.guidance_scale,
    ...skipLayers(params),
    onStep,
  });
  const notes = prompts.flatMap((prompt) => prompt.notes);
  return { run, notes, latent: () => sampler.result(), save, ...(resumed && { resumed }) };
}

/** At scale 0 skip-layer guidance would change nothing, so its row is not drawn, as in ComfyUI. */
function skipLayers({ skip_layer_guidance: guidance, shift }: FrameParams): { readonly skip?: SkipLayers } {
  if (guidance === undefined || guidance.scale === 0) return {};
  const { layers, scale, start, end } = guidance;
  return { skip: { blocks: layers, scale, range: sigmaRange(shift, start, end) } };
}

/**
 * The latent of an image, in the sampler's space. Of the VAE's distribution the mean is taken, so that the start
 * depends on the image alone: a drawn sample would ask for a second seed.
 */
async function imageLatent(session: Session, params: FrameParams, rgb: Uint8Array): Promise<Float32Array> {
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
