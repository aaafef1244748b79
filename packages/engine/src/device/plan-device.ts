import { hasCudaProvider } from "./cuda-provider.js";
import { type ChosenPlan, choosePlan, type DeviceWish } from "./precision-plan.js";
import { probeDevice, type RunCommand, runCommand } from "./probe-device.js";

/** What {@link planDevice} goes by. */
export interface PlanDeviceOptions {
  readonly wish: DeviceWish;
  /** The engine's environment; CUDA_VISIBLE_DEVICES counts. */
  readonly environment: Readonly<Record<string, string>>;
  readonly run?: RunCommand;
}

/**
 * Looks at this machine and chooses how its engine computes.
 * @throws {FarmError} config_invalid when CUDA is asked for and cannot be had
 */
export async function planDevice(options: PlanDeviceOptions): Promise<ChosenPlan> {
  const { wish, environment, run = runCommand } = options;
  const device =
    wish === "cpu" ? ({ kind: "cpu" } as const) : await probeDevice(run, environment.CUDA_VISIBLE_DEVICES);
  return choosePlan({ wish, device, hasCudaProvider: hasCudaProvider() });
}
