import { FarmError } from "@latentfarm/contract";
import type { ComponentGraph } from "@latentfarm/sd35";
import type { PrecisionPlan } from "./precision-plan.js";

/**
 * Bytes beside the weights: 3 GiB of activations (half of the 6 GiB that the VAE was measured to take in float32 at
 * 1024x1024 on the CPU; the denoiser takes less), 0.25 GiB in which the fused product decodes a weight, and CUDA's own
 * context and workspaces.
 */
export const WORKING_BYTES = 4 * 1024 ** 3;

const GIBIBYTE = 1024 ** 3;

/** Bytes of the weights that lie in files, each counted once for each graph that reads it. */
export function storedBytes(graphs: readonly Pick<ComponentGraph, "graph">[]): number {
  return graphs
    .flatMap(({ graph }) => graph.initializers)
    .reduce((sum, { data }) => sum + (data.kind === "external" ? data.byteLength : 0), 0);
}

/**
 * Checks that a model fits a GPU. On the CPU the weights stay in the page cache, which gives way.
 * @throws {FarmError} config_invalid when the weights leave less than {@link WORKING_BYTES} of the GPU's memory
 */
export function checkMemoryBudget(plan: PrecisionPlan, weightBytes: number): void {
  if (plan.kind === "cpu" || weightBytes + WORKING_BYTES <= plan.device.memoryBytes) return;
  const gibibytes = (bytes: number) => `${(bytes / GIBIBYTE).toFixed(1)} GiB`;
  throw new FarmError(
    "config_invalid",
    `Cannot hold the model as resident on the ${plan.device.name}: its memory is ${gibibytes(plan.device.memoryBytes)}, the weights take ${gibibytes(weightBytes)} and work takes ${gibibytes(WORKING_BYTES)}`,
    { details: { memoryBytes: plan.device.memoryBytes, weightBytes, workingBytes: WORKING_BYTES } },
  );
}
