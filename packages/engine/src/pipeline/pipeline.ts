import type { FrameParams, ModelInfo } from "@latentfarm/contract";
import type { RenderedFrame, RenderOptions } from "../rendered-frame.js";

/** How a pipeline is opened. */
export interface PipelineOptions {
  /** Threads inside one operator; 0 or nothing lets onnxruntime take one per core. */
  readonly threads?: number;
  /** Milliseconds between two previews of one frame; by default {@link PREVIEW_INTERVAL_MS}. */
  readonly previewIntervalMs?: number;
  /** Called after each denoiser call: for benches and tests. */
  readonly onBatch?: (batch: BatchReport) => void;
}

/** One call of the denoiser. */
export interface BatchReport {
  readonly rows: number;
  readonly durationMs: number;
}

/** A previewed frame changes about this often; the host may pass on fewer. */
export const PREVIEW_INTERVAL_MS = 500;

/**
 * The resident pipeline of one model, in this process: onnxruntime blocks the event loop during each run, so only the
 * engine process, benches and tests hold one.
 */
export interface Pipeline {
  readonly model: ModelInfo;
  /**
   * Draws one frame, together with those already in flight.
   * @throws {FarmError} invalid_request when the model cannot draw these parameters
   * @throws {FarmError} numeric_fault when a value is not finite
   * @throws {FarmError} canceled when the signal fired and its reason is no FarmError
   */
  submit(params: FrameParams, options?: RenderOptions): Promise<RenderedFrame>;
  /** Draws several frames together; rejects with the first error. */
  render(frames: readonly FrameParams[]): Promise<RenderedFrame[]>;
  /** Frees the sessions; frames in flight fail as interrupted. */
  close(): Promise<void>;
}
