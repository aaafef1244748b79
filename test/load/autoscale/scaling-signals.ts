import type { FarmSample } from "./farm-samples.js";

/** What a signal may know. */
export interface SignalView {
  /** Samples of the last minute, the latest last. */
  readonly recent: readonly FarmSample[];
  /** Megapixel-steps a second of one worker of the pool, as the chart is told. */
  readonly configuredRate: number;
  /** The pool's share of the model's work. */
  readonly share: number;
  /** Megapixel-steps that come in the next so many milliseconds; only a clairvoyant asks. */
  readonly coming: (ms: number) => number;
}

/** What a policy scales on: the number that KEDA is given, or undefined where the query gives none. */
export type Signal = (view: SignalView) => number | undefined;

/** Seconds of the clairvoyant's look ahead: as long as the slowest cold start. */
const AHEAD_SECONDS = 300;

/** Frames that wait, as most queues are scaled on. */
export const queueLength: Signal = ({ recent, share }) => scaled(recent.at(-1)?.queued, share);

/** Frames that wait or run. */
export const openFrames: Signal = ({ recent, share }) => {
  const last = recent.at(-1);
  return last === undefined ? undefined : (last.queued + last.running) * share;
};

/** The mean use of the GPUs over a minute. */
export const gpuUse: Signal = ({ recent }) => {
  const busy = recent.flatMap((sample) => sample.busy ?? []);
  return busy.length === 0 ? undefined : busy.reduce((sum, one) => sum + one, 0) / busy.length;
};

/**
 * Seconds of one worker that the open work takes, running work included; divided by the target it is the workers that are
 * wanted. The rate of one is measured, and configured until it is. It is what docs/autoscaling.md has in PromQL.
 */
export const backlogSeconds: Signal = ({ recent, configuredRate, share }) => {
  const last = recent.at(-1);
  if (last === undefined) return undefined;
  const { backlog, rate, workers } = last;
  return (backlog * share) / (rate !== null && workers > 0 ? rate / workers : configuredRate);
};

/** The same by the configured rate alone. */
export const configuredBacklogSeconds: Signal = ({ recent, configuredRate, share }) =>
  scaled(recent.at(-1)?.backlog, share / configuredRate);

/** Backlog seconds of all that is there and of all that will have come once a worker ordered now is up. */
export const clairvoyant: Signal = ({ recent, configuredRate, share, coming }) => {
  const last = recent.at(-1);
  if (last === undefined) return undefined;
  return ((last.backlog + coming(AHEAD_SECONDS * 1_000)) * share) / configuredRate;
};

function scaled(value: number | undefined, by: number): number | undefined {
  return value === undefined ? undefined : value * by;
}
