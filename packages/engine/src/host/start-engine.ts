import { CPU_PLAN, type PrecisionPlan } from "../device/precision-plan.js";
import type { EndedBatch } from "../loop/run-call.js";
import { onnxruntimeVersion } from "../onnxruntime-version.js";
import { SNAPSHOT_STEPS } from "../snapshot/snapshot-schedule.js";
import type { EngineHost, EngineLog } from "./engine-host.js";
import { spawnEngineProcess } from "./engine-process.js";
import { EngineSupervisor } from "./supervisor.js";

/**
 * Milliseconds without a sign of life after which the engine counts as hung. onnxruntime blocks the process for a
 * whole run, so the limit covers the longest one: a batch of 4 rows of SD3.5 Large at 1024 x 1024 is some 124 TFLOP,
 * about 20 minutes on two CPU cores. A crash is seen at once and does not wait for this.
 */
export const SILENCE_MAX_MS = 30 * 60_000;

/** How an engine is started. */
export interface StartEngineOptions {
  /** The model folder. */
  readonly modelDir: string;
  /** Threads inside one operator; 0 or nothing lets onnxruntime take one per core. */
  readonly threads?: number;
  /** How to compute; on the CPU by default. */
  readonly plan?: PrecisionPlan;
  /** The engine's environment: what CUDA reads of it. Empty by default; nothing secret belongs here. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Steps between two snapshots of a frame; by default `SNAPSHOT_STEPS`. */
  readonly snapshotSteps?: number;
  /** Where learnt batch caps are kept; by default they end with the engine process. */
  readonly capsDir?: string;
  /** Where starts, crashes and the engine's stderr go; nowhere by default. */
  readonly log?: EngineLog;
  /**
   * Called with the engine's step batches in their order, in the host's process: for metrics and traces. They come some
   * 100 ms after the first of them began, and before the end of a frame that was in them; those of an engine that crashes
   * meanwhile never come.
   */
  readonly onBatches?: (batches: readonly EndedBatch[]) => void;
  /** Ends a start that is under way, which may take minutes; an engine that is ready it leaves alone. */
  readonly signal?: AbortSignal;
  /** Milliseconds of silence before the engine is killed; by default {@link SILENCE_MAX_MS}. */
  readonly silenceMaxMs?: number;
}

/**
 * Starts an engine process and waits until it can take frames. The host outlives crashes of the process; dispose of
 * it to end both.
 * @throws {FarmError} model_invalid, file_invalid or file_unreadable when the model cannot run
 * @throws {FarmError} engine_unavailable when the process ends before it is ready
 * @throws {FarmError} interrupted when the signal fired first
 */
export async function startEngine(options: StartEngineOptions): Promise<EngineHost> {
  const { modelDir, threads = 0, snapshotSteps = SNAPSHOT_STEPS } = options;
  const { log = SILENT, silenceMaxMs = SILENCE_MAX_MS } = options;
  const { plan = CPU_PLAN, environment = {} } = options;
  const supervisor = new EngineSupervisor({
    modelDir,
    threads,
    plan,
    onnxruntime: onnxruntimeVersion(),
    snapshotSteps,
    ...(options.capsDir !== undefined && { capsDir: options.capsDir }),
    ...(options.onBatches !== undefined && { onBatches: options.onBatches }),
    log,
    spawn: (events) => spawnEngineProcess({ log, silenceMaxMs, environment }, events),
  });
  await supervisor.start(options.signal);
  return supervisor;
}

const SILENT: EngineLog = { info: () => undefined, warn: () => undefined, error: () => undefined };
