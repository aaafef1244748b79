import type { Dtype, TensorPlan } from "@latentfarm/safetensors";

/** How the FP8 weights of a synthetic file are stored: with a scale per layer and the marker, or cast as they are. */
export type SynthForm = "scaled" | "plain";

/** Collects the tensors of a synthetic file, scope by scope as the keys descend. */
export interface TensorList {
  in(scope: string | number): TensorList;
  add(name: string, dtype: Dtype, shape: readonly number[]): void;
  /** Weight [out, in] and bias of a linear layer, with its scale in a scaled file. */
  linear(name: string, out: number, inputs: number): void;
  /** The same without bias. */
  linearNoBias(name: string, out: number, inputs: number): void;
  /** Weight [out, in, size, size] and bias of a convolution, in F16. */
  conv(name: string, sizes: { readonly out: number; readonly inputs: number; readonly size: number }): void;
  /** Weight and bias of a norm, in F16. */
  norm(name: string, channels: number): void;
}

/** Opens a list at a key prefix; tensors go to the end of `tensors`. Linear weights are of `linearDtype`. */
export function createTensorList(
  tensors: TensorPlan[],
  options: { readonly prefix: string; readonly linearDtype: "F16" | "F8_E4M3"; readonly form: SynthForm },
): TensorList {
  const { prefix, linearDtype, form } = options;
  const add = (name: string, dtype: Dtype, shape: readonly number[]) => {
    tensors.push({ name: prefix + name, dtype, shape });
  };
  const linearNoBias = (name: string, out: number, inputs: number) => {
    add(`${name}.weight`, linearDtype, [out, inputs]);
    if (form === "scaled" && linearDtype === "F8_E4M3") add(`${name}.scale_weight`, "F32", []);
  };
  return {
    in: (scope) => createTensorList(tensors, { ...options, prefix: `${prefix}${scope}.` }),
    add,
    linear: (name, out, inputs) => {
      linearNoBias(name, out, inputs);
      add(`${name}.bias`, "F16", [out]);
    },
    linearNoBias,
    conv: (name, { out, inputs, size }) => {
      add(`${name}.weight`, "F16", [out, inputs, size, size]);
      add(`${name}.bias`, "F16", [out]);
    },
    norm: (name, channels) => {
      add(`${name}.weight`, "F16", [channels]);
      add(`${name}.bias`, "F16", [channels]);
    },
  };
}
