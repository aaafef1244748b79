import type { FrameParams, ModelInfo } from "@latentfarm/contract";
import type { BatchReport } from "../loop/run-call.js";
import type { RenderedFrame, RenderOptions } from "../rendered-frame.js";
import type { Runtime } from "../runtime.js";

/** How a pipeline is opened. */
export interface PipelineOptions {
  /** Threads inside one operator; 0 or nothing lets onnxruntime take one per core. */
  readonly threads?: number;
  /** Where the components run; by default the CPU, with these threads. */
  readonly runtime?: Runtime;
  /** Milliseconds between two previews of one frame; by default {@link PREVIEW_INTERVAL_MS}. */
  readonly previewIntervalMs?: number;
  /** Steps between two snapshots of one frame; by default `SNAPSHOT_STEPS`. */
  readonly snapshotSteps?: number;
  /** Milliseconds between two snapshots of one frame at least; by default `SNAPSHOT_MS_MIN`. */
  readonly snapshotMsMin?: number;
  /** Rows of every denoiser call at most, for benches and tests; by default the caps are learnt. */
  readonly batchRows?: number;
  /** Where learnt caps are kept; by default they end with the process. */
  readonly capsPlace?: CapsPlace;
  /** Called after each denoiser call: for benches, tests and metrics. */
  readonly onBatch?: (batch: BatchReport) => void;
}

/** Where a pipeline keeps what it learnt about batches. */
export interface CapsPlace {
  /** A folder; each class of device and model has a file in it. */
  readonly dir: string;
  /** The class of the device: call times of another say nothing. */
  readonly device: string;
  /** Takes a sentence for the log when the file is not used or cannot be written. */
  readonly warn: (text: string) => void;
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
