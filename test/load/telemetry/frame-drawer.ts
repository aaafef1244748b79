import { createMetrics } from "@latentfarm/telemetry";
import { benchFrame } from "../engine/frame.js";
import { readThreadsMs } from "../measure/processor-time.js";
import { quantileOf } from "../measure/summary.js";
import { openGatedEngine } from "./gated-engine.js";
import { tellBatches, tellFrame, tellRequests } from "./tell-frame.js";
import { SPANS_PER_FRAME, traceFrame } from "./trace-frame.js";
import { openSunkTracing } from "./trace-sink.js";

/** What may be told of a frame: nothing, metrics, or metrics and traces. */
export const KINDS = ["off", "metrics", "traces"] as const;

/** One of {@link KINDS}. */
export type Kind = (typeof KINDS)[number];

/**
 * Milliseconds on the wall of the calls of a frame, timed where they happen, in the median: beside the turns, and without
 * what they slow. The messages' reading is Node's and not among them.
 */
export interface TimedCalls {
  /** Sending the messages with step batches, in the engine. */
  readonly sentMs: number;
  /** Counting step batches. */
  readonly batchesMs: number;
  /** What is told at the frame's end. */
  readonly endMs: number;
  readonly spansMs: number;
}

/** A worker's part in this process, and its engine in another. */
export interface FrameDrawer {
  draw(kind: Kind): Promise<void>;
  /** Milliseconds of processor time that both processes have used, all their threads. */
  processorMs(): number;
  /** Ends them; `messages` is how many with step batches a frame has sent. */
  close(): Promise<{ readonly timed: TimedCalls; readonly messages: number }>;
}

const MICROSECONDS_PER_MS = 1_000;

/** Opens a drawer of one frame, whose spans are sent when a block of frames has made them. */
export async function openFrameDrawer(plan: {
  readonly side: number;
  readonly steps: number;
  readonly blockFrames: number;
}): Promise<FrameDrawer> {
  const { side, steps, blockFrames } = plan;
  const frame = benchFrame({ steps, width: side, height: side });
  const [worker, gateway, courier] = [
    createMetrics("worker"),
    createMetrics("gateway"),
    createMetrics("courier"),
  ];
  const told = { batchMs: [] as number[], endMs: [] as number[], spansMs: [] as number[] };
  const sunk = await openSunkTracing(blockFrames * SPANS_PER_FRAME);
  const gated = await openGatedEngine((batches) =>
    timeInto(told.batchMs, () => tellBatches(worker, batches)),
  );
  let tags = 0;

  async function drawTraced(): Promise<void> {
    let drawnMs = 0;
    const begunAt = performance.now();
    await traceFrame(sunk.tracing, async () => {
      const drawAt = performance.now();
      await gated.engine.render(frame, { tag: ++tags });
      drawnMs = performance.now() - drawAt;
    });
    told.spansMs.push(performance.now() - begunAt - drawnMs);
  }

  return {
    async draw(kind) {
      if (kind === "off") return void (await gated.engine.render(frame));
      if (kind === "traces") await drawTraced();
      else await gated.engine.render(frame, { tag: ++tags });
      timeInto(told.endMs, () => {
        tellFrame(worker, steps);
        tellRequests(gateway, courier);
      });
    },
    processorMs() {
      const { user, system } = process.cpuUsage();
      return (user + system) / MICROSECONDS_PER_MS + readThreadsMs(gated.engine.info.pid ?? 0);
    },
    async close() {
      const sent = await gated.close();
      await sunk[Symbol.asyncDispose]();
      const messages = sent.messages / tags;
      const timed = {
        sentMs: messages * sent.ms,
        batchesMs: messages * quantileOf(told.batchMs, 0.5),
        endMs: quantileOf(told.endMs, 0.5),
        spansMs: quantileOf(told.spansMs, 0.5),
      };
      return { timed, messages };
    },
  };
}

function timeInto(times: number[], call: () => void): void {
  const begunAt = performance.now();
  call();
  times.push(performance.now() - begunAt);
}
