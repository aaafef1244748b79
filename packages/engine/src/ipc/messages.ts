import {
  ERROR_TRAITS,
  type ErrorCode,
  FarmError,
  type ModelInfo,
  modelInfoSchema,
  parseWith,
} from "@latentfarm/contract";
import { CPU_PLAN, type CudaPlanName, type PrecisionPlan } from "../device/precision-plan.js";
import { BATCH_LIMITS, BATCH_OUTCOMES, type EndedBatch } from "../loop/run-call.js";
import type { RenderedFrame, ResumeOutcome } from "../rendered-frame.js";
import type { SavedFrame } from "../snapshot/frame-snapshot.js";

const CUDA_PLANS: readonly CudaPlanName[] = ["cuda_sm80", "cuda_sm89"];

/** Identifies a frame between the host and one child; counts up and is never used twice. */
export type FrameId = number;

/** What the host says to the engine process. */
export type HostMessage =
  | {
      readonly type: "open";
      readonly modelDir: string;
      readonly threads: number;
      readonly plan: PrecisionPlan;
      /** Steps between two snapshots of a frame. */
      readonly snapshotSteps: number;
      /** Where learnt batch caps are kept; nowhere when absent. */
      readonly capsDir?: string;
    }
  | {
      readonly type: "render";
      readonly id: FrameId;
      /** Yet to be parsed against the contract, so that a wrong field fails its frame alone. */
      readonly params: unknown;
      /** The pixels that the frame starts from, when its parameters have `init_image`. */
      readonly initImage?: Uint8Array;
      /** Whether anybody looks at previews: they cost a little at each step. */
      readonly previews: boolean;
      /** The snapshot to go on from; checked where it is used. */
      readonly resume?: Uint8Array;
      /** The frame's share of the device beside other frames; its bounds are checked where it is used. */
      readonly weight?: number;
      /** Names the frame in the reports of step batches. */
      readonly tag?: number;
    }
  | { readonly type: "cancel"; readonly id: FrameId }
  /** Ends a frame between steps with its snapshot, then `failed` as interrupted. */
  | { readonly type: "suspend"; readonly id: FrameId }
  | { readonly type: "close" };

/** What the engine process says to the host. Every message counts as a heartbeat; `beat` is one and nothing else. */
export type ChildMessage =
  | { readonly type: "ready"; readonly model: ModelInfo }
  | { readonly type: "refused"; readonly error: WireError }
  | { readonly type: "beat" }
  | { readonly type: "step"; readonly id: FrameId; readonly step: number; readonly steps: number }
  | {
      readonly type: "preview";
      readonly id: FrameId;
      readonly rgb: Uint8Array;
      readonly width: number;
      readonly height: number;
    }
  | { readonly type: "resume"; readonly id: FrameId; readonly outcome: ResumeOutcome }
  | { readonly type: "snapshot"; readonly id: FrameId; readonly saved: SavedFrame }
  | { readonly type: "batches"; readonly batches: readonly EndedBatch[] }
  | { readonly type: "rendered"; readonly id: FrameId; readonly frame: RenderedFrame }
  | { readonly type: "failed"; readonly id: FrameId; readonly error: WireError };

/** A FarmError as it crosses the process boundary. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Takes an error across: a FarmError as it is, anything else as internal. */
export function toWireError(error: unknown): WireError {
  if (error instanceof FarmError) return { code: error.code, message: error.message, details: error.details };
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: "internal", message: "Cannot go on as the engine met a fault", details: { reason } };
}

/** The FarmError that was sent. */
export function fromWireError(error: WireError): FarmError {
  return new FarmError(error.code, error.message, { details: error.details });
}

/**
 * Checks what came from the host.
 * @throws {FarmError} internal when it is no message of this protocol: the two sides are of different builds
 */
export function parseHostMessage(value: unknown): HostMessage {
  const fields = record(value);
  switch (fields.type) {
    case "open":
      return {
        type: "open",
        modelDir: text(fields, "modelDir"),
        threads: count(fields, "threads"),
        plan: precisionPlan(record(fields.plan)),
        snapshotSteps: count(fields, "snapshotSteps"),
        ...(fields.capsDir !== undefined && { capsDir: text(fields, "capsDir") }),
      };
    case "render":
      return {
        type: "render",
        id: count(fields, "id"),
        params: fields.params,
        ...(fields.initImage instanceof Uint8Array && { initImage: fields.initImage }),
        previews: fields.previews === true,
        ...(fields.resume instanceof Uint8Array && { resume: fields.resume }),
        ...(fields.weight !== undefined && { weight: positive(fields, "weight") }),
        ...(fields.tag !== undefined && { tag: count(fields, "tag") }),
      };
    case "cancel":
      return { type: "cancel", id: count(fields, "id") };
    case "suspend":
      return { type: "suspend", id: count(fields, "id") };
    case "close":
      return { type: "close" };
    default:
      throw unknownMessage("type", fields.type);
  }
}

/**
 * Checks what came from the engine process.
 * @throws {FarmError} internal when it is no message of this protocol
 */
