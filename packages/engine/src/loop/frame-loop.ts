import type { FarmError } from "@latentfarm/contract";
import type { RenderedFrame, RenderOptions, ResumeOutcome } from "../rendered-frame.js";
import type { SavedFrame } from "../snapshot/frame-snapshot.js";
import type { SnapshotPace } from "../snapshot/snapshot-schedule.js";
import { abortError } from "./abort-error.js";
import type { FrameRun } from "./frame-run.js";
import { createFrameSaver, type FrameSaver } from "./frame-saver.js";
import type { JoinOptions } from "./plan-call.js";
import { createSideBudget, type SideUnits, type SideWork } from "./side-budget.js";
import type { StepBatcher } from "./step-batcher.js";

/** A frame whose prompts are encoded, ready for its steps. */
export interface PreparedFrame {
  readonly run: FrameRun;
  readonly notes: readonly string[];
  /** Called after the last step: the finished latent ``float32 [16, height / 8, width / 8]`` in the sampler's space. */
  readonly latent: () => Float32Array;
  /** Where the frame stands, for another engine to go on with. */
  readonly save: () => SavedFrame;
  /** What became of the snapshot that the frame was to go on from; absent without one. */
  readonly resumed?: ResumeOutcome;
  /** How the frame takes part in batches, its weight excepted. */
  readonly join?: Omit<JoinOptions, "weight">;
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
  /**
   * Encodes the prompts and starts the sampler, at the snapshot `resume` if there is one that fits. `onStep` is to be
   * called after each step. Each unit runs a session once at most.
   */
  prepare(
    params: Params,
    onStep: (step: number, steps: number) => void,
    resume?: Uint8Array,
  ): SideUnits<PreparedFrame>;
  /** A unit of its own. */
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
  /** How often frames whose caller asks for snapshots are saved. */
  readonly snapshotPace: SnapshotPace;
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
  preparing: SideUnits<PreparedFrame> | undefined;
  prepared: PreparedFrame | undefined;
  /** What the next unit of its preparation does. */
  nextWork: SideWork;
  saver: FrameSaver | undefined;
  /** Counts up over all entries: when it last came to wait for its text or its picture. */
  waitsSince: number;
  textMs: number;
  textStartedAt: number | undefined;
  stepsStartedAt: number;
  stepsEndedAt: number | undefined;
  previewAt: number;
}

/**
 * Runs frames one unit of work at a time: a step batch, or work beside the steps, which runs a session once at most.
 * That goes first, so that frames which came together share their batches and a frame that is done leaves: pictures
 * before prompts, and each in the order in which they came, so that a prompt which others share is encoded once. But
 * while frames wait for their steps, only as many units go between two step batches as {@link createSideBudget} lets
 * through: one, or 250 ms.
 */
