import { FarmError, type FrameParams, type FrameResult } from "@latentfarm/contract";
import { createMetrics } from "@latentfarm/telemetry";
import { describe, expect, it } from "vitest";
import { tellBatches, tellEngine } from "./tell-engine.js";
import { type ToldFrame, tellFailure, tellResult, tellResume } from "./tell-frame.js";

const PARAMS: FrameParams = {
  prompt: "hush",
  negative_prompt: "",
  model: "demo",
  width: 1_000,
  height: 500,
  steps: 10,
  guidance_scale: 1,
  sampler: "euler",
  scheduler: "simple",
  shift: 3,
  seed: "7",
  output_format: "png",
  output_quality: 90,
};
const FRAME: ToldFrame = { attempt: 2, params: PARAMS, tenant: "acme" };
const RESULT: FrameResult = {
  index: 0,
  seed: "7",
  key: "k",
  width: 1_000,
  height: 500,
  format: "png",
  bytes: 1,
  sha256: "",
  worker: "w1",
  plan: "cpu",
  attempt: 2,
  timings: {
    queue_ms: 1_000,
    text_ms: 20,
    steps_ms: 3_000,
    vae_ms: 40,
    encode_ms: 5,
    upload_ms: 6,
    total_ms: 4_071,
  },
};

describe("tellResult()", () => {
  it("counts a drawn frame, its phases and the cost of the steps that it drew", async () => {
    const metrics = createMetrics("worker");
    tellResult(metrics, FRAME, { model: "demo", result: { ...RESULT, resumed_from_step: 4 } });
    const text = await metrics.text();
    expect(text).toContain('farm_frame_attempts_total{outcome="drawn",tenant_class="keyed",model="demo"} 1');
    expect(text).toContain('farm_cost_megapixel_steps_total{tenant_class="keyed",model="demo"} 3');
    expect(text).toContain('farm_phase_seconds_sum{phase="step",model="demo"} 3');
    expect(text).toContain('farm_phase_seconds_sum{phase="queue",model="demo"} 1');
    expect(text).toContain('farm_frame_seconds_sum{model="demo"} 4.071');
    expect(text).not.toMatch(/acme|hush/);
  });

  it("counts a found frame as no work", async () => {
    const metrics = createMetrics("worker");
    tellResult(metrics, FRAME, { model: "demo", result: { ...RESULT, attempt: 1 } });
    const text = await metrics.text();
    expect(text).toContain('{outcome="found",tenant_class="keyed",model="demo"} 1');
    expect(text).not.toMatch(/^farm_(cost|phase|frame_seconds)[^#]*demo/m);
  });
});

it("tellFailure() knows what burns a try from what does not", async () => {
  const metrics = createMetrics("worker");
  const codes = ["canceled", "expired", "interrupted", "numeric_fault", "engine_crashed"] as const;
  for (const code of codes)
    tellFailure(metrics, { ...FRAME, tenant: "default" }, { model: "m", error: new FarmError(code, "") });
  tellFailure(metrics, FRAME, { model: "m", error: new TypeError("a bug") });
  const text = await metrics.text();
  const counted = [
    ...text.matchAll(/^farm_frame_attempts_total\{outcome="(\w+)",tenant_class="(\w+)".*\} (\d)/gm),
  ];
  expect(counted.map(([, ...fields]) => fields.join(" "))).toEqual([
    "canceled default 2",
    "interrupted default 1",
    "failed default 2",
    "failed keyed 1",
  ]);
});

it("tellResume() counts the steps that a snapshot saved", async () => {
  const metrics = createMetrics("worker");
  tellResume(metrics, { kind: "resumed", step: 15, steps: 20 });
  tellResume(metrics, { kind: "refused", reason: "it is of other weights" });
  const text = await metrics.text();
  expect(text).toContain('farm_resumes_total{outcome="resumed"} 1');
  expect(text).toContain('farm_resumes_total{outcome="refused"} 1');
  expect(text).toContain("farm_resumed_steps_total 15");
});

it("tellBatches() and tellEngine() tell batches and restarts", async () => {
  const metrics = createMetrics("worker");
  const batch = {
    rows: 4,
    durationMs: 250,
    cap: 16,
    classKey: "",
    limit: "rows",
    outcome: "ok",
    frames: [],
  } as const;
  tellBatches(metrics, [{ ...batch, rows: 8, cap: 8 }, batch]);
  tellBatches(metrics, []);
  const info = {
    pid: 7 as number | null,
    restarts: 2,
    plan: "cpu",
    onnxruntime: "",
    model: {} as never,
  } as const;
  let now: { pid: number | null; restarts: number } = info;
  tellEngine(metrics, {
    get info() {
      return { ...info, ...now };
    },
  });
  await metrics.text();
  now = { pid: null, restarts: 3 };
  const text = await metrics.text();
  expect(text).toContain('farm_batches_total{limit="rows",outcome="ok"} 2');
  expect(text).toContain("farm_batch_rows_sum 12");
  expect(text).toContain("farm_batch_seconds_sum 0.5");
  expect(text).toContain("farm_batch_cap_rows 16");
  expect(text).toContain("farm_engine_restarts_total 3");
  expect(text).toContain("farm_engine_up 0");
});
