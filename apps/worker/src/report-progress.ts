import { encodePreview } from "@latentfarm/image";
import type { FrameWork } from "@latentfarm/queue";

/** Milliseconds between two progress events of one frame: a person sees five a second as steady movement. */
const PROGRESS_MS_MIN = 200;
/** Milliseconds between two previews of one frame: each is some kilobytes in the job's log. */
const PREVIEW_MS_MIN = 1_000;

/** Takes what the engine says about a frame and tells the queue, in order and not too often. */
export interface Reporter {
  readonly step: (step: number, steps: number) => void;
  /** ``uint8 [height, width, 3]`` */
  readonly preview: (rgb: Uint8Array, width: number, height: number) => void;
  /** Resolves when the newest step and preview are told; never rejects. */
  settled(): Promise<void>;
}

type Telling = () => Promise<void>;

/**
 * Makes the reporter of one attempt. The last step is always told. While the queue is slow or away only the newest
 * step and the newest preview wait, so that nothing piles up behind it.
 */
export function createReporter(
  frame: Pick<FrameWork, "progress" | "preview">,
  nowMs: () => number,
): Reporter {
  const waiting: { step?: Telling; preview?: Telling } = {};
  const stepGate = createGate(PROGRESS_MS_MIN, nowMs);
  const previewGate = createGate(PREVIEW_MS_MIN, nowMs);
  let telling: Promise<void> | undefined;
  const tellAll = async () => {
    for (let next = take(waiting); next !== undefined; next = take(waiting)) {
      // A preview that cannot be encoded is no reason to lose the picture.
      await next().catch(() => undefined);
    }
    telling = undefined;
  };
  const put = (kind: keyof typeof waiting, work: Telling) => {
    waiting[kind] = work;
    telling ??= tellAll();
  };
  return {
    step: (step, all) => {
      if (stepGate.open() || step === all) put("step", () => frame.progress(step, all));
    },
    preview: (rgb, width, height) => {
      if (!previewGate.open()) return;
      put("preview", async () =>
        frame.preview(Buffer.from(await encodePreview(rgb, width, height)).toString("base64")),
      );
    },
    settled: async () => telling,
  };
}

function take(waiting: { step?: Telling; preview?: Telling }): Telling | undefined {
  const kind = waiting.step === undefined ? "preview" : "step";
  const next = waiting[kind];
  delete waiting[kind];
  return next;
}

/** Lets one pass, then none until the time is over. */
function createGate(everyMs: number, nowMs: () => number): { open(): boolean } {
  let nextMs = Number.NEGATIVE_INFINITY;
  return {
    open() {
      const now = nowMs();
      if (now < nextMs) return false;
      nextMs = now + everyMs;
      return true;
    },
  };
}
