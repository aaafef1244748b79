/** One kind of node: what it takes by link, what a person sets on it, and what it gives. */
export interface NodeType {
  /** Inputs by name, each with the type that a link to it carries. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Values in the order in which the front end keeps them. */
  readonly widgets: readonly string[];
  /** Names of the outputs; each is of the type of its name. */
  readonly outputs: readonly string[];
}

/**
 * The nodes of our graphs. `control_after_generate` is the front end's alone: it stands behind every seed.
 * Source: ComfyUI v0.8.0, nodes.py and comfy_extras/nodes_sd3.py, nodes_model_advanced.py (inputs and outputs).
 */
export const NODE_TYPES = {
  CheckpointLoaderSimple: { inputs: {}, widgets: ["ckpt_name"], outputs: ["MODEL", "CLIP", "VAE"] },
  UNETLoader: { inputs: {}, widgets: ["unet_name", "weight_dtype"], outputs: ["MODEL"] },
  CLIPLoader: { inputs: {}, widgets: ["clip_name", "type"], outputs: ["CLIP"] },
  DualCLIPLoader: { inputs: {}, widgets: ["clip_name1", "clip_name2", "type"], outputs: ["CLIP"] },
  TripleCLIPLoader: {
    inputs: {},
    widgets: ["clip_name1", "clip_name2", "clip_name3"],
    outputs: ["CLIP"],
  },
  VAELoader: { inputs: {}, widgets: ["vae_name"], outputs: ["VAE"] },
  CLIPTextEncode: { inputs: { clip: "CLIP" }, widgets: ["text"], outputs: ["CONDITIONING"] },
  EmptySD3LatentImage: { inputs: {}, widgets: ["width", "height", "batch_size"], outputs: ["LATENT"] },
  LoadImage: { inputs: {}, widgets: ["image", "upload"], outputs: ["IMAGE", "MASK"] },
  VAEEncode: { inputs: { pixels: "IMAGE", vae: "VAE" }, widgets: [], outputs: ["LATENT"] },
  ModelSamplingSD3: { inputs: { model: "MODEL" }, widgets: ["shift"], outputs: ["MODEL"] },
  SkipLayerGuidanceSD3: {
    inputs: { model: "MODEL" },
    widgets: ["layers", "scale", "start_percent", "end_percent"],
    outputs: ["MODEL"],
  },
  KSampler: {
    inputs: {
      model: "MODEL",
      positive: "CONDITIONING",
      negative: "CONDITIONING",
      latent_image: "LATENT",
    },
    widgets: ["seed", "control_after_generate", "steps", "cfg", "sampler_name", "scheduler", "denoise"],
    outputs: ["LATENT"],
  },
  VAEDecode: { inputs: { samples: "LATENT", vae: "VAE" }, widgets: [], outputs: ["IMAGE"] },
  SaveImage: { inputs: { images: "IMAGE" }, widgets: ["filename_prefix"], outputs: [] },
} as const satisfies Record<string, NodeType>;

/** The name of a kind of node. */
export type NodeTypeName = keyof typeof NODE_TYPES;

/** A kind of node by its name. */
export function nodeType(name: NodeTypeName): NodeType {
  return NODE_TYPES[name];
}
