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
  /** Resolves when everything taken so far is told; never rejects. */
  settled(): Promise<void>;
}

/** Makes the reporter of one attempt. The last step is always told. */
export function createReporter(
  frame: Pick<FrameWork, "progress" | "preview">,
  nowMs: () => number,
): Reporter {
  let told = Promise.resolve();
  const steps = createGate(PROGRESS_MS_MIN, nowMs);
  const previews = createGate(PREVIEW_MS_MIN, nowMs);
  const tell = (work: () => Promise<void>) => {
    // A preview that cannot be encoded is no reason to lose the picture.
    told = told.then(work).catch(() => undefined);
  };
  return {
    step: (step, all) => {
      if (steps.open() || step === all) tell(() => frame.progress(step, all));
    },
    preview: (rgb, width, height) => {
      if (!previews.open()) return;
      tell(async () =>
        frame.preview(Buffer.from(await encodePreview(rgb, width, height)).toString("base64")),
      );
    },
    settled: () => told,
  };
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
