import type { TensorPlan } from "@latentfarm/safetensors";
import { type Architecture, HEAD_WIDTH, LATENT_CHANNELS, PATCH_SIZE } from "../mmdit/config.js";
import { createTensorList, type SynthForm, type TensorList } from "./tensor-list.js";
import { listVae } from "./vae-tensors.js";

interface Shape {
  readonly depth: number;
  /** Side of the position table, in patches. */
  readonly positionGrid: number;
  readonly qkNorm: boolean;
  /** The first so many blocks have a second attention. */
  readonly dualAttentionBlocks: number;
}

/** Source: the published files of Stability AI, facts section C1. */
const SHAPES: Readonly<Record<Architecture, Shape>> = {
  "sd3-medium": { depth: 24, positionGrid: 192, qkNorm: false, dualAttentionBlocks: 0 },
  "sd3.5-medium": { depth: 24, positionGrid: 384, qkNorm: true, dualAttentionBlocks: 13 },
  "sd3.5-large": { depth: 38, positionGrid: 192, qkNorm: true, dualAttentionBlocks: 0 },
};

/** The architectures that {@link synthTensors} knows. */
export const SYNTH_ARCHITECTURES: readonly Architecture[] = ["sd3-medium", "sd3.5-medium", "sd3.5-large"];

/** Widths that all SD3 models share: T5's tokens, CLIP-L and CLIP-G pooled, the timestep's waves. */
const CONTEXT_WIDTH = 4096;
const POOLED_WIDTH = 2048;
const FREQUENCY_WIDTH = 256;

/** Width of an MLP, in widths of a token. */
const MLP_RATIO = 4;

/**
 * The tensors of an all-in-one checkpoint (MMDiT and VAE, ComfyUI's keys) with the true shapes of `architecture`:
 * linear weights in FP8, the rest in F16. Values come from `synthFill()`.
 */
export function synthTensors(
  architecture: Architecture,
  options: { readonly form?: SynthForm } = {},
): readonly TensorPlan[] {
  const { form = "scaled" } = options;
  const tensors: TensorPlan[] = [];
  const list = createTensorList(tensors, { prefix: "", linearDtype: "F8_E4M3", form });
  listMmdit(list.in("model").in("diffusion_model"), SHAPES[architecture], form);
  listVae(list.in("first_stage_model"));
  return tensors;
}

function listMmdit(list: TensorList, shape: Shape, form: SynthForm): void {
  const hidden = shape.depth * HEAD_WIDTH;
  if (form === "scaled") list.add("scaled_fp8", "F8_E4M3", [0]);
  list.add("pos_embed", "F16", [1, shape.positionGrid ** 2, hidden]);
  list.conv("x_embedder.proj", { out: hidden, inputs: LATENT_CHANNELS, size: PATCH_SIZE });
  list.linear("t_embedder.mlp.0", hidden, FREQUENCY_WIDTH);
  list.linear("t_embedder.mlp.2", hidden, hidden);
  list.linear("y_embedder.mlp.0", hidden, POOLED_WIDTH);
  list.linear("y_embedder.mlp.2", hidden, hidden);
  list.linear("context_embedder", hidden, CONTEXT_WIDTH);
  for (let index = 0; index < shape.depth; index++) {
    const block = list.in("joint_blocks").in(index);
    const last = index === shape.depth - 1;
    const dual = index < shape.dualAttentionBlocks;
    listBlock(block.in("context_block"), { hidden, qkNorm: shape.qkNorm, kind: last ? "ending" : "plain" });
    listBlock(block.in("x_block"), { hidden, qkNorm: shape.qkNorm, kind: dual ? "dual" : "plain" });
  }
  list.linear("final_layer.linear", PATCH_SIZE * PATCH_SIZE * LATENT_CHANNELS, hidden);
  list.linear("final_layer.adaLN_modulation.1", 2 * hidden, hidden);
}

/** Vectors of a block's adaLN layer. */
const MODULATION_COUNTS = { ending: 2, plain: 6, dual: 9 } as const;

function listBlock(
  list: TensorList,
  options: { hidden: number; qkNorm: boolean; kind: keyof typeof MODULATION_COUNTS },
): void {
  const { hidden, qkNorm, kind } = options;
  const listAttention = (attention: TensorList) => {
    attention.linear("qkv", 3 * hidden, hidden);
    if (kind !== "ending") attention.linear("proj", hidden, hidden);
    if (qkNorm) for (const name of ["ln_q", "ln_k"]) attention.add(`${name}.weight`, "F16", [HEAD_WIDTH]);
  };
  listAttention(list.in("attn"));
  if (kind === "dual") listAttention(list.in("attn2"));
  if (kind !== "ending") {
    list.linear("mlp.fc1", MLP_RATIO * hidden, hidden);
    list.linear("mlp.fc2", hidden, MLP_RATIO * hidden);
  }
  list.linear("adaLN_modulation.1", MODULATION_COUNTS[kind] * hidden, hidden);
}
