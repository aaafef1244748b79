import { deserialize, serialize } from "node:v8";
import { FarmError } from "@latentfarm/contract";
import { describe, expect, test } from "vitest";
import { CPU_PLAN } from "../device/precision-plan.js";
import type { EndedBatch } from "../loop/run-call.js";
import {
  type ChildMessage,
  fromWireError,
  type HostMessage,
  parseChildMessage,
  parseHostMessage,
  toWireError,
} from "./messages.js";

const FRAME = {
  rgb: Uint8Array.of(1, 2, 3, 4, 5, 6),
  width: 2,
  height: 1,
  timings: { text_ms: 1.5, steps_ms: 20, vae_ms: 3 },
  moments: { text_begun: 4, steps_begun: 3, steps_done: 2, vae_begun: 1 },
  notes: ["prompt fills 2 CLIP chunks"],
  resumed_from_step: 4,
  batch_rows_max: 2,
};
const MODEL = {
  name: "postcards",
  architecture: "sd3.5-large",
  defaults: {
    width: 64,
    height: 64,
    steps: 20,
    guidance_scale: 4.5,
    sampler: "euler",
    scheduler: "normal",
    shift: 3,
  },
  limits: { width_max: 96, height_max: 96, size_multiple: 16 },
  samplers: ["euler"],
  schedulers: ["normal"],
};
const ERROR = { code: "numeric_fault", message: "Cannot go on", details: { step: 3 } } as const;

const FROM_HOST: readonly HostMessage[] = [
  { type: "open", modelDir: "/models/postcards", threads: 2, plan: CPU_PLAN, snapshotSteps: 5 },
  { type: "render", id: 7, params: { prompt: "a sun" }, previews: true },
  { type: "render", id: 8, params: {}, initImage: Uint8Array.of(1, 2, 3), previews: false },
  { type: "render", id: 9, params: {}, previews: false, resume: Uint8Array.of(4, 5) },
  { type: "render", id: 10, params: {}, previews: false, weight: 0.5, tag: 3 },
  { type: "cancel", id: 7 },
  { type: "suspend", id: 7 },
  { type: "close" },
];
const BATCH: EndedBatch = {
  rows: 4,
  durationMs: 9.5,
  cap: 16,
  classKey: ":8x8/154",
  limit: "empty",
  outcome: "ok",
  frames: [3, 5],
  endedMs: 1_700_000_000_000,
};
const FROM_CHILD: readonly ChildMessage[] = [
  { type: "ready", model: MODEL },
  { type: "refused", error: ERROR },
  { type: "beat" },
  { type: "step", id: 7, step: 1, steps: 20 },
  { type: "preview", id: 7, rgb: Uint8Array.of(1, 2, 3), width: 1, height: 1 },
  { type: "resume", id: 7, outcome: { kind: "resumed", step: 4, steps: 20 } },
  { type: "resume", id: 7, outcome: { kind: "refused", reason: "it is of other weights" } },
  { type: "snapshot", id: 7, saved: { bytes: Uint8Array.of(1, 2), step: 5, steps: 20 } },
  {
    type: "batches",
    batches: [BATCH, { ...BATCH, rows: 2, frames: [], endedMs: 1_700_000_000_010 }],
  },
  { type: "rendered", id: 7, frame: FRAME },
  { type: "failed", id: 7, error: ERROR },
];

describe("parseHostMessage()", () => {
  test.each(FROM_HOST)("reads $type as it was sent", (message) => {
    expect(parseHostMessage(deserialize(serialize(message)))).toEqual(message);
  });

  test.each([
    undefined,
    null,
    "close",
    {},
    { type: "closed" },
    { type: "render", id: 1, params: {}, previews: false, weight: 0 },
    { type: "render", id: 1, params: {}, previews: false, weight: "high" },
    { type: "open", modelDir: 1, threads: 0, plan: CPU_PLAN, snapshotSteps: 5 },
    {
      type: "open",
      modelDir: "/models",
      threads: 0,
      plan: { kind: "cuda", name: "cuda_sm75" },
      snapshotSteps: 5,
    },
    { type: "open", modelDir: "/models", threads: 0, plan: CPU_PLAN },
    { type: "open", modelDir: "/models", threads: -1, plan: CPU_PLAN, snapshotSteps: 5 },
    { type: "render", params: {} },
    { type: "cancel", id: 1.5 },
    { type: "suspend" },
  ])("refuses %j", (value) => {
    expect(() => parseHostMessage(value)).toThrow(FarmError);
  });
});

describe("parseChildMessage()", () => {
  test.each(FROM_CHILD)("reads $type as it was sent", (message) => {
    expect(parseChildMessage(deserialize(serialize(message)))).toEqual(message);
  });

  test.each([
    { type: "resume", id: 7, outcome: { kind: "maybe" } },
    { type: "snapshot", id: 7, saved: { bytes: "text", step: 5, steps: 20 } },
    { type: "ready", model: { ...MODEL, limits: {} } },
    { type: "refused", error: { ...ERROR, code: "no_such_code" } },
    { type: "step", id: 7, step: Number.NaN, steps: 20 },
    { type: "preview", id: 7, rgb: Uint8Array.of(1, 2), width: 1, height: 1 },
    { type: "preview", id: 7, rgb: [1, 2, 3], width: 1, height: 1 },
    { type: "rendered", id: 7, frame: { ...FRAME, width: 3 } },
    { type: "rendered", id: 7, frame: { ...FRAME, timings: { text_ms: 1 } } },
    { type: "rendered", id: 7, frame: { ...FRAME, notes: "none" } },
    { type: "failed", error: ERROR },
    { type: "batches", batches: BATCH },
    { type: "batches", batches: [BATCH, { ...BATCH, limit: "none" }] },
    { type: "batches", batches: [{ ...BATCH, endedMs: undefined }] },
    { type: "batches", batches: [{ ...BATCH, frames: ["a"] }] },
  ])("refuses $type with a wrong field", (value) => {
    expect(() => parseChildMessage(value)).toThrow(FarmError);
  });
});

describe("toWireError()", () => {
  test("keeps code, message and details of a FarmError", () => {
    const error = new FarmError("numeric_fault", "Cannot go on", { details: { step: 3 } });
    expect(fromWireError(toWireError(error))).toMatchObject(ERROR);
  });

  test("makes anything else internal, with its text in the details alone", () => {
    const { code, message, details } = toWireError(new TypeError("a secret path"));
    expect(code).toBe("internal");
    expect(message).not.toContain("secret");
    expect(String(details.reason)).toContain("a secret path");
  });
});