export function parseChildMessage(value: unknown): ChildMessage {
  const fields = record(value);
  switch (fields.type) {
    case "ready":
      return { type: "ready", model: parseWith(modelInfoSchema, fields.model, "the engine's model") };
    case "refused":
      return { type: "refused", error: wireError(fields.error) };
    case "beat":
      return { type: "beat" };
    case "step": {
      const progress = { step: count(fields, "step"), steps: count(fields, "steps") };
      return { type: "step", id: count(fields, "id"), ...progress };
    }
    case "preview":
      return { type: "preview", id: count(fields, "id"), ...picture(fields) };
    case "resume":
      return { type: "resume", id: count(fields, "id"), outcome: resumeOutcome(fields.outcome) };
    case "snapshot":
      return { type: "snapshot", id: count(fields, "id"), saved: savedFrame(fields.saved) };
    case "batches":
      return { type: "batches", batches: endedBatches(fields.batches) };
    case "rendered":
      return { type: "rendered", id: count(fields, "id"), frame: renderedFrame(fields.frame) };
    case "failed":
      return { type: "failed", id: count(fields, "id"), error: wireError(fields.error) };
    default:
      throw unknownMessage("type", fields.type);
  }
}

function renderedFrame(value: unknown): RenderedFrame {
  const fields = record(value);
  const timings = record(fields.timings);
  const moments = record(fields.moments);
  const notes = fields.notes;
  if (!Array.isArray(notes)) throw unknownMessage("notes", typeof notes);
  return {
    ...picture(fields),
    timings: {
      text_ms: milliseconds(timings, "text_ms"),
      steps_ms: milliseconds(timings, "steps_ms"),
      vae_ms: milliseconds(timings, "vae_ms"),
    },
    moments: {
      text_begun: milliseconds(moments, "text_begun"),
      steps_begun: milliseconds(moments, "steps_begun"),
      steps_done: milliseconds(moments, "steps_done"),
      vae_begun: milliseconds(moments, "vae_begun"),
    },
    notes: notes.map(String),
    resumed_from_step: count(fields, "resumed_from_step"),
    batch_rows_max: count(fields, "batch_rows_max"),
  };
}

function endedBatches(value: unknown): readonly EndedBatch[] {
  if (!Array.isArray(value)) throw unknownMessage("batches", typeof value);
  return value.map((one) => endedBatch(record(one)));
}

function endedBatch(fields: Readonly<Record<string, unknown>>): EndedBatch {
  const limit = BATCH_LIMITS.find((known) => known === fields.limit);
  const outcome = BATCH_OUTCOMES.find((known) => known === fields.outcome);
  if (limit === undefined) throw unknownMessage("limit", fields.limit);
  if (outcome === undefined) throw unknownMessage("outcome", fields.outcome);
  const { frames } = fields;
  if (!Array.isArray(frames) || !frames.every(Number.isSafeInteger))
    throw unknownMessage("frames", typeof frames);
  return {
    frames,
    rows: count(fields, "rows"),
    durationMs: milliseconds(fields, "durationMs"),
    cap: milliseconds(fields, "cap"),
    classKey: text(fields, "classKey"),
    limit,
    outcome,
    endedMs: milliseconds(fields, "endedMs"),
  };
}

function resumeOutcome(value: unknown): ResumeOutcome {
  const fields = record(value);
  if (fields.kind === "refused") return { kind: "refused", reason: text(fields, "reason") };
  if (fields.kind !== "resumed") throw unknownMessage("kind", fields.kind);
  return { kind: "resumed", step: count(fields, "step"), steps: count(fields, "steps") };
}

function savedFrame(value: unknown): SavedFrame {
  const fields = record(value);
  const { bytes } = fields;
  if (!(bytes instanceof Uint8Array)) throw unknownMessage("bytes", typeof bytes);
  return { bytes, step: count(fields, "step"), steps: count(fields, "steps") };
}

function precisionPlan(fields: Readonly<Record<string, unknown>>): PrecisionPlan {
  if (fields.name === CPU_PLAN.name) return CPU_PLAN;
  const name = CUDA_PLANS.find((known) => known === fields.name);
  if (name === undefined) throw unknownMessage("plan", fields.name);
  const device = record(fields.device);
  const capability = record(device.computeCapability);
  return {
    kind: "cuda",
    name,
    device: {
      kind: "cuda",
      name: text(device, "name"),
      computeCapability: { major: count(capability, "major"), minor: count(capability, "minor") },
      memoryBytes: count(device, "memoryBytes"),
      memoryFreeBytes: count(device, "memoryFreeBytes"),
      driver: text(device, "driver"),
    },
  };
}

function picture(fields: Readonly<Record<string, unknown>>) {
  const width = count(fields, "width");
  const height = count(fields, "height");
  const rgb = fields.rgb;
  if (!(rgb instanceof Uint8Array) || rgb.length !== width * height * 3)
    throw unknownMessage("rgb", typeof rgb);
  return { rgb, width, height };
}

function wireError(value: unknown): WireError {
  const fields = record(value);
  const code = text(fields, "code");
  if (!isErrorCode(code)) throw unknownMessage("code", code);
  return { code, message: text(fields, "message"), details: record(fields.details) };
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_TRAITS, code);
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw unknownMessage("value", typeof value);
  return Object.fromEntries(Object.entries(value));
}

function text(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw unknownMessage(name, typeof value);
  return value;
}

function count(fields: Readonly<Record<string, unknown>>, name: string): number {
  const value = milliseconds(fields, name);
  if (!Number.isSafeInteger(value)) throw unknownMessage(name, value);
  return value;
}

function positive(fields: Readonly<Record<string, unknown>>, name: string): number {
  const value = fields[name];
  if (typeof value !== "number" || !(value > 0)) throw unknownMessage(name, value);
  return value;
}

function milliseconds(fields: Readonly<Record<string, unknown>>, name: string): number {
  const value = fields[name];
  if (typeof value !== "number" || !(value >= 0)) throw unknownMessage(name, typeof value);
  return value;
}

function unknownMessage(field: string, value: unknown): FarmError {
  return new FarmError("internal", `Cannot read a message as engine protocol: ${field} is ${String(value)}`);
}
