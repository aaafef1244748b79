import { FarmError, frameParamsSchema, parseWith } from "@latentfarm/contract";
import { deviceClass } from "../batch-caps/device-class.js";
import {
  type ChildMessage,
  type FrameId,
  type HostMessage,
  parseHostMessage,
  toWireError,
} from "../ipc/messages.js";
import type { Pipeline, PipelineOptions } from "../pipeline/pipeline.js";
import type { RenderOptions } from "../rendered-frame.js";
import { createRuntime } from "../runtime.js";
import { type BatchReports, createBatchReports } from "./batch-reports.js";

/** Milliseconds between two signs of life of an idle engine: many of them fit into any useful limit on silence. */
export const BEAT_INTERVAL_MS = 5_000;

/** The engine process as its service sees it, so that tests need none. */
export interface ChildChannel {
  /** Resolves when the message is handed to the operating system: the next run would hold back what is still here. */
  send(message: ChildMessage): Promise<void>;
  onMessage(receive: (value: unknown) => void): void;
  /** Writes a sentence to the host's log. */
  readonly warn: (text: string) => void;
  /** Ends the process. */
  exit(): void;
}

/** Opens the model of this process. */
export type OpenPipeline = (modelDir: string, options: PipelineOptions) => Promise<Pipeline>;

/** Serves one host until it says close: opens its model, then draws its frames. */
export function serveEngine(channel: ChildChannel, openPipeline: OpenPipeline): void {
  const frames = new Map<FrameId, AbortController>();
  const reports = createBatchReports((batches) => void channel.send({ type: "batches", batches }));
  let pipeline: Pipeline | undefined;
  const beat = setInterval(() => void channel.send({ type: "beat" }), BEAT_INTERVAL_MS);

  async function open(message: Extract<HostMessage, { type: "open" }>): Promise<void> {
    try {
      pipeline = await openPipeline(message.modelDir, pipelineOptions(channel, reports, message));
      await channel.send({ type: "ready", model: pipeline.model });
    } catch (error) {
      await channel.send({ type: "refused", error: toWireError(error) });
      await close();
    }
  }

  async function render(message: Extract<HostMessage, { type: "render" }>): Promise<void> {
    const { id } = message;
    const controller = new AbortController();
    frames.set(id, controller);
    try {
      if (pipeline === undefined) throw new FarmError("internal", "Cannot render as the engine is not open");
      const params = parseWith(frameParamsSchema, message.params, "the frame");
      const frame = await pipeline.submit(
        params,
        renderOptions({ channel, reports, signal: controller.signal }, message),
      );
      reports.flush();
      await channel.send({ type: "rendered", id, frame });
    } catch (error) {
      reports.flush();
      await channel.send({ type: "failed", id, error: toWireError(error) });
    } finally {
      frames.delete(id);
    }
  }

  async function close(): Promise<void> {
    clearInterval(beat);
    for (const controller of frames.values()) controller.abort();
    await pipeline?.close();
    channel.exit();
  }

  channel.onMessage((value) => {
    const message = parseHostMessage(value);
    switch (message.type) {
      case "open":
        void open(message);
        break;
      case "render":
        void render(message);
        break;
      case "cancel":
        frames.get(message.id)?.abort();
        break;
      case "suspend":
        frames.get(message.id)?.abort(suspended());
        break;
      case "close":
        void close();
        break;
    }
  });
}

function pipelineOptions(
  { warn }: ChildChannel,
  reports: BatchReports,
  { threads, plan, snapshotSteps, capsDir }: Extract<HostMessage, { type: "open" }>,
): PipelineOptions {
  return {
    runtime: createRuntime({ plan, threads }),
    snapshotSteps,
    onBatch: (batch) => reports.tell(batch),
    ...(capsDir !== undefined && { capsPlace: { dir: capsDir, device: deviceClass(plan, threads), warn } }),
  };
}

/** All that happens to a frame is told to the host. */
function renderOptions(
  { channel, reports, signal }: { channel: ChildChannel; reports: BatchReports; signal: AbortSignal },
  { id, previews, initImage, resume, weight, tag }: Extract<HostMessage, { type: "render" }>,
): RenderOptions {
  return {
    signal,
    ...(initImage && { initImage }),
    ...(resume && { resume }),
    ...(weight !== undefined && { weight }),
    ...(tag !== undefined && { tag }),
    onResume: (outcome) => void channel.send({ type: "resume", id, outcome }),
    onSnapshot: (saved) => void channel.send({ type: "snapshot", id, saved }),
    onStep: (step, steps) => {
      // Decoding may take longer than a report may wait.
      if (step === steps) reports.flush();
      void channel.send({ type: "step", id, step, steps });
    },
    ...(previews && {
      onPreview: (rgb, width, height) => void channel.send({ type: "preview", id, rgb, width, height }),
    }),
  };
}

function suspended(): FarmError {
  return new FarmError("interrupted", "Cannot finish the frame as its worker gives it back");
}
