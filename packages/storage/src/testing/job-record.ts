import type { JobRecord } from "@latentfarm/contract";

/** A job of one frame that was canceled, with what a test changes of it. */
export function jobRecord(changes: Pick<JobRecord, "id"> & Partial<JobRecord>): JobRecord {
  return { ...CANCELED, ...changes };
}

const CANCELED: Omit<JobRecord, "id"> = {
  tenant: "default",
  status: "canceled",
  created_at: "2026-01-01T00:00:00.000Z",
  started_at: null,
  finished_at: "2026-01-01T00:00:01.000Z",
  model: "postcards",
  params: {
    prompt: "a sun",
    negative_prompt: "",
    model: "postcards",
    width: 64,
    height: 64,
    steps: 4,
    guidance_scale: 1,
    sampler: "euler",
    scheduler: "simple",
    shift: 3,
    seed: "7",
    output_format: "png",
    output_quality: 90,
    num_images: 1,
    metadata: {},
    priority: "normal",
  },
  progress: { step: 0, steps: 4, frames_done: 1, frames: 1 },
  position: null,
  start_before: null,
  cost: 0,
  webhook: null,
  eta_seconds: null,
  eta_low_seconds: null,
  eta_high_seconds: null,
  frames: [{ index: 0, seed: "7", status: "canceled", attempt: 0, result: null, error: null }],
  error: null,
};
