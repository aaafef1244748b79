import { type FrameParams, frameCost } from "@latentfarm/contract";

/** What a frame in flight is known by. */
type FrameKey = object;

/** The work that frames in flight have had so far. */
export interface WorkInFlight {
  begin(frame: FrameKey, params: Pick<FrameParams, "width" | "height">): void;
  /** A frame has had so many steps in all, those before its snapshot too. */
  step(frame: FrameKey, steps: number): void;
  end(frame: FrameKey): void;
  /** Frames in flight. */
  readonly frames: number;
  /** Megapixel-steps that they have had. */
  readonly megapixelSteps: number;
}

/** Begins with no frame in flight. */
export function createWorkInFlight(): WorkInFlight {
  const megapixels = new Map<FrameKey, number>();
  const done = new Map<FrameKey, number>();
  return {
    begin: (frame, { width, height }) => void megapixels.set(frame, frameCost({ width, height, steps: 1 })),
    step(frame, steps) {
      if (megapixels.has(frame)) done.set(frame, steps);
    },
    end(frame) {
      megapixels.delete(frame);
      done.delete(frame);
    },
    get frames() {
      return megapixels.size;
    },
    get megapixelSteps() {
      return [...megapixels].reduce((sum, [frame, each]) => sum + each * (done.get(frame) ?? 0), 0);
    },
  };
}
