import { SIGMA_LEVELS, sigmaTable } from "../flow.js";
import { closeWithZero, type ScheduleOptions } from "./schedule.js";

/** How far the linear half goes. Source: as below. */
const LINEAR_END = 0.025;

/**
 * `linear_quadratic`: the first half of the steps goes evenly over the first fortieth of the way, the second half
 * speeds up as a parabola that continues the line without a kink; then 0.
 *
 * Source: Polyak et al. 2024, "Movie Gen" (arXiv 2410.13720), section 3.4.2; genmoai/mochi `pipelines.py`,
 * `linear_quadratic_schedule`; ComfyUI `comfy/samplers.py` of the same name.
 */
export function linearQuadraticSchedule({ steps, shift }: ScheduleOptions): Float32Array {
  const sigmaMax = sigmaTable(shift)[SIGMA_LEVELS - 1]!;
  const wayAt = createWay(steps);
  return closeWithZero(
    Float32Array.from({ length: steps }, (_, step) => Math.fround(1 - wayAt(step)) * sigmaMax),
  );
}

/** The share of the way behind at a step. */
function createWay(steps: number): (step: number) => number {
  const linearSteps = Math.floor(steps / 2);
  if (linearSteps === 0) return () => 0;
  const quadraticSteps = steps - linearSteps;
  const slope = LINEAR_END / linearSteps;
  const lag = linearSteps - LINEAR_END * steps;
  const quadratic = lag / (linearSteps * quadraticSteps ** 2);
  const linear = slope - (2 * lag) / quadraticSteps ** 2;
  const constant = quadratic * linearSteps ** 2;
  return (step) => (step < linearSteps ? step * slope : quadratic * step ** 2 + linear * step + constant);
}
