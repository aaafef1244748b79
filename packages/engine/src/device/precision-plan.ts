import { FarmError, type PrecisionPlanName } from "@latentfarm/contract";
import type { GraphTarget } from "@latentfarm/sd35";
import type { CudaDevice, Device } from "./probe-device.js";

/** How a model is computed, and on what. Weights stay in the precision of their file on every plan. */
export type PrecisionPlan =
  | { readonly kind: "cpu"; readonly name: "cpu" }
  | { readonly kind: "cuda"; readonly name: CudaPlanName; readonly device: CudaDevice };

/** The plans of {@link PrecisionPlan} that need a GPU. */
export type CudaPlanName = Exclude<PrecisionPlanName, "cpu">;

/** float32 over the stored weights. */
export const CPU_PLAN: PrecisionPlan = { kind: "cpu", name: "cpu" };

/** The graph that a plan runs. */
export const PLAN_TARGETS = { cpu: "cpu", cuda: "cuda" } as const satisfies Record<
  PrecisionPlan["kind"],
  GraphTarget
>;

/** What the operator asks for: `auto` takes a GPU where there is a fit one, the others take nothing else. */
export const DEVICE_WISHES = ["auto", "cpu", "cuda"] as const;

/** One of {@link DEVICE_WISHES}. */
export type DeviceWish = (typeof DEVICE_WISHES)[number];

/** What {@link choosePlan} goes by. */
export interface PlanFacts {
  readonly wish: DeviceWish;
  readonly device: Device;
  /** Whether onnxruntime's library for CUDA is installed. */
  readonly hasCudaProvider: boolean;
}

/** A plan with the reason for it, for the log. */
export interface ChosenPlan {
  readonly plan: PrecisionPlan;
  readonly reason: string;
}

/**
 * The least compute capability, as major * 10 + minor: of 8.0 on the fused FP8 product and float16 attention have
 * kernels. Source: microsoft/onnxruntime, docs/contrib_ops/cuda/matmul_block_scaled_fp8.md.
 */
const CAPABILITY_MIN = 80;

/** From here on a GPU multiplies FP8 natively; no operator in use does so yet, but its figures are its own. */
const CAPABILITY_FLOAT8 = 89;

/**
 * Chooses how to compute.
 * @throws {FarmError} config_invalid when CUDA is asked for and cannot be had
 */
export function choosePlan({ wish, device, hasCudaProvider }: PlanFacts): ChosenPlan {
  if (wish === "cpu") return { plan: CPU_PLAN, reason: "the CPU is asked for" };
  const found = device.kind === "cuda" ? cudaPlan(device, hasCudaProvider) : "no GPU is found by nvidia-smi";
  if (typeof found !== "string") return { plan: found, reason: `the GPU is an ${found.device.name}` };
  if (wish === "auto") return { plan: CPU_PLAN, reason: found };
  throw new FarmError("config_invalid", `Cannot compute on CUDA as asked for: ${found}`);
}

/** The plan for a GPU, or why there is none. */
function cudaPlan(
  device: CudaDevice,
  hasCudaProvider: boolean,
): Extract<PrecisionPlan, { kind: "cuda" }> | string {
  const { major, minor } = device.computeCapability;
  const capability = major * 10 + minor;
  if (capability < CAPABILITY_MIN) {
    return `compute capability of the ${device.name} is ${major}.${minor}, at least 8.0 is needed`;
  }
  if (!hasCudaProvider) return "onnxruntime's library for CUDA is not installed, see docs/gpu.md";
  return { kind: "cuda", name: capability >= CAPABILITY_FLOAT8 ? "cuda_sm89" : "cuda_sm80", device };
}
