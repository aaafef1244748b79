import type { FarmError } from "@latentfarm/contract";
import type { RenderedFrame, RenderOptions } from "../rendered-frame.js";
import { abortError } from "./abort-error.js";
import type { FrameRun } from "./frame-run.js";
import type { StepBatcher } from "./step-batcher.js";

/** A frame whose prompts are encoded, ready for its steps. */
export interface PreparedFrame {
  readonly run: FrameRun;
  readonly notes: readonly string[];
  /** Called after the last step: the finished latent ``float32 [16, height / 8, width / 8]`` in the sampler's space. */
  readonly latent: () => Float32Array;
}

/** A decoded picture. */
export interface DecodedFrame {
  /** ``uint8 [height, width, 3]`` */
  readonly rgb: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** What the loop does with frames; the pipeline gives the real thing, tests a small one. */
export interface FrameStages<Params> {
  /** Encodes the prompts and starts the sampler. `onStep` is to be called after each step. */
  prepare(params: Params, onStep: (step: number, steps: number) => void): Promise<PreparedFrame>;
  decode(prepared: PreparedFrame): Promise<DecodedFrame>;
  /** A small picture of where the frame stands. */
  preview(run: FrameRun): DecodedFrame | undefined;
  readonly batcher: StepBatcher;
}

/** What the loop takes from outside, so that tests own it. */
export interface FrameLoopOptions {
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  /** Lets the event loop turn once, so that messages and cancellations arrive between units of work. */
  readonly turn: () => Promise<void>;
  /** Milliseconds between two previews of one frame. */
  readonly previewIntervalMs: number;
}

/** Frames that are drawn together. */
export interface FrameLoop<Params> {
  /** Frames in flight. */
  readonly size: number;
  /** Takes a frame in; it joins the others between two units of work. */
  submit(params: Params, options?: RenderOptions): Promise<RenderedFrame>;
  /** Fails every frame in flight; resolves when the unit of work that runs is over. */
  stop(error: FarmError): Promise<void>;
}

interface Entry<Params> {
  readonly params: Params;
  readonly options: RenderOptions;
  readonly resolve: (frame: RenderedFrame) => void;
  readonly reject: (error: unknown) => void;
  prepared: PreparedFrame | undefined;
  textMs: number;
  stepsStartedAt: number;
  stepsEndedAt: number;
  previewAt: number;
}

/**
 * Runs frames one unit of work at a time: a prompt, a step batch or a picture. Prompts go first, so that frames which
 * came together share their batches from the first step on; finished latents go next, so that a frame that is done
 * leaves. Each frame needs one of each, so the steps of the others wait no longer than for the frames in flight.
 */
export function createFrameLoop<Params>(
  stages: FrameStages<Params>,
  options: FrameLoopOptions,
): FrameLoop<Params> {
  const roster = createRoster<Params>((run) => stages.batcher.remove(run));
  let running: Promise<void> | undefined;

  async function runUnit(): Promise<void> {
    const waiting = roster.find((entry) => entry.prepared === undefined);
    if (waiting !== undefined) return roster.guard(waiting, () => prepareEntry(stages, waiting, options));
    const stepped = roster.find((entry) => entry.prepared?.run.state === "stepped");
    if (stepped !== undefined) {
      return roster.guard(stepped, async () => {
        const frame = await decodeEntry(stages, stepped, options.now);
        roster.end(stepped, () => stepped.resolve(frame));
      });
    }
    await stages.batcher.runNext();
    roster.settleSteps(options.now());
  }

  async function runAll(): Promise<void> {
    try {
      while (roster.size > 0) {
        await options.turn();
        roster.dropAborted();
        if (roster.size > 0) await runUnit();
      }
    } catch (error) {
      // Only a fault of the loop itself lands here: no frame can be told apart, so all of them fail with it.
      roster.failAll(error);
    } finally {
      running = undefined;
    }
  }

  return {
    get size() {
      return roster.size;
    },
    submit: (params, renderOptions = {}) =>
      new Promise((resolve, reject) => {
        roster.add(newEntry(params, renderOptions, { resolve, reject }));
        running ??= runAll();
      }),
    stop: async (error) => {
      roster.failAll(error);
      await running;
    },
  };
}

/** The frames in flight; every way out of the loop leads through its `end`. */
function createRoster<Params>(leaveBatcher: (run: FrameRun) => void) {
  const entries = new Set<Entry<Params>>();

  function end(entry: Entry<Params>, settle: () => void): void {
    entries.delete(entry);
    if (entry.prepared !== undefined) leaveBatcher(entry.prepared.run);
    settle();
  }

  return {
    get size() {
      return entries.size;
    },
    add: (entry: Entry<Params>) => void entries.add(entry),
    end,
    find: (matches: (entry: Entry<Params>) => boolean) => [...entries].find(matches),
    failAll: (error: unknown) => {
      for (const entry of entries) end(entry, () => entry.reject(error));
    },
    dropAborted: () => {
      for (const entry of entries) {
        const { signal } = entry.options;
        if (signal?.aborted) end(entry, () => entry.reject(abortError(signal)));
      }
    },
    /** Runs one entry's work; its error is that entry's alone. */
    guard: (entry: Entry<Params>, work: () => Promise<void>) =>
      work().catch((error: unknown) => end(entry, () => entry.reject(error))),
    /** Ends entries whose steps failed and notes the time of those whose steps are over. */
    settleSteps: (at: number) => {
      for (const entry of entries) {
        const run = entry.prepared?.run;
        if (run?.state === "failed") end(entry, () => entry.reject(run.error));
        if (run?.state === "stepped") entry.stepsEndedAt = at;
      }
    },
  };
}

function newEntry<Params>(
  params: Params,
  options: RenderOptions,
  settle: Pick<Entry<Params>, "resolve" | "reject">,
): Entry<Params> {
  const times = { textMs: 0, stepsStartedAt: 0, stepsEndedAt: 0, previewAt: Number.NEGATIVE_INFINITY };
  return { params, options, ...settle, prepared: undefined, ...times };
}

async function prepareEntry<Params>(
  stages: FrameStages<Params>,
  entry: Entry<Params>,
  options: FrameLoopOptions,
): Promise<void> {
  const startedAt = options.now();
  const prepared = await stages.prepare(entry.params, (step, steps) => {
    entry.options.onStep?.(step, steps);
    if (step < steps) sendPreview(stages, entry, options);
  });
  entry.prepared = prepared;
  entry.stepsStartedAt = options.now();
  entry.textMs = entry.stepsStartedAt - startedAt;
  stages.batcher.add(prepared.run);
}

function sendPreview<Params>(
  stages: FrameStages<Params>,
  entry: Entry<Params>,
  options: FrameLoopOptions,
): void {
  const { onPreview } = entry.options;
  if (onPreview === undefined || entry.prepared === undefined) return;
  const at = options.now();
  if (at - entry.previewAt < options.previewIntervalMs) return;
  const preview = stages.preview(entry.prepared.run);
  if (preview === undefined) return;
  entry.previewAt = at;
  onPreview(preview.rgb, preview.width, preview.height);
}

async function decodeEntry<Params>(
  stages: FrameStages<Params>,
  entry: Entry<Params>,
  now: () => number,
): Promise<RenderedFrame> {
  const { prepared } = entry;
  if (prepared === undefined) throw new TypeError("Cannot decode a frame: it was never prepared");
  const startedAt = now();
  const picture = await stages.decode(prepared);
  const timings = {
    text_ms: entry.textMs,
    steps_ms: entry.stepsEndedAt - entry.stepsStartedAt,
    vae_ms: now() - startedAt,
  };
  return { ...picture, timings, notes: prepared.notes };
}
