import { FarmError, type FrameParams, invariant, type ModelInfo } from "@latentfarm/contract";
import type { PrecisionPlan } from "../device/precision-plan.js";
import { type ChildMessage, type FrameId, fromWireError } from "../ipc/messages.js";
import { abortError } from "../loop/abort-error.js";
import type { EndedBatch } from "../loop/run-call.js";
import type { RenderedFrame, RenderOptions } from "../rendered-frame.js";
import type { SavedFrame } from "../snapshot/frame-snapshot.js";
import type { EngineHost, EngineInfo, EngineLog } from "./engine-host.js";
import type { EngineExit, EngineProcess, SpawnEngine } from "./engine-process.js";
import { createFrameLedger, type LedgerEntry } from "./frame-ledger.js";

/** Milliseconds before the first restart; doubled by each that follows without a finished step in between. */
export const RESTART_DELAY_MS = 250;

/** Milliseconds between restarts at most: a farm whose engine cannot start is looked at by a person, not by a loop. */
export const RESTART_DELAY_MAX_MS = 10_000;

/** Starts in a row that may fail before frames in flight are given back, so that another worker can take them. */
export const FAILED_STARTS_MAX = 5;

/** Milliseconds that an engine gets to end by itself; a step that runs longer is not waited for. */
export const CLOSE_MAX_MS = 5_000;

/**
 * Milliseconds that a frame which is given back gets to end its step and hand its snapshot over: less than the 5 s that
 * the queue leaves to aborted frames, so that the snapshot can be kept. A longer step is lost, the snapshot before it
 * is not.
 */
export const SUSPEND_MS_MAX = 3_000;

/** What a supervisor is made of. */
export interface SupervisorOptions {
  readonly spawn: SpawnEngine;
  readonly modelDir: string;
  readonly threads: number;
  readonly plan: PrecisionPlan;
  /** Its version. */
  readonly onnxruntime: string;
  /** Steps between two snapshots of a frame. */
  readonly snapshotSteps: number;
  readonly capsDir?: string;
  readonly log: EngineLog;
  readonly onBatches?: (batches: readonly EndedBatch[]) => void;
}

/**
 * Where the engine stands. It is "starting" from the fork to the first message, then "ready" and takes frames. An exit
 * leads to "waiting" and, after the back-off, to "starting" again. "closed" is entered by disposal or by a first start
 * that fails, and never left.
 */
type SupervisorState = "starting" | "ready" | "waiting" | "closed";

