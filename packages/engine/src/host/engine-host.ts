import type { FrameParams, ModelInfo, PrecisionPlanName } from "@latentfarm/contract";
import type { RenderedFrame, RenderOptions } from "../rendered-frame.js";

/** Where the engine writes what happens to it: a pino logger fits. */
export interface EngineLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What is known of the engine process. */
export interface EngineInfo {
  /** The process id of the engine now, or null between a crash and the next start. */
  readonly pid: number | null;
  readonly model: ModelInfo;
  /** How the engine computes. */
  readonly plan: PrecisionPlanName;
  /** The version of onnxruntime. */
  readonly onnxruntime: string;
  /** How often the engine was started again. */
  readonly restarts: number;
}

/**
 * The engine as its worker sees it. The process behind it may crash and come back; the host stays, and the frames in
 * flight go on from their last snapshot.
 */
export interface EngineHost extends AsyncDisposable {
  readonly info: EngineInfo;
  /**
   * Draws one frame; frames in flight together share step batches where their class matches. A signal that fires with
   * a FarmError interrupted leaves the engine `SUSPEND_MS_MAX` to end its step and hand a snapshot over.
   * @throws {FarmError} invalid_request when the model cannot draw these parameters
   * @throws {FarmError} numeric_fault when the network gave a value that is not finite
   * @throws {FarmError} engine_crashed when the engine crashed too often with this frame in flight
   * @throws {FarmError} engine_unavailable when the engine does not start again
   * @throws {FarmError} canceled when the signal fired and its reason is no FarmError
   * @throws {FarmError} interrupted when the host was disposed of first
   */
  render(frame: FrameParams, options?: RenderOptions): Promise<RenderedFrame>;
  /** Resolves when no frame is in flight; new frames are still taken. */
  drain(): Promise<void>;
}
