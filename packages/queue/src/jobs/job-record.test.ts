import { describe, expect, it } from "vitest";
import { decodeJob } from "./job-record.js";

const PARAMS = {
  prompt: "a sun",
  negative_prompt: "",
  model: "demo",
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
  num_images: 2,
  metadata: {},
  priority: "normal",
};

const FIELDS = {
  id: "job_01ARZ3NDEKTSV4RRFFQ69G5FAV",
  status: "running",
  created_at: "2026-11-22T00:00:00.000Z",
  started_ms: "1795305600000",
  model: "demo",
  tenant: "acme",
  frames: "2",
  steps: "4",
  step_units: "16",
  next: "2",
  open: "1",
  stepped: "3",
  rest: "queued",
  "0:status": "failed",
  "0:attempt": "3",
  "0:step": "1",
  "0:error": '{"code":"numeric_fault","message":"Cannot"}',
  "1:status": "running",
  "1:attempt": "1",
  "1:step": "2",
};

describe("decodeJob()", () => {
  it("gives the wire form with sums over the frames", () => {
    expect(decodeJob({ fields: FIELDS, params: JSON.stringify(PARAMS) })).toMatchObject({
      status: "running",
      started_at: "2026-11-22T00:00:00.000Z",
      finished_at: null,
      error: null,
      progress: { step: 3, steps: 8, frames_done: 1, frames: 2 },
      frames: [
        { index: 0, seed: "7", status: "failed", attempt: 3, error: { code: "numeric_fault" }, result: null },
        { index: 1, seed: "8", status: "running", attempt: 1, error: null },
      ],
    });
  });

  it("takes a job that was taken in before priorities for a normal one", () => {
    const { priority: _priority, ...params } = PARAMS;
    expect(decodeJob({ fields: FIELDS, params: JSON.stringify(params) }).params.priority).toBe("normal");
    const high = { ...params, priority: "high" };
    expect(decodeJob({ fields: FIELDS, params: JSON.stringify(high) }).params.priority).toBe("high");
  });

  it("gives frames that nothing has happened to yet the state of the rest", () => {
    const fields = { ...FIELDS, frames: "4", next: "3", rest: "canceled" };
    const params = JSON.stringify({ ...PARAMS, num_images: 4 });
    const statuses = decodeJob({ fields, params }).frames.map(({ status }) => status);
    expect(statuses).toEqual(["failed", "running", "queued", "canceled"]);
  });

  it("takes a record without a field as a bug", () => {
    const { steps: _steps, ...rest } = FIELDS;
    expect(() => decodeJob({ fields: rest, params: JSON.stringify(PARAMS) })).toThrow(
      expect.objectContaining({ code: "internal" }),
    );
  });
});
