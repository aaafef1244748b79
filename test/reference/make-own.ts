/**
 * Makes `test/reference/own/`, the reference cases that live in the project:
 *
 *     npx turbo run build && node test/dist/reference/make-own.js ../shared
 *
 * The pure-number cases are cut out of the full set. A graph case needs megabytes of weights, so those here run on the
 * demo model's files instead and hold what this engine gives: recorded only after the engine had reproduced every graph
 * case of the full set, they catch a change of the graphs where the full set is absent.
 */
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { createSession, type InputTensor } from "@latentfarm/engine";
import { encodeFloat32, writeSafetensors } from "@latentfarm/safetensors";
import { randn } from "@latentfarm/sampling";
import {
  buildClipGraph,
  buildMmdit,
  buildT5Graph,
  buildVaeDecoder,
  buildVaeEncoder,
  type ComponentGraph,
  detectClip,
  detectMmdit,
  detectT5,
  openTokenEmbedding,
  openWeightSource,
  t5PositionBuckets,
} from "@latentfarm/sd35";
import { REPOSITORY_ROOT } from "../harness/processes.js";
import { readJson, readTensors } from "./sources.js";

const OWN = path.join(REPOSITORY_ROOT, "test/reference/own/reference");
const DEMO = path.join(REPOSITORY_ROOT, "packages/demo-model/model");
const WHOLE_FILES = [
  "comfyui.json",
  "float8-tables.safetensors",
  "latent-format.safetensors",
  "latent-preview.safetensors",
  "sigmas-normal.safetensors",
];
/** Noise cases of more values than this are left to the full set. */
const NOISE_VALUES_MAX = 400;
/** As tight as the published cases are. */
const TOLERANCE = 2e-4;

/** A tensor to write: float32 values, or int64 token ids. */
interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array | BigInt64Array;
}

type Tensors = Readonly<Record<string, Tensor>>;

async function writeTensors(name: string, tensors: Tensors): Promise<void> {
  const plans = Object.entries(tensors).map(([key, { shape, values }]) => {
    return { name: key, dtype: values instanceof Float32Array ? ("F32" as const) : ("I64" as const), shape };
  });
  await writeSafetensors(path.join(OWN, name), plans, {
    fill: (plan) => {
      const values = tensors[plan.name]?.values ?? new Float32Array();
      if (values instanceof Float32Array) return [encodeFloat32("F32", values)];
      return [new Uint8Array(values.buffer)];
    },
  });
}

/** Runs the graph and gives inputs and chosen outputs as one case's tensors. */
async function record(
  graph: ComponentGraph,
  inputs: Record<string, InputTensor>,
  outputs: Record<string, string>,
) {
  const session = await createSession(graph);
  const results = await session.run(inputs);
  await session.release();
  const tensors: Record<string, Tensor> = {};
  for (const [output, key] of Object.entries(outputs)) {
    const { dims, data } = results[output] ?? { dims: [], data: new Float32Array() };
    tensors[key] = { shape: dims, values: data };
  }
  return tensors;
}

function noise(seed: bigint, shape: readonly number[]): InputTensor & Tensor {
  const data = randn(seed, shape);
  return { dtype: "float32", dims: shape, data, shape, values: data };
}

async function recordMmdit(file: string): Promise<void> {
  const source = openWeightSource(file);
  const { contextWidth, pooledWidth } = detectMmdit(source);
  const timestep = Float32Array.of(1000, 271.5);
  const inputs = {
    latent: noise(1n, [2, 16, 8, 12]),
    timestep: { dtype: "float32" as const, dims: [2], data: timestep, shape: [2], values: timestep },
    context: noise(2n, [2, 9, contextWidth]),
    pooled: noise(3n, [2, pooledWidth]),
  };
  const outputs = await record(buildMmdit(source), inputs, { velocity: "velocity" });
  await writeTensors("mmdit-demo.io.safetensors", { ...inputs, ...outputs });
}

/** Two rows of `tokens` ids; the highest id, which stands for the end token, comes once in each. */
function tokenRows(vocabulary: number, tokens: number): Tensor & { readonly ids: readonly number[] } {
  const ids = Array.from({ length: 2 * tokens }, (_, i) => (i * 37 + 11) % (vocabulary - 1));
  ids[tokens - 3] = vocabulary - 1;
  ids[2 * tokens - 9] = vocabulary - 1;
  return { ids, shape: [2, tokens], values: BigInt64Array.from(ids, BigInt) };
}