/** Owns the engine process: starts it, gives it frames, and starts it again with them when it crashes. */
export class EngineSupervisor implements EngineHost {
  readonly #options: SupervisorOptions;
  readonly #ledger = createFrameLedger();
  #state: SupervisorState = "starting";
  #process: EngineProcess | undefined;
  #model: ModelInfo | undefined;
  #restarts = 0;
  #failedStarts = 0;
  #delayMs = RESTART_DELAY_MS;
  #restartTimer: NodeJS.Timeout | undefined;
  #refusal: FarmError | undefined;
  #onFirstStart: ((error: FarmError | undefined) => void) | undefined;
  #onExit: (() => void) | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /**
   * Starts the engine for the first time; to be called once.
   * @throws {FarmError} model_invalid, file_invalid or file_unreadable when the engine refuses the model
   * @throws {FarmError} engine_unavailable when the process ends before it is ready
   * @throws {FarmError} interrupted when the signal fired first; the process is killed then: it has nothing to save
   */
  async start(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) throw notStarted();
    const stop = () => {
      this.#state = "closed";
      this.#process?.kill();
      this.#settleFirstStart(notStarted());
    };
    signal?.addEventListener("abort", stop, { once: true });
    const error = await new Promise<FarmError | undefined>((resolve) => {
      this.#onFirstStart = resolve;
      this.#spawn();
    });
    signal?.removeEventListener("abort", stop);
    if (error !== undefined) throw error;
  }

  get info(): EngineInfo {
    invariant(this.#model !== undefined, "an engine that started has a model");
    const pid = this.#process?.pid ?? null;
    const { plan, onnxruntime } = this.#options;
    return { pid, model: this.#model, plan: plan.name, onnxruntime, restarts: this.#restarts };
  }

  async render(params: FrameParams, options: RenderOptions = {}): Promise<RenderedFrame> {
    const { signal } = options;
    if (this.#state === "closed") throw interrupted();
    if (signal?.aborted) throw abortError(signal);
    const { entry, rendered } = this.#ledger.add(params, options);
    let suspending: NodeJS.Timeout | undefined;
    const abort = () => {
      suspending = this.#stopFrame(entry, abortError(signal));
    };
    signal?.addEventListener("abort", abort, { once: true });
    if (this.#state === "ready") this.#sendFrame(entry);
    try {
      return await rendered;
    } finally {
      signal?.removeEventListener("abort", abort);
      clearTimeout(suspending);
    }
  }

  /** Cancels a frame at once; one that is interrupted is waited for, and the timer that ends the wait is given. */
  #stopFrame(entry: LedgerEntry, error: FarmError): NodeJS.Timeout | undefined {
    const { id } = entry;
    if (error.code === "interrupted" && entry.sent && entry.options.onSnapshot !== undefined) {
      this.#process?.send({ type: "suspend", id });
      return setTimeout(() => this.#cancel(entry, error), SUSPEND_MS_MAX);
    }
    this.#cancel(entry, error);
    return undefined;
  }

  #cancel(entry: LedgerEntry, error: FarmError): void {
    this.#ledger.reject(entry.id, error);
    if (entry.sent) this.#process?.send({ type: "cancel", id: entry.id });
  }

  drain(): Promise<void> {
    return this.#ledger.drained();
  }

  /** Gives frames in flight back as interrupted and ends the engine; {@link drain} first to let them finish. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#restartTimer);
    this.#ledger.rejectAll(interrupted());
    const engine = this.#process;
    if (engine === undefined) return;
    await new Promise<void>((resolve) => {
      const deadline = setTimeout(() => engine.kill(), CLOSE_MAX_MS);
      this.#onExit = () => {
        clearTimeout(deadline);
        resolve();
      };
      engine.send({ type: "close" });
    });
  }

  #spawn(): void {
    const { spawn, modelDir, threads, plan, snapshotSteps, capsDir } = this.#options;
    this.#state = "starting";
    this.#refusal = undefined;
    const engine = spawn({
      onMessage: (message) => this.#receive(message),
      onExit: (exit) => this.#exited(exit),
    });
    this.#process = engine;
    const kept = capsDir === undefined ? {} : { capsDir };
    engine.send({ type: "open", modelDir, threads, plan, snapshotSteps, ...kept });
  }

  #sendFrame(entry: LedgerEntry): void {
    const { id, params, options, snapshot } = entry;
    entry.sent = true;
    const { initImage, weight, tag } = options;
    this.#process?.send({
      type: "render",
      id,
      params,
      ...(initImage && { initImage }),
      previews: options.onPreview !== undefined,
      ...(snapshot && { resume: snapshot }),
      ...(weight !== undefined && { weight }),
      ...(tag !== undefined && { tag }),
    });
  }

  #receive(message: ChildMessage): void {
    switch (message.type) {
      case "ready":
        this.#becomeReady(message.model);
        break;
      case "refused":
        this.#refusal = fromWireError(message.error);
        break;
      case "beat":
        break;
      case "step":
        this.#delayMs = RESTART_DELAY_MS;
        this.#ledger.get(message.id)?.options.onStep?.(message.step, message.steps);
        break;
      case "preview":
        this.#ledger.get(message.id)?.options.onPreview?.(message.rgb, message.width, message.height);
        break;
      case "resume":
        this.#ledger.get(message.id)?.options.onResume?.(message.outcome);
        break;
      case "snapshot":
        this.#keepSnapshot(message.id, message.saved);
        break;
      case "batches":
        this.#options.onBatches?.(message.batches);
        break;
      case "rendered":
        this.#ledger.resolve(message.id, message.frame);
        break;
      case "failed":
        this.#ledger.reject(message.id, fromWireError(message.error));
        break;
    }
  }

  #keepSnapshot(id: FrameId, saved: SavedFrame): void {
    const entry = this.#ledger.get(id);
    if (entry === undefined) return;
    entry.snapshot = saved.bytes;
    entry.options.onSnapshot?.(saved);
  }

  #becomeReady(model: ModelInfo): void {
    if (this.#state !== "starting") return;
    this.#state = "ready";
    this.#model = model;
    this.#failedStarts = 0;
    this.#options.log.info({ enginePid: this.#process?.pid, model: model.name }, "engine is ready");
    this.#settleFirstStart(undefined);
    for (const entry of this.#ledger.unsent()) this.#sendFrame(entry);
  }

  #exited(exit: EngineExit): void {
    const enginePid = this.#process?.pid;
    this.#process = undefined;
    if (this.#state === "closed") {
      this.#onExit?.();
      return;
    }
    const { log } = this.#options;
    log.warn({ enginePid, ...exit, framesInFlight: this.#ledger.size }, "engine exited");
    const error = this.#state === "starting" ? (this.#refusal ?? startFailed(exit)) : undefined;
    if (error !== undefined && this.#settleFirstStart(error)) this.#state = "closed";
    else this.#scheduleRestart(error);
  }

  /** Answers {@link start}; false when it was answered before. */
  #settleFirstStart(error: FarmError | undefined): boolean {
    const settle = this.#onFirstStart;
    this.#onFirstStart = undefined;
    settle?.(error);
    return settle !== undefined;
  }

  #scheduleRestart(startError: FarmError | undefined): void {
    if (startError !== undefined) this.#failedStarts += 1;
    if (startError !== undefined && this.#failedStarts >= FAILED_STARTS_MAX) {
      this.#ledger.rejectAll(unavailable(startError));
    }
    this.#ledger.recordCrash();
    this.#state = "waiting";
    this.#restarts += 1;
    this.#restartTimer = setTimeout(() => this.#spawn(), this.#delayMs);
    this.#delayMs = Math.min(this.#delayMs * 2, RESTART_DELAY_MAX_MS);
  }
}

function interrupted(): FarmError {
  return new FarmError("interrupted", "Cannot finish the frame as the engine is closed");
}

function notStarted(): FarmError {
  return new FarmError("interrupted", "Cannot start the engine as it is told to stop");
}

function startFailed({ code, signal, reason }: EngineExit): FarmError {
  const how = reason ?? (signal === null ? `exit code is ${code}` : `signal is ${signal}`);
  return new FarmError("engine_unavailable", `Cannot start the engine as its process ended: ${how}`, {
    details: { code, signal },
  });
}

/** The refusal of a model that was good before: a fault of this machine, so another worker may do better. */
function unavailable(cause: FarmError): FarmError {
  return new FarmError("engine_unavailable", "Cannot finish the frame as the engine does not start again", {
    cause,
    details: { reason: cause.message },
  });
}
