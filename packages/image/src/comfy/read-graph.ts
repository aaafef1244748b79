import { createFieldReader, type ReadFields } from "../read-fields.js";
import { NODE_TYPES } from "./node-types.js";
import { parseJsonExactly } from "./read-json.js";

/** Nodes of a graph: the largest that people share have some hundred. */
const NODES_MAX = 4_096;

/** What ends a graph. */
const OUTPUT_TYPES: ReadonlySet<string> = new Set(["SaveImage", "PreviewImage", "SaveImageWebsocket"]);
const SAMPLER_TYPES: ReadonlySet<string> = new Set(["KSampler", "KSamplerAdvanced"]);
const TEXT_TYPES: ReadonlySet<string> = new Set(["CLIPTextEncode", "CLIPTextEncodeSD3"]);
const LATENT_TYPES: ReadonlySet<string> = new Set(["EmptySD3LatentImage", "EmptyLatentImage"]);

/** Types whose meaning is taken over whole. */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  ...Object.keys(NODE_TYPES),
  ...OUTPUT_TYPES,
  "EmptyLatentImage",
  "VAEDecodeTiled",
]);

interface Node {
  readonly type: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

type Graph = ReadonlyMap<string, Node>;

/**
 * Reads the parameters out of a graph that ComfyUI's server has run, as its pictures carry it: those of the sampler that
 * the output shows. Nodes that the farm has no words for are told. Undefined when the text is no graph.
 */
export function readGraph(text: string): ReadFields | undefined {
  const graph = parseGraph(text);
  if (graph === undefined) return undefined;
  const reader = createFieldReader();
  const outputs = [...graph.values()].filter(({ type }) => OUTPUT_TYPES.has(type));
  const used = upstream(graph, outputs.length > 0 ? outputs : [...graph.values()]);
  for (const { type } of used) if (!UNDERSTOOD.has(type)) reader.miss(`node ${type}`);
  const samplers = used.filter(({ type }) => SAMPLER_TYPES.has(type));
  const [sampler] = samplers;
  if (sampler === undefined) return undefined;
  if (samplers.length > 1) reader.miss(`${samplers.length} samplers, of which the last is taken`);
  readSampler(sampler, reader);
  readModel(upstream(graph, [sampler], "model"), reader);
  readTexts(graph, sampler, reader);
  readLatent(upstream(graph, [sampler], "latent_image"), reader);
  return reader.finish();
}

type Reader = ReturnType<typeof createFieldReader>;

function readSampler({ inputs }: Node, { set, miss }: Reader): void {
  set("seed", literal(inputs.seed ?? inputs.noise_seed));
  set("steps", literal(inputs.steps));
  set("guidance_scale", literal(inputs.cfg));
  set("sampler", literal(inputs.sampler_name));
  set("scheduler", literal(inputs.scheduler));
  if (typeof inputs.denoise === "number" && inputs.denoise !== 1) set("strength", inputs.denoise);
  for (const name of ["seed", "noise_seed", "steps", "cfg", "sampler_name", "scheduler", "denoise"]) {
    if (Array.isArray(inputs[name])) miss(`${name} comes from another node`);
  }
}

/** The nearest node of a kind counts: it is the last to change the model. */
function readModel(nodes: readonly Node[], { set }: Reader): void {
  const first = (type: string) => nodes.find((node) => node.type === type)?.inputs;
  set("shift", literal(first("ModelSamplingSD3")?.shift));
  const skip = first("SkipLayerGuidanceSD3");
  if (skip !== undefined) {
    set("skip_layer_guidance", {
      layers: String(skip.layers).split(",").map(Number),
      scale: skip.scale,
      start: skip.start_percent,
      end: skip.end_percent,
    });
  }
  const file = first("CheckpointLoaderSimple")?.ckpt_name ?? first("UNETLoader")?.unet_name;
  if (typeof file === "string") set("model", file.replace(/^.*[\\/]/, "").replace(/\.safetensors$/, ""));
}

function readTexts(graph: Graph, sampler: Node, { set, miss }: Reader): void {
  for (const [field, input] of [
    ["prompt", "positive"],
    ["negative_prompt", "negative"],
  ] as const) {
    const encoders = upstream(graph, [sampler], input).filter(({ type }) => TEXT_TYPES.has(type));
    const inputs = encoders[0]?.inputs;
    const text = inputs?.text ?? inputs?.t5xxl ?? inputs?.clip_l;
    if (typeof text === "string") set(field, text);
    else miss(`${field}: its text comes from another node`);
    if (encoders.length > 1) miss(`${field}: ${encoders.length} texts, of which the first is taken`);
  }
}

function readLatent(nodes: readonly Node[], { set, miss }: Reader): void {
  const empty = nodes.find(({ type }) => LATENT_TYPES.has(type))?.inputs;
  set("width", literal(empty?.width));
  set("height", literal(empty?.height));
  const batch = empty?.batch_size;
  if (typeof batch === "number" && batch > 1) miss(`batch of ${batch}, of which the first picture is drawn`);
  const image = nodes.find(({ type }) => type === "LoadImage")?.inputs.image;
  if (image !== undefined) miss(`image to start from: ${JSON.stringify(image)}`);
}

/** A value that is set on the node itself; a link to another is none. */
function literal(value: unknown): unknown {
  return typeof value === "object" ? undefined : value;
}

/** The nodes that some nodes take from, nearest first, themselves included; from one of their inputs alone if named. */
function upstream(graph: Graph, from: readonly Node[], input?: string): Node[] {
  const starts = input === undefined ? from : from.flatMap((node) => linked(graph, [node.inputs[input]]));
  const found = new Set(starts);
  // A set is walked in the order in which it grows.
  for (const node of found) for (const next of linked(graph, Object.values(node.inputs))) found.add(next);
  return [...found];
}

function linked(graph: Graph, values: readonly unknown[]): Node[] {
  return values.flatMap((value) => {
    const node = Array.isArray(value) && value.length === 2 ? graph.get(String(value[0])) : undefined;
    return node === undefined ? [] : [node];
  });
}

function parseGraph(text: string): Graph | undefined {
  const entries = entriesOf(parseOrNothing(text));
  if (entries.length === 0 || entries.length > NODES_MAX) return undefined;
  const nodes = new Map<string, Node>();
  for (const [id, value] of entries) {
    const fields = new Map(entriesOf(value));
    const type = fields.get("class_type");
    if (typeof type !== "string") return undefined;
    nodes.set(id, { type, inputs: Object.fromEntries(entriesOf(fields.get("inputs"))) });
  }
  return nodes;
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

function parseOrNothing(text: string): unknown {
  try {
    return parseJsonExactly(text);
  } catch {
    return undefined;
  }
}
