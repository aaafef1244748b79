import type { FrameParams, ModelFiles, PictureRecord } from "@latentfarm/contract";
import type { NodeTypeName } from "./node-types.js";

/** An output of a node: the node's id and the output's place. */
export type Output = readonly [node: number, slot: number];

/** One node of a graph. */
export interface GraphNode {
  readonly id: number;
  readonly type: NodeTypeName;
  /** Where each input comes from. */
  readonly links: Readonly<Record<string, Output>>;
  /** What is set on it. */
  readonly values: Readonly<Record<string, string | number | bigint>>;
}

/** The ids of ComfyUI's own SD3.5 example, and further ones after them, so that graphs of ours are alike. */
const ID = {
  sampler: 3,
  checkpoint: 4,
  decode: 8,
  save: 9,
  prompt: 16,
  negative: 40,
  textEncoders: 43,
  latent: 53,
  shift: 60,
  skipLayers: 61,
  image: 62,
  encode: 63,
  vae: 64,
} as const;

/** The type that text encoders of Stable Diffusion 3 are loaded as. */
const CLIP_TYPE = "sd3";
/** Hexadecimal digits of the image's hash in the name that stands for it. */
const HASH_DIGITS = 16;

interface Loaders {
  readonly nodes: readonly GraphNode[];
  readonly model: Output;
  readonly clip: Output;
  readonly vae: Output;
}

/** The nodes that draw a picture's parameters in ComfyUI, in an order in which each comes after those it takes from. */
export function buildGraph({ params, model }: Pick<PictureRecord, "params" | "model">): GraphNode[] {
  const loaders = loadModel(model.files ?? {}, model.name);
  const shaped = shapeModel(params, loaders.model);
  const latent = startLatent(params, loaders.vae);
  const text = (id: number, words: string): GraphNode => ({
    id,
    type: "CLIPTextEncode",
    links: { clip: loaders.clip },
    values: { text: words },
  });
  const sampler: GraphNode = {
    id: ID.sampler,
    type: "KSampler",
    links: {
      model: shaped.model,
      positive: [ID.prompt, 0],
      negative: [ID.negative, 0],
      latent_image: latent.output,
    },
    values: {
      seed: BigInt(params.seed),
      control_after_generate: "fixed",
      steps: params.steps,
      cfg: params.guidance_scale,
      sampler_name: params.sampler,
      scheduler: params.scheduler,
      denoise: params.init_image?.strength ?? 1,
    },
  };
  return [
    ...loaders.nodes,
    text(ID.prompt, params.prompt),
    text(ID.negative, params.negative_prompt),
    ...latent.nodes,
    ...shaped.nodes,
    sampler,
    { id: ID.decode, type: "VAEDecode", links: { samples: [ID.sampler, 0], vae: loaders.vae }, values: {} },
    {
      id: ID.save,
      type: "SaveImage",
      links: { images: [ID.decode, 0] },
      values: { filename_prefix: "Latentfarm" },
    },
  ];
}

/** What the graph cannot say, in words for whoever opens it. */
export function graphNotes({ params, model }: Pick<PictureRecord, "params" | "model">): string[] {
  const notes: string[] = [];
  if (params.init_image !== undefined) {
    notes.push(
      `The image to start from is not in this file: put the one whose PNG has SHA-256 ${params.init_image.sha256} in its place, cut to ${params.width}x${params.height}`,
    );
  }
  if (model.files?.diffusion_model === undefined) {
    notes.push("The checkpoint's file is not known: its name is made from the model's");
  }
  if (params.sampler.endsWith("_gpu")) {
    notes.push("The noise between steps is drawn on the CPU here: take the sampler without _gpu");
  }
  return notes;
}

/** Folder names of our model folders are ComfyUI's own, so the loader follows from the folder. */
function loadModel(files: ModelFiles, name: string): Loaders {
  const path = files.diffusion_model ?? `checkpoints/${name}.safetensors`;
  const isCheckpoint = path.startsWith("checkpoints/");
  const checkpoint: GraphNode = isCheckpoint
    ? {
        id: ID.checkpoint,
        type: "CheckpointLoaderSimple",
        links: {},
        values: { ckpt_name: fileName(path) },
      }
    : {
        id: ID.checkpoint,
        type: "UNETLoader",
        links: {},
        values: { unet_name: fileName(path), weight_dtype: "default" },
      };
  const encoders = [files.clip_l, files.clip_g, files.t5xxl].filter(
    (file) => file !== undefined && file !== path,
  );
  const clip = clipLoader(encoders.map((file) => fileName(file ?? "")));
  const vaeInside = files.vae === undefined || files.vae === path;
  const vae: GraphNode | undefined = vaeInside
    ? undefined
    : { id: ID.vae, type: "VAELoader", links: {}, values: { vae_name: fileName(files.vae ?? "") } };
  return {
    nodes: [checkpoint, ...(clip ? [clip] : []), ...(vae ? [vae] : [])],
    model: [ID.checkpoint, 0],
    clip: clip ? [clip.id, 0] : [ID.checkpoint, 1],
    vae: vae ? [vae.id, 0] : [ID.checkpoint, 2],
  };
}

function clipLoader([first, second, third]: readonly string[]): GraphNode | undefined {
  const id = ID.textEncoders;
  if (first === undefined) return undefined;
  if (second === undefined) {
    return { id, type: "CLIPLoader", links: {}, values: { clip_name: first, type: CLIP_TYPE } };
  }
  const names = { clip_name1: first, clip_name2: second };
  if (third === undefined) {
    return { id, type: "DualCLIPLoader", links: {}, values: { ...names, type: CLIP_TYPE } };
  }
  return { id, type: "TripleCLIPLoader", links: {}, values: { ...names, clip_name3: third } };
}

function shapeModel(
  { shift, skip_layer_guidance: skip }: FrameParams,
  model: Output,
): { readonly nodes: readonly GraphNode[]; readonly model: Output } {
  const sampling: GraphNode = {
    id: ID.shift,
    type: "ModelSamplingSD3",
    links: { model },
    values: { shift },
  };
  if (skip === undefined) return { nodes: [sampling], model: [ID.shift, 0] };
  const guidance: GraphNode = {
    id: ID.skipLayers,
    type: "SkipLayerGuidanceSD3",
    links: { model: [ID.shift, 0] },
    values: {
      layers: skip.layers.join(", "),
      scale: skip.scale,
      start_percent: skip.start,
      end_percent: skip.end,
    },
  };
  return { nodes: [sampling, guidance], model: [ID.skipLayers, 0] };
}

function startLatent(
  { width, height, init_image: image }: FrameParams,
  vae: Output,
): { readonly nodes: readonly GraphNode[]; readonly output: Output } {
  if (image === undefined) {
    const values = { width, height, batch_size: 1 };
    return {
      nodes: [{ id: ID.latent, type: "EmptySD3LatentImage", links: {}, values }],
      output: [ID.latent, 0],
    };
  }
  const name = `latentfarm-input-${image.sha256.slice(0, HASH_DIGITS)}.png`;
  return {
    nodes: [
      { id: ID.image, type: "LoadImage", links: {}, values: { image: name, upload: "image" } },
      { id: ID.encode, type: "VAEEncode", links: { pixels: [ID.image, 0], vae }, values: {} },
    ],
    output: [ID.encode, 0],
  };
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
