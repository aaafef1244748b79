export type { EngineHost, EngineInfo, EngineLog } from "./host/engine-host.js";
export { SILENCE_MAX_MS, type StartEngineOptions, startEngine } from "./host/start-engine.js";
export { BATCH_PATCHES_MAX, BATCH_ROWS_MAX } from "./loop/step-batcher.js";
export { createPipeline } from "./pipeline/create-pipeline.js";
export {
  type BatchReport,
  type Pipeline,
  type PipelineOptions,
  PREVIEW_INTERVAL_MS,
} from "./pipeline/pipeline.js";
export type { RenderedFrame, RenderOptions, RenderTimings } from "./rendered-frame.js";
export {
  createSession,
  type InputTensor,
  type OutputTensor,
  type Session,
  type SessionOptions,
} from "./session.js";
