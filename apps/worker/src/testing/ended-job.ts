import { createJobId, type FrameRecord, type JobRecord, type Status } from "@latentfarm/contract";

/** An ended job whose frames have these states after these attempts. */
export function endedJob(frames: readonly (readonly [Status, number])[]): JobRecord {
  return {
    id: createJobId({ nowMs: 1, random: new Uint8Array(10) }),
    tenant: "default",
    status: "failed",
    created_at: "",
    started_at: null,
    finished_at: null,
    model: "demo",
    params: {
      prompt: "a",
      negative_prompt: "",
      model: "demo",
      width: 16,
      height: 16,
      steps: 1,
      guidance_scale: 1,
      sampler: "euler",
      scheduler: "simple",
      shift: 3,
      seed: "7",
      output_format: "png",
      output_quality: 90,
      num_images: frames.length,
      metadata: {},
      priority: "normal",
    },
    progress: { step: 0, steps: 1, frames_done: 0, frames: frames.length },
    position: null,
    start_before: null,
    cost: 0,
    webhook: null,
    eta_seconds: null,
    eta_low_seconds: null,
    eta_high_seconds: null,
    frames: frames.map(
      ([status, attempt], index): FrameRecord => ({
        index,
        seed: "7",
        status,
        attempt,
        result: null,
        error: null,
      }),
    ),
    error: null,
  };
}
