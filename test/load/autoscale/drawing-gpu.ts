import type { GpuClass, Side } from "./assumptions.js";

/** A frame as a GPU has it. */
export interface GpuFrame {
  readonly key: string;
  readonly side: Side;
  readonly steps: number;
  /** Steps that were done before. */
  readonly from: number;
  /** Of its priority: low 1, normal 2, high 4. */
  readonly weight: number;
}

interface Work extends GpuFrame {
  /** Seconds of the GPU that it takes alone. */
  readonly total: number;
  left: number;
}

const MS_PER_SECOND = 1_000;

/** Seconds: rounding of sums, less than a thousandth of any step. */
const ROUNDING = 1e-6;

/**
 * A GPU that several frames share as the engine shares it: sizes take turns by the weight of their frames, within a size
 * those with the least left go first, as many at once as gain by sharing. Turns are taken as fluid, steps as continuous.
 */
export class DrawingGpu {
  readonly #gpu: GpuClass;
  readonly #frames = new Map<string, Work>();
  #atMs: number;
  #busyMs = 0;

  constructor(gpu: GpuClass, nowMs: number) {
    this.#gpu = gpu;
    this.#atMs = nowMs;
  }

  /** Milliseconds in which it had frames. */
  get busyMs(): number {
    return this.#busyMs;
  }

  get frames(): number {
    return this.#frames.size;
  }

  /** Seconds of work that it holds. */
  get leftSeconds(): number {
    return [...this.#frames.values()].reduce((sum, { left }) => sum + left, 0);
  }

  add(frame: GpuFrame, nowMs: number): void {
    this.advance(nowMs);
    const total = (frame.steps - frame.from) * this.#gpu.stepSeconds[frame.side] + this.#gpu.frameSeconds;
    this.#frames.set(frame.key, { ...frame, total, left: total });
  }

  /** Takes a frame off. */
  remove(key: string, nowMs: number): void {
    this.advance(nowMs);
    this.#frames.delete(key);
  }

  /** Lets time pass. */
  advance(nowMs: number): void {
    const seconds = (nowMs - this.#atMs) / MS_PER_SECOND;
    if (this.#frames.size > 0) this.#busyMs += nowMs - this.#atMs;
    for (const [work, speed] of this.#speeds()) work.left = Math.max(0, work.left - seconds * speed);
    this.#atMs = nowMs;
  }

  /** Whole steps of a frame that are done, those before it came included. */
  stepOf(key: string): number {
    const work = this.#frames.get(key);
    if (work === undefined) return 0;
    const done = Math.floor((work.total - work.left) / this.#gpu.stepSeconds[work.side] + ROUNDING);
    return Math.min(work.steps, work.from + done);
  }

  /** The frame that is done first, and the milliseconds until then if nothing changes. */
  next(): { readonly key: string; readonly waitMs: number } | undefined {
    let first: { key: string; waitMs: number } | undefined;
    for (const [{ key, left }, speed] of this.#speeds()) {
      const waitMs = Math.ceil((left / speed) * MS_PER_SECOND);
      if (first === undefined || waitMs < first.waitMs) first = { key, waitMs };
    }
    return first;
  }

  /** The frames that are drawn now, with the seconds of their work that are done a second. */
  #speeds(): readonly (readonly [Work, number])[] {
    const sizes = new Map<Side, Work[]>();
    for (const work of this.#frames.values()) sizes.set(work.side, [...(sizes.get(work.side) ?? []), work]);
    const weightOf = (works: readonly Work[]) => Math.max(...works.map(({ weight }) => weight));
    const whole = [...sizes.values()].reduce((sum, works) => sum + weightOf(works), 0);
    return [...sizes].flatMap(([side, works]) => {
      const { cap, gain } = this.#gpu.sharing[side];
      const drawn = works.toSorted((one, other) => one.left - other.left).slice(0, cap);
      const count = drawn.length;
      const gained = cap === 1 ? 1 : 1 + ((gain - 1) * Math.log2(count)) / Math.log2(cap);
      const speed = (gained / count) * (weightOf(works) / whole);
      return drawn.map((work) => [work, speed] as const);
    });
  }
}
