import type { WireEvent } from "@latentfarm/contract";
import { Presets, SingleBar } from "cli-progress";
import type { Terminal } from "../terminal.js";

/** Shows how far a job is. */
export interface Progress {
  update(event: WireEvent): void;
  stop(): void;
}

/** A bar over the steps of all frames; silent where nothing can be drawn over. */
export function createProgress(terminal: Terminal, frames: number): Progress {
  if (!terminal.interactive) return { update: () => undefined, stop: () => undefined };
  const format =
    " {bar} {percentage}% | step {value}/{total} | {done}/{frames} pictures | {duration_formatted}";
  const options = { format, stream: terminal.progress, hideCursor: true, clearOnComplete: true, barsize: 30 };
  const bar = new SingleBar({ ...options, gracefulExit: false }, Presets.shades_classic);
  const counter = createStepCounter(frames);
  let started = false;
  return {
    update(event) {
      const { step, steps, done } = counter(event);
      if (steps === 0) return;
      if (!started) bar.start(steps, step, { done, frames });
      started = true;
      bar.setTotal(steps);
      bar.update(step, { done, frames });
    },
    stop: () => bar.stop(),
  };
}

/** Sums the steps of a job's frames. A frame that starts over on another worker falls back, and the sum with it. */
export function createStepCounter(
  frames: number,
): (event: WireEvent) => { step: number; steps: number; done: number } {
  const stepOf = new Map<number, number>();
  const done = new Set<number>();
  let stepsPerFrame = 0;
  return (event) => {
    if (event.type === "frame.progress") {
      stepsPerFrame = event.data.steps;
      stepOf.set(event.data.index, event.data.step);
    }
    if (event.type === "frame.succeeded") {
      done.add(event.data.index);
      stepOf.set(event.data.index, stepsPerFrame);
    }
    const step = [...stepOf.values()].reduce((sum, value) => sum + value, 0);
    return { step, steps: stepsPerFrame * frames, done: done.size };
  };
}
