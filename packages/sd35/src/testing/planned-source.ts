import { DTYPE_BYTES, type TensorInfo, type TensorPlan } from "@latentfarm/safetensors";
import type { WeightSource } from "../weights/weight-source.js";

/** Any place in a file that is not a multiple of an element's size, as a header's length makes it. */
const DATA_OFFSET = 1001;

/** The scale of every layer that has one. */
export const PLANNED_SCALE = 0.5;

/** A source of weights as a file with these tensors would give it; there is no file. */
export function plannedSource(plans: readonly TensorPlan[]): WeightSource {
  const tensors = new Map<string, TensorInfo>();
  const scales = new Map<string, number>();
  let byteOffset = DATA_OFFSET;
  for (const plan of plans) {
    const byteLength = plan.shape.reduce((product, length) => product * length, DTYPE_BYTES[plan.dtype]);
    tensors.set(plan.name, { ...plan, byteOffset, byteLength });
    byteOffset += byteLength;
    if (plan.name.endsWith(".scale_weight")) {
      scales.set(plan.name.slice(0, -".scale_weight".length), PLANNED_SCALE);
    }
  }
  return {
    name: "planned.safetensors",
    folder: "/nowhere",
    location: "planned.safetensors",
    header: { tensors, metadata: {}, fileBytes: byteOffset },
    quantization: {
      form: scales.size > 0 ? "scaled_fp8" : "plain",
      scales,
      scaledPrefixes: scales.size > 0 ? ["model.diffusion_model."] : [],
    },
    usedTensors: new Set(),
  };
}
