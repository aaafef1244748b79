import { cpus } from "node:os";
import type { PrecisionPlan } from "../device/precision-plan.js";

/** Names the kind of device that call times hold for: the GPU, or the processor and the threads it is used with. */
export function deviceClass(plan: PrecisionPlan, threads: number): string {
  if (plan.kind === "cuda") return `${plan.name} ${plan.device.name}`;
  const cores = cpus();
  return `cpu ${cores[0]?.model.trim() ?? "unknown"}, ${threads === 0 ? cores.length : threads} threads`;
}
