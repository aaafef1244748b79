import type { ModelInfo } from "@latentfarm/contract";
import { expect, test, vi } from "vitest";
import { CPU_PLAN } from "../device/precision-plan.js";
import type { ChildMessage } from "../ipc/messages.js";
import type { BatchReport } from "../loop/run-call.js";
import type { RenderOptions } from "../rendered-frame.js";
import { type ChildChannel, type OpenPipeline, serveEngine } from "./serve.js";

const DEFAULTS = {
  width: 16,
  height: 16,
  steps: 1,
  guidance_scale: 1,
  sampler: "euler",
  scheduler: "simple",
  shift: 3,
};
const MODEL: ModelInfo = {
  name: "fake",
  architecture: "sd3.5-large",
  defaults: DEFAULTS,
  limits: { width_max: 16, height_max: 16, size_multiple: 16 },
  samplers: ["euler"],
  schedulers: ["simple"],
};
const BATCH: BatchReport = {
  rows: 2,
  durationMs: 5,
  cap: 16,
  classKey: "",
  limit: "empty",
  outcome: "ok",
  frames: [],
};
const PARAMS = {
  ...DEFAULTS,
  prompt: "a",
  negative_prompt: "",
  model: "fake",
  seed: "1",
  output_format: "png",
  output_quality: 90,
};

test("serveEngine() tells batches before a frame's last step and before its failure", async () => {
  const sent: ChildMessage[] = [];
  let receive: (value: unknown) => void = () => undefined;
  const channel: ChildChannel = {
    send: async (message) => void sent.push(message),
    onMessage: (listener) => {
      receive = listener;
    },
    warn: () => undefined,
    exit: () => undefined,
  };
  const open: OpenPipeline = async (_modelDir, { onBatch }) => ({
    model: MODEL,
    submit: async (_params, { onStep } = {}) => {
      for (const step of [1, 2]) {
        onBatch?.(BATCH);
        onStep?.(step, 2);
      }
      onBatch?.({ ...BATCH, outcome: "failed" });
      throw new Error("the picture cannot be decoded");
    },
    render: async () => [],
    close: async () => undefined,
  });
  serveEngine(channel, open);
  receive({ type: "open", modelDir: "/models/fake", threads: 1, plan: CPU_PLAN, snapshotSteps: 5 });
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  receive({ type: "render", id: 1, params: PARAMS, previews: false });
  await vi.waitFor(() => expect(sent.at(-1)?.type).toBe("failed"));
  receive({ type: "close" });
  expect(sent.map((message) => (message.type === "batches" ? message.batches.length : message.type))).toEqual(
    ["ready", "step", 2, "step", 1, "failed"],
  );
});

test("serveEngine() gives the pipeline each frame's weight and tag, and none where the host names none", async () => {
  const told: (number | undefined)[][] = [];
  const sent: ChildMessage[] = [];
  let receive: (value: unknown) => void = () => undefined;
  const exit = vi.fn();
  const channel: ChildChannel = {
    send: async (message) => void sent.push(message),
    onMessage: (listener) => {
      receive = listener;
    },
    warn: () => undefined,
    exit,
  };
  const submit = async (_params: unknown, { weight, tag }: RenderOptions = {}) => {
    told.push([weight, tag]);
    const timings = { text_ms: 0, steps_ms: 0, vae_ms: 0 };
    return {
      rgb: new Uint8Array(3),
      width: 1,
      height: 1,
      timings,
      moments: { text_begun: 4, steps_begun: 3, steps_done: 2, vae_begun: 1 },
      notes: [],
      resumed_from_step: 0,
      batch_rows_max: 1,
    };
  };
  serveEngine(channel, async () => ({
    model: MODEL,
    submit,
    render: async () => [],
    close: async () => undefined,
  }));
  receive({ type: "open", modelDir: "/models/fake", threads: 1, plan: CPU_PLAN, snapshotSteps: 5 });
  await vi.waitFor(() => expect(sent).toEqual([{ type: "ready", model: MODEL }]));
  receive({ type: "render", id: 1, params: PARAMS, previews: false, weight: 4, tag: 9 });
  receive({ type: "render", id: 2, params: PARAMS, previews: false });
  await vi.waitFor(() => expect(sent.filter(({ type }) => type === "rendered")).toHaveLength(2));
  expect(told).toEqual([
    [4, 9],
    [undefined, undefined],
  ]);
  receive({ type: "close" });
  await vi.waitFor(() => expect(exit).toHaveBeenCalledOnce());
});
