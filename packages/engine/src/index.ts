export { hasCudaProvider } from "./device/cuda-provider.js";
export { type PlanDeviceOptions, planDevice } from "./device/plan-device.js";
export {
  type ChosenPlan,
  CPU_PLAN,
  choosePlan,
  DEVICE_WISHES,
  type DeviceWish,
  type PrecisionPlan,
} from "./device/precision-plan.js";
export {
  type CudaDevice,
  type Device,
  probeDevice,
  type RunCommand,
  runCommand,
} from "./device/probe-device.js";
export type { CheckOutcome, CheckResult } from "./gpu-check/check.js";
export { type GpuCheckOptions, type GpuReport, runGpuCheck } from "./gpu-check/run-gpu-check.js";
export type { EngineHost, EngineInfo, EngineLog } from "./host/engine-host.js";
export { SILENCE_MAX_MS, type StartEngineOptions, startEngine } from "./host/start-engine.js";
export type { BatchLimit } from "./loop/plan-call.js";
export type { BatchReport, EndedBatch } from "./loop/run-call.js";
export { BATCH_PATCHES_MAX, BATCH_ROWS_MAX } from "./loop/step-batcher.js";
export { createPipeline } from "./pipeline/create-pipeline.js";
export {
  type CapsPlace,
  type Pipeline,
  type PipelineOptions,
  PREVIEW_INTERVAL_MS,
} from "./pipeline/pipeline.js";
export type {
  RenderedFrame,
  RenderMoments,
  RenderOptions,
  RenderTimings,
  ResumeOutcome,
} from "./rendered-frame.js";
export { createRuntime, type Runtime } from "./runtime.js";
export {
  createSession,
  type InputTensor,
  type OutputTensor,
  openSession,
  type Session,
} from "./session.js";
export { type SessionOptions, sessionOptions } from "./session-options.js";
export type { SavedFrame } from "./snapshot/frame-snapshot.js";
export { SNAPSHOT_MS_MAX, SNAPSHOT_MS_MIN, SNAPSHOT_STEPS } from "./snapshot/snapshot-schedule.js";
