import type { TensorPlan } from "@latentfarm/safetensors";
import { createTensorList } from "./tensor-list.js";

/** The text encoders that {@link synthTextTensors} knows. */
export type SynthTextEncoder = "clip_l" | "clip_g" | "t5xxl";

/** Source: OpenAI CLIP ViT-L/14 and OpenCLIP ViT-bigG/14, as Hugging Face's `config.json` gives them. */
const CLIP_SHAPES = {
  clip_l: { layers: 12, hidden: 768 },
  clip_g: { layers: 32, hidden: 1280 },
} as const;

const CLIP_VOCABULARY = 49_408;
const CLIP_POSITIONS = 77;
const MLP_RATIO = 4;

/** Source: google/t5-v1_1-xxl `config.json`. */
const T5_SHAPE = {
  blocks: 24,
  hidden: 4096,
  heads: 64,
  mlp: 10_240,
  vocabulary: 32_128,
  buckets: 32,
} as const;

/**
 * The tensors of a text encoder's own file with the true shapes: CLIP in F16, T5-XXL in plain FP8, as ComfyUI users
 * have them. Values come from `synthFill()` with the form "plain".
 */
export function synthTextTensors(encoder: SynthTextEncoder): readonly TensorPlan[] {
  return encoder === "t5xxl" ? t5Tensors() : clipTensors(CLIP_SHAPES[encoder]);
}

function clipTensors({ layers, hidden }: { layers: number; hidden: number }): TensorPlan[] {
  const tensors: TensorPlan[] = [];
  const root = createTensorList(tensors, { prefix: "", linearDtype: "F16", form: "plain" });
  const model = root.in("text_model");
  model.add("embeddings.token_embedding.weight", "F16", [CLIP_VOCABULARY, hidden]);
  model.add("embeddings.position_embedding.weight", "F16", [CLIP_POSITIONS, hidden]);
  for (let index = 0; index < layers; index++) {
    const layer = model.in("encoder").in("layers").in(index);
    layer.norm("layer_norm1", hidden);
    for (const name of ["q_proj", "k_proj", "v_proj", "out_proj"]) {
      layer.linear(`self_attn.${name}`, hidden, hidden);
    }
    layer.norm("layer_norm2", hidden);
    layer.linear("mlp.fc1", MLP_RATIO * hidden, hidden);
    layer.linear("mlp.fc2", hidden, MLP_RATIO * hidden);
  }
  model.norm("final_layer_norm", hidden);
  root.linearNoBias("text_projection", hidden, hidden);
  return tensors;
}

function t5Tensors(): TensorPlan[] {
  const { blocks, hidden, heads, mlp, vocabulary, buckets } = T5_SHAPE;
  const tensors: TensorPlan[] = [];
  const root = createTensorList(tensors, { prefix: "", linearDtype: "F8_E4M3", form: "plain" });
  root.add("shared.weight", "F8_E4M3", [vocabulary, hidden]);
  for (let index = 0; index < blocks; index++) {
    const layer = root.in("encoder").in("block").in(index).in("layer");
    const attention = layer.in(0).in("SelfAttention");
    for (const name of ["q", "k", "v", "o"]) attention.linearNoBias(name, hidden, hidden);
    if (index === 0) attention.add("relative_attention_bias.weight", "F8_E4M3", [buckets, heads]);
    layer.add("0.layer_norm.weight", "F8_E4M3", [hidden]);
    const dense = layer.in(1).in("DenseReluDense");
    dense.linearNoBias("wi_0", mlp, hidden);
    dense.linearNoBias("wi_1", mlp, hidden);
    dense.linearNoBias("wo", hidden, mlp);
    layer.add("1.layer_norm.weight", "F8_E4M3", [hidden]);
  }
  root.add("encoder.final_layer_norm.weight", "F8_E4M3", [hidden]);
  return tensors;
}