async function recordClip(kind: "clip_l" | "clip_g", file: string): Promise<void> {
  const source = openWeightSource(file);
  const config = detectClip(source, kind);
  const tokens = config.positions;
  const rows = tokenRows(config.vocabulary, tokens);
  using table = openTokenEmbedding(source, "text_model.embeddings.token_embedding.weight");
  const inputs: Record<string, InputTensor> = {
    embeddings: { dtype: "float32", dims: [2, tokens, config.hidden], data: table.rows(rows.ids) },
    end_index: { dtype: "int64", dims: [2], data: BigInt64Array.of(BigInt(tokens - 3), BigInt(tokens - 9)) },
  };
  const names = ["hidden_penultimate", "pooled_projected", "pooled_unprojected"];
  const outputs = await record(
    buildClipGraph(source, config),
    inputs,
    Object.fromEntries(names.map((n) => [n, n])),
  );
  await writeTensors(`${kind}-demo.io.safetensors`, { input_ids: rows, ...outputs });
}

async function recordT5(file: string): Promise<void> {
  const source = openWeightSource(file);
  const config = detectT5(source);
  const tokens = 21;
  const rows = tokenRows(config.vocabulary, tokens);
  using table = openTokenEmbedding(source, config.embedding);
  const inputs: Record<string, InputTensor> = {
    embeddings: { dtype: "float32", dims: [2, tokens, config.hidden], data: table.rows(rows.ids) },
    position_buckets: { dtype: "int64", dims: [tokens, tokens], data: t5PositionBuckets(tokens) },
  };
  const outputs = await record(buildT5Graph(source, config), inputs, { hidden: "hidden" });
  await writeTensors("t5xxl-demo.io.safetensors", { input_ids: rows, ...outputs });
}

async function recordVae(file: string): Promise<void> {
  const latent = noise(4n, [1, 16, 4, 6]);
  const encoded = noise(5n, [1, 3, 32, 48]);
  const image = await record(buildVaeDecoder(openWeightSource(file)), { latent }, { image: "image" });
  const moments = await record(
    buildVaeEncoder(openWeightSource(file)),
    { image: encoded },
    { moments: "encode_moments" },
  );
  await writeTensors("vae-demo.io.safetensors", { latent, ...image, encode_image: encoded, ...moments });
}

async function cutNumbers(from: string): Promise<Record<string, unknown>> {
  for (const name of WHOLE_FILES) await copyFile(path.join(from, name), path.join(OWN, name));
  const noiseCases = readTensors(path.join(from, "noise-torch-cpu.safetensors"));
  const count = (name: string) => noiseCases.floats(name).length;
  const small = noiseCases.names.filter((name) => count(name) <= NOISE_VALUES_MAX);
  await writeTensors(
    "noise-torch-cpu.safetensors",
    Object.fromEntries(
      small.map((name) => [name, { shape: noiseCases.shape(name), values: noiseCases.floats(name) }]),
    ),
  );
  const index = readJson<Record<string, unknown>>(path.join(from, "index.json"));
  return Object.fromEntries(Object.entries(index).filter(([key]) => key.startsWith("noise-sum-")));
}

async function main(shared: string): Promise<void> {
  await mkdir(OWN, { recursive: true });
  const checkpoint = path.join(DEMO, "checkpoints/postcards-sd35-fp8.safetensors");
  const encoders = {
    clip_l: path.join(DEMO, "text_encoders/clip_l.safetensors"),
    clip_g: path.join(DEMO, "text_encoders/clip_g.safetensors"),
    t5xxl: path.join(DEMO, "text_encoders/t5xxl_fp8_e4m3fn.safetensors"),
  };
  const sums = await cutNumbers(path.join(shared, "reference"));
  await recordMmdit(checkpoint);
  await recordClip("clip_l", encoders.clip_l);
  await recordClip("clip_g", encoders.clip_g);
  await recordT5(encoders.t5xxl);
  await recordVae(checkpoint);
  const entry = (file: string, extra: object = {}) => ({
    ...extra,
    weights: path.relative(OWN, file),
    note: "recorded from this engine on the demo model, after it had reproduced the published cases",
    tolerance_max_abs: TOLERANCE,
  });
  const index = {
    "mmdit-demo": entry(checkpoint),
    "clip_l-demo": entry(encoders.clip_l, { hidden_act: "quick_gelu" }),
    "clip_g-demo": entry(encoders.clip_g, { hidden_act: "gelu" }),
    "t5xxl-demo": entry(encoders.t5xxl),
    "vae-demo": entry(checkpoint),
    ...sums,
  };
  await writeFile(path.join(OWN, "index.json"), `${JSON.stringify(index, null, 2)}\n`);
}

await main(process.argv[2] ?? "../shared");
