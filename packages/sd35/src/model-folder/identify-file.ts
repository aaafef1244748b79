import type { SafetensorsHeader } from "@latentfarm/safetensors";

/** Kinds of files that are told apart by one key, the first that matches. Keys of stand-alone and all-in-one files. */
const KINDS: readonly (readonly [kind: string, key: RegExp])[] = [
  ["a LoRA", /\.(lora_up|lora_down|lora_A|lora_B)(\.default)?\.weight$|_lora\.(up|down)\.weight$/],
  ["a ControlNet", /(^|\.)controlnet_blocks\.0\.|^control_model\./],
  ["an SD3 diffusion model", /(^|\.)joint_blocks\.0\.context_block\.attn\.qkv\.weight$/],
  ["a Flux diffusion model", /(^|\.)double_blocks\.0\.img_attn\.qkv\.weight$/],
  ["an SDXL checkpoint", /(^|\.)label_emb\.0\.0\.weight$|^conditioner\.embedders\.\d+\./],
  ["an SD1 or SD2 checkpoint", /^cond_stage_model\./],
  ["a UNet diffusion model", /(^|\.)input_blocks\.0\.0\.weight$/],
  ["an SD3 diffusion model in diffusers form", /(^|\.)transformer_blocks\.0\.attn\.add_q_proj\.weight$/],
  ["a umT5 encoder", /(^|\.)block\.1\.layer\.0\.SelfAttention\.relative_attention_bias\.weight$/],
  ["a T5 encoder", /(^|\.)encoder\.block\.0\.layer\.0\.SelfAttention\.q\.weight$/],
  ["a BERT encoder", /(^|\.)encoder\.layer\.0\.attention\.self\.query\.weight$/],
  ["an OpenCLIP encoder", /(^|\.)transformer\.resblocks\.0\.attn\.in_proj_weight$/],
  ["a CLIP text encoder", /(^|\.)text_model\.encoder\.layers\.0\.layer_norm1\.weight$/],
  ["a language model", /(^|\.)model\.layers\.0\.self_attn\.q_proj\.weight$/],
  ["a VAE in diffusers form", /(^|\.)(decoder\.up_blocks|encoder\.down_blocks)\.0\./],
  ["a VAE", /(^|\.)(decoder\.up|encoder\.down)\.0\.block\.0\./],
];

/** Tensors named in a description of a file of no known kind. */
const SHOWN_KEYS = 3;

/** Says in words what a file holds, with its article, for messages of the form "found <this>". */
export function identifyFile(header: SafetensorsHeader): string {
  const keys = [...header.tensors.keys()];
  const kind = KINDS.find(([, pattern]) => keys.some((key) => pattern.test(key)));
  if (kind !== undefined) return kind[0];
  const shown = keys.slice(0, SHOWN_KEYS).map((key) => JSON.stringify(key.slice(0, 80)));
  return `a file of ${keys.length} tensors such as ${shown.join(", ") || "none"}`;
}
