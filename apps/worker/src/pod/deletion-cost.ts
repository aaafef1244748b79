import type { WorkInFlight } from "./work-in-flight.js";

/** What a pod has at stake, as far as its deletion cost goes. */
export interface PodStake extends Pick<WorkInFlight, "frames" | "megapixelSteps"> {
  /** True once it takes no more frames because it is ill. */
  readonly isSick: boolean;
}

/** A pod that draws nothing any more goes before all others, and before those without the annotation, which count as 0. */
const SICK_COST = -1;
/** Units of a megapixel-step: a small picture's step is some thousandths of one. */
const UNITS = 1_000;
/** The annotation is an int32. Source: kubernetes.io, "ReplicaSet", Pod deletion cost. */
const COST_MAX = 2 ** 30;

/**
 * How dear it is to end this pod, when one of several is to go: what its frames in flight have had of the GPU. An idle pod
 * is free. A pod that is told to stop drains, and what it cannot finish goes on elsewhere from a snapshot; but each such
 * frame waits for another worker, has its text encoded again and loses the step that was running, and where no snapshot
 * can be kept all of its steps are lost, so that the pod whose frames are furthest is the dearest. Rounded down to a power
 * of two: each update is a write to the API server, and Kubernetes asks to write on a real change only.
 */
export function deletionCost({ frames, megapixelSteps, isSick }: PodStake): number {
  if (frames === 0) return isSick ? SICK_COST : 0;
  const units = frames + UNITS * megapixelSteps;
  return Math.min(2 ** Math.floor(Math.log2(units)), COST_MAX);
}
