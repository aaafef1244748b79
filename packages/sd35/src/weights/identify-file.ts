import type { SafetensorsHeader } from "@latentfarm/safetensors";

interface Kind {
  /** What the file is, with its article. */
  readonly what: string;
  /** True of one key of such a file. */
  readonly key: RegExp;
}

/**
 * Kinds of files that people put into a model folder, in the order in which they are asked: the parts of an all-in-one
 * checkpoint come after the diffusion model that names it.
 */
const KINDS: readonly Kind[] = [
  { what: "a LoRA", key: /\.(lora_up|lora_down|lora_A|lora_B)\.|_lora\.(up|down)\.weight$/ },
  { what: "a ControlNet", key: /(^|\.)controlnet_blocks\.0\.|^control_model\./ },
  { what: "an SD3 diffusion model", key: /(^|\.)joint_blocks\.0\.context_block\.attn\.qkv\.weight$/ },
  { what: "a Flux diffusion model", key: /(^|\.)double_blocks\.0\.img_attn\./ },
  { what: "an SDXL checkpoint", key: /(^|\.)label_emb\.0\.0\.weight$|^conditioner\.embedders\./ },
  { what: "an SD1.x or SD2.x checkpoint", key: /^cond_stage_model\.|(^|\.)input_blocks\.0\.0\.weight$/ },
  {
    what: "an SD3 diffusion model in the layout of diffusers",
    key: /^transformer_blocks\.0\.attn\.add_q_proj\./,
  },
  { what: "a T5 text encoder", key: /(^|\.)encoder\.block\.0\.layer\.0\.SelfAttention\.q\.weight$/ },
  { what: "a CLIP text encoder", key: /(^|\.)text_model\.encoder\.layers\.0\./ },
  { what: "a VAE in the layout of diffusers", key: /(^|\.)(decoder\.up_blocks|encoder\.down_blocks)\.0\./ },
  { what: "a VAE", key: /(^|\.)(decoder\.up|encoder\.down)\.0\.block\.0\./ },
];

/** Keys longer than this are cut in a message, in characters. */
const KEY_LENGTH_SHOWN = 80;

/**
 * Says in a few words what a file is, for messages about a file in the wrong place: "a T5 text encoder". A file of no
 * known kind is described by its size and its first key.
 */
export function identifyFile(header: SafetensorsHeader): string {
  const keys = [...header.tensors.keys()];
  const kind = KINDS.find(({ key }) => keys.some((name) => key.test(name)));
  if (kind !== undefined) return kind.what;
  const [first] = keys;
  if (first === undefined) return "a file without tensors";
  return `a file of an unknown kind (${keys.length} tensors, the first is ${JSON.stringify(first.slice(0, KEY_LENGTH_SHOWN))})`;
}
