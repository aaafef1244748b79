import type { FrameParams } from "@latentfarm/contract";

/** The demo model's folder, from the repository's root. */
export const DEMO_MODEL = "packages/demo-model/model";

/** The demo model's denoiser, from the repository's root. */
export const DEMO_CHECKPOINT = `${DEMO_MODEL}/checkpoints/postcards-sd35-fp8.safetensors`;

/** What its denoiser sees for one picture of {@link benchFrame}: 64x64 pixels, 20 tokens of CLIP and 20 of T5. */
export const DEMO_STEP = { side: 8, tokens: 40 } as const;

/** The picture that is drawn over and over: as the demo model's defaults have it, 64x64 in 20 steps. */
export function benchFrame(fields: Partial<FrameParams> = {}): FrameParams {
  return {
    prompt: "a yellow sun over blue mountains under an orange sky",
    negative_prompt: "",
    model: "postcards",
    width: 64,
    height: 64,
    steps: 20,
    guidance_scale: 4.5,
    sampler: "euler",
    scheduler: "normal",
    shift: 3,
    seed: "7",
    output_format: "png",
    output_quality: 90,
    ...fields,
  };
}
