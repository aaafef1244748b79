import { jobSchema, LIMITS } from "@latentfarm/contract";
import { describe, expect, it } from "vitest";
import { decodeJob } from "../jobs/job-record.js";
import { webhookBody } from "./payload.js";

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
  num_images: 40,
  metadata: { order: "9" },
  priority: "normal",
};

const HOOK = { endpoint: "ep_1", url: "https://receiver.example/?t=1", events: ["job.succeeded"] };

const FIELDS = {
  id: "job_01ARZ3NDEKTSV4RRFFQ69G5FAV",
  status: "queued",
  created_at: "2026-11-22T00:00:00.000Z",
  model: "demo",
  tenant: "acme",
  frames: "40",
  steps: "4",
  step_units: "16",
  next: "0",
  rest: "queued",
  open: "40",
  hook: JSON.stringify(HOOK),
};

const JOB = decodeJob({ fields: FIELDS, params: JSON.stringify(PARAMS) });

const EVENT = { type: "job.queued", sequence: 3, atMs: 1_795_305_600_000, frame: undefined } as const;

/** The body's data; what is not there is undefined. */
function dataOf(body: string): Record<string, unknown> {
  const parsed: { data: Record<string, unknown> } = JSON.parse(body);
  return parsed.data;
}

describe("webhookBody()", () => {
  it("holds the event and the job as clients see it, with the first frames alone", () => {
    const body = webhookBody(EVENT, JOB, "https://farm.example");
    expect(JSON.parse(body)).toMatchObject({
      type: "job.queued",
      timestamp: "2026-11-22T00:00:00.000Z",
      sequence: 3,
      data: {
        id: JOB.id,
        metadata: { order: "9" },
        progress: { frames: 40 },
        urls: { self: `https://farm.example/v1/jobs/${JOB.id}` },
        webhook: { url: HOOK.url, events: HOOK.events },
      },
    });
    expect(dataOf(body).frames).toHaveLength(LIMITS.webhook_frames_max);
    expect(dataOf(body)).not.toHaveProperty("tenant");
    expect(body).not.toContain("ep_1");
  });

  it("lists of a frame's event that frame", () => {
    const body = webhookBody({ ...EVENT, type: "frame.failed", frame: 33 }, JOB, "");
    expect(dataOf(body).frames).toMatchObject([{ index: 33 }]);
    expect(dataOf(body).urls).toMatchObject({ self: `/v1/jobs/${JOB.id}` });
  });

  it("cuts long prompts, never within a character, and stays small", () => {
    const most = LIMITS.webhook_prompt_chars_max;
    const prompt = `${"a".repeat(most - 1)}🌞${"b".repeat(16_000)}`;
    const params = { ...JOB.params, prompt, negative_prompt: "c".repeat(16_384) };
    const body = webhookBody(EVENT, { ...JOB, params }, "");
    expect(dataOf(body).params).toMatchObject({
      prompt: "a".repeat(most - 1),
      negative_prompt: "c".repeat(most),
    });
    expect(jobSchema.parse(dataOf(body))).toEqual(dataOf(body));
    expect(Buffer.byteLength(body)).toBeLessThan(20_000);
  });

  it("leaves a prompt of just the limit whole", () => {
    const prompt = `${"a".repeat(LIMITS.webhook_prompt_chars_max - 2)}🌞`;
    const body = webhookBody(EVENT, { ...JOB, params: { ...JOB.params, prompt } }, "");
    expect(dataOf(body).params).toMatchObject({ prompt });
  });
});