export function createFrameLoop<Params>(
  stages: FrameStages<Params>,
  options: FrameLoopOptions,
): FrameLoop<Params> {
  const roster = createRoster<Params>((run) => stages.batcher.remove(run));
  const budget = createSideBudget();
  let running: Promise<void> | undefined;

  async function runUnit(): Promise<void> {
    const startedAt = options.now();
    const waiting = roster.nextSideWork();
    const work = waiting && sideWorkOf(waiting);
    if (waiting !== undefined && work !== undefined && (stages.batcher.size === 0 || budget.allows(work))) {
      await roster.guard(waiting, () => runSideWork(waiting, work));
      budget.spend(work, options.now() - startedAt);
      return;
    }
    await stages.batcher.runNext();
    const endedAt = options.now();
    budget.refill(endedAt - startedAt);
    roster.settleSteps(endedAt);
  }

  async function runSideWork(entry: Entry<Params>, work: SideWork): Promise<void> {
    if (work !== "picture") {
      const prepared = await prepareOn(stages, entry, options);
      // A frame that was dropped during its unit must not come to the batcher, which nobody would take it from.
      if (prepared !== undefined && roster.has(entry)) startSteps(stages, { entry, prepared }, options);
      return;
    }
    const frame = await decodeEntry(stages, entry, options.now);
    roster.end(entry, () => entry.resolve(frame));
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
  let arrivals = 0;

  function end(entry: Entry<Params>, settle: () => void): void {
    entries.delete(entry);
    if (entry.prepared !== undefined) leaveBatcher(entry.prepared.run);
    settle();
  }

  return {
    get size() {
      return entries.size;
    },
    add: (entry: Entry<Params>) => {
      entry.waitsSince = arrivals++;
      entries.add(entry);
    },
    has: (entry: Entry<Params>) => entries.has(entry),
    end,
    /**
     * The entry that waits the longest for its picture, without one the longest for its text. The pictures are of
     * frames that have their text, so they keep nobody's text waiting for good.
     */
    nextSideWork: () => {
      const waiting = [...entries]
        .filter((entry) => sideWorkOf(entry) !== undefined)
        .sort((a, b) => a.waitsSince - b.waitsSince);
      return waiting.find((entry) => sideWorkOf(entry) === "picture") ?? waiting[0];
    },
    failAll: (error: unknown) => {
      for (const entry of entries) end(entry, () => entry.reject(error));
    },
    dropAborted: () => {
      for (const entry of entries) {
        const { signal } = entry.options;
        if (!signal?.aborted) continue;
        const error = abortError(signal);
        if (error.code === "interrupted") entry.saver?.leave();
        end(entry, () => entry.reject(error));
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
        if (run?.state !== "stepped" || entry.stepsEndedAt !== undefined) continue;
        entry.stepsEndedAt = at;
        entry.waitsSince = arrivals++;
      }
    },
  };
}

function newEntry<Params>(
  params: Params,
  options: RenderOptions,
  settle: Pick<Entry<Params>, "resolve" | "reject">,
): Entry<Params> {
  const times = {
    textMs: 0,
    textStartedAt: undefined,
    stepsStartedAt: 0,
    previewAt: Number.NEGATIVE_INFINITY,
  };
  return {
    params,
    options,
    ...settle,
    preparing: undefined,
    prepared: undefined,
    nextWork: "prompt",
    saver: undefined,
    waitsSince: 0,
    stepsEndedAt: undefined,
    ...times,
  };
}

function sideWorkOf<Params>(entry: Entry<Params>): SideWork | undefined {
  if (entry.prepared === undefined) return entry.nextWork;
  return entry.prepared.run.state === "stepped" ? "picture" : undefined;
}

/** Runs the next unit of a frame's preparation; gives the frame with the last one. */
async function prepareOn<Params>(
  stages: FrameStages<Params>,
  entry: Entry<Params>,
  options: FrameLoopOptions,
): Promise<PreparedFrame | undefined> {
  const startedAt = options.now();
  const { resume, onStep } = entry.options;
  const stepped = (step: number, steps: number) => {
    onStep?.(step, steps);
    if (step < steps) sendPreview(stages, entry, options);
    entry.saver?.afterStep(step);
  };
  entry.textStartedAt ??= startedAt;
  entry.preparing ??= stages.prepare(entry.params, stepped, resume);
  const unit = await entry.preparing.next();
  entry.textMs += options.now() - startedAt;
  if (unit.done === true) return unit.value;
  entry.nextWork = unit.value;
  return undefined;
}

function startSteps<Params>(
  stages: FrameStages<Params>,
  { entry, prepared }: { readonly entry: Entry<Params>; readonly prepared: PreparedFrame },
  options: FrameLoopOptions,
): void {
  entry.prepared = prepared;
  entry.preparing = undefined;
  beginSaving(entry, prepared, options);
  entry.stepsStartedAt = options.now();
  if (prepared.run.state !== "stepping") return;
  const { weight, tag } = entry.options;
  const own = { ...(weight !== undefined && { weight }), ...(tag !== undefined && { tag }) };
  stages.batcher.add(prepared.run, { ...prepared.join, ...own });
}

/** Says where the frame begins and saves it from there on. */
function beginSaving<Params>(
  entry: Entry<Params>,
  { run, resumed, save }: PreparedFrame,
  { now, snapshotPace: pace }: FrameLoopOptions,
): void {
  const { onStep, onResume, onSnapshot } = entry.options;
  if (resumed !== undefined) onResume?.(resumed);
  if (resumed?.kind === "resumed") onStep?.(resumed.step, resumed.steps);
  if (onSnapshot !== undefined) {
    entry.saver = createFrameSaver({ pace, now, save, onSnapshot, step: run.step });
  }
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
  const doneAt = now();
  const { stepsStartedAt } = entry;
  const stepsEndedAt = entry.stepsEndedAt ?? stepsStartedAt;
  const timings = {
    text_ms: entry.textMs,
    steps_ms: stepsEndedAt - stepsStartedAt,
    vae_ms: doneAt - startedAt,
  };
  const moments = {
    text_begun: doneAt - (entry.textStartedAt ?? stepsStartedAt),
    steps_begun: doneAt - stepsStartedAt,
    steps_done: doneAt - stepsEndedAt,
    vae_begun: doneAt - startedAt,
  };
  const { notes, resumed, run } = prepared;
  return {
    ...picture,
    timings,
    moments,
    notes,
    resumed_from_step: resumed?.kind === "resumed" ? resumed.step : 0,
    batch_rows_max: run.batches.rowsMax,
  };
}
