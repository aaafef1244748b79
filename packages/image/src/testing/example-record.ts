import type { FrameParams, PictureRecord } from "@latentfarm/contract";

/** Parameters of a small picture. */
export const EXAMPLE_PARAMS: FrameParams = {
  prompt: "a café",
  negative_prompt: "rain",
  model: "demo",
  width: 48,
  height: 32,
  steps: 8,
  guidance_scale: 4.5,
  sampler: "dpmpp_2m",
  scheduler: "sgm_uniform",
  shift: 3,
  seed: "18446744073709551615",
  output_format: "png",
  output_quality: 95,
};

/** The record of a picture, with some parameters of its own. */
export function exampleRecord(params: Partial<FrameParams> = {}): PictureRecord {
  return {
    version: 1,
    params: { ...EXAMPLE_PARAMS, ...params },
    model: {
      name: "demo",
      architecture: "sd3.5-medium",
      hash: "0123456789abcdef".repeat(4),
      files: {
        diffusion_model: "checkpoints/sd3.5_medium.safetensors",
        vae: "checkpoints/sd3.5_medium.safetensors",
        clip_l: "text_encoders/clip_l.safetensors",
        clip_g: "text_encoders/clip_g.safetensors",
        t5xxl: "text_encoders/t5xxl_fp8_e4m3fn.safetensors",
      },
    },
    plan: "cuda_sm89",
    software: { latentfarm: "0.1.0", onnxruntime: "1.30.0" },
  };
}
