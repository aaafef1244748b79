import { FarmError, PRIORITY_WEIGHTS } from "@latentfarm/contract";
import type { RenderedFrame, ResumeOutcome } from "@latentfarm/engine";
import type { FrameWork } from "@latentfarm/queue";
import type { WorkerContext } from "./context.js";
import { createSnapshotKeeper, type SnapshotKeeper } from "./keep-snapshots.js";
import { tellResume } from "./metrics/tell-frame.js";
import { createReporter } from "./report-progress.js";
import { tracePicture } from "./traces/picture-spans.js";

/** What rendering needs. */
export type RenderContext = Pick<
  WorkerContext,
  "engine" | "store" | "log" | "metrics" | "tracing" | "batches" | "work" | "nowMs"
>;

/**
 * Has the engine draw one frame, from where an earlier attempt left it. An interrupted frame leaves its snapshot for
 * the attempt that follows; any other end leaves none.
 * @throws {FarmError} canceled; interrupted, also for an engine that does not come back, since that is not the
 * frame's fault; what the engine throws
 */
export async function renderFrame(
  context: RenderContext,
  frame: FrameWork,
  initImage: Uint8Array | undefined,
): Promise<RenderedFrame> {
  const keeper = createSnapshotKeeper({ frame, store: context.store, log: context.log });
  // A first attempt has none before it; asking Redis costs every frame of a healthy farm.
  const resume = frame.attempt > 1 ? await keeper.load() : undefined;
  try {
    const attributes = { "farm.plan": context.engine.info.plan } as const;
    const picture = await context.tracing.span("render", attributes, () =>
      runEngine(context, { frame, keeper }, { initImage, resume }),
    );
    await keeper.forget();
    return picture;
  } catch (error) {
    const interrupted = error instanceof FarmError && error.code === "interrupted";
    await (interrupted ? keeper.settled() : keeper.forget());
    throw error;
  }
}

async function runEngine(
  context: RenderContext,
  { frame, keeper }: { readonly frame: FrameWork; readonly keeper: SnapshotKeeper },
  start: { readonly initImage: Uint8Array | undefined; readonly resume: Uint8Array | undefined },
): Promise<RenderedFrame> {
  const { initImage, resume } = start;
  const reporter = createReporter(frame, context.nowMs);
  const { tracing, batches } = context;
  const tag = batches.enter(tracing.active());
  try {
    const picture = await context.engine.render(frame.params, {
      signal: frame.signal,
      weight: PRIORITY_WEIGHTS[frame.priority],
      ...(initImage && { initImage }),
      ...(resume && { resume }),
      ...(tag > 0 && { tag }),
      // The engine calls these when its messages come, outside of the work at hand.
      onResume: tracing.bind((outcome: ResumeOutcome) => {
        tellResume(context.metrics, outcome);
        logResume(context, frame, outcome);
      }),
      onSnapshot: tracing.bind(keeper.save),
      onStep: tracing.bind((step: number, steps: number) => {
        context.work.step(frame, step);
        reporter.step(step, steps);
      }),
      onPreview: tracing.bind(reporter.preview),
    });
    tracePicture(tracing, picture, batches.leave(tag));
    return picture;
  } catch (error) {
    if (!(error instanceof FarmError && error.code === "engine_unavailable")) throw error;
    throw new FarmError("interrupted", "Cannot draw the frame as this worker's engine does not start", {
      cause: error,
    });
  } finally {
    batches.leave(tag);
    // A stopped frame has nothing more to tell, and a drain must not wait for a queue that is away.
    if (!frame.signal.aborted) await reporter.settled();
  }
}

function logResume({ log }: RenderContext, frame: FrameWork, outcome: ResumeOutcome): void {
  const place = { jobId: frame.jobId, index: frame.index, attempt: frame.attempt };
  if (outcome.kind === "resumed") log.info({ ...place, step: outcome.step }, "frame resumed");
  else log.warn({ ...place, reason: outcome.reason }, "snapshot refused, frame begins anew");
}
