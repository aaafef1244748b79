import { existsSync } from "node:fs";
import path from "node:path";
import { createSession, type InputTensor, type OutputTensor } from "@latentfarm/engine";
import {
  buildClipGraph,
  buildMmdit,
  buildT5Graph,
  buildVaeDecoder,
  buildVaeEncoder,
  type ComponentGraph,
  detectClip,
  detectT5,
  openTokenEmbedding,
  openWeightSource,
  t5PositionBuckets,
  unusedTensors,
} from "@latentfarm/sd35";
import { describe, expect, it } from "vitest";
import { expectRelative, expectWithin } from "./compare.js";
import { takeApart } from "./cuda-on-cpu.js";
import type { CaseEntry, GraphCase } from "./graph-case.js";
import { listFiles, readJson, readTensors, type TensorMap } from "./sources.js";
import { describeTrajectories } from "./trajectories.js";

/**
 * How far CUDA's graph may be from the reference, both as root mean squares. One rounding to float16 is 2^-11 (0.5e-3)
 * at most in relative terms, and those of a graph's many layers add up as random ones do: measured with every result
 * rounded are 2.2e-3 for the VAE, 1.0e-3 to 2.1e-3 for the denoiser, 1.5e-3 for T5 and 1.2e-3 for CLIP.
 */
const FLOAT16_TOLERANCE = 2 ** -8;

/**
 * The cases that run a graph. They are found by their files: `NAME.io.safetensors` (or `NAME.safetensors` for
 * trajectories) with the weights beside it or named by index.json; what a case checks follows from the tensors in it.
 * A case of no known kind fails, so that none is passed over in silence.
 */
export function describeGraphs(dir: string): void {
  const indexFile = path.join(dir, "index.json");
  if (!existsSync(indexFile)) return;
  const index = readJson<Record<string, CaseEntry>>(indexFile);
  const cases = [
    ...listFiles(dir)
      .filter((file) => file.endsWith(".io.safetensors"))
      .map((file) => file.slice(0, -".io.safetensors".length)),
    ...Object.keys(index).filter((name) => existsSync(path.join(dir, `${name}.safetensors`))),
  ];
  describe("graphs", () => {
    for (const name of cases) {
      const run = readCase(name, { dir, index });
      describeCase(run);
      if (!isTrajectory(run)) describe("for CUDA", () => describeCase({ ...run, target: "cuda" }));
    }
    for (const name of Object.keys(index).filter(
      (key) => !key.startsWith("noise-sum-") && !cases.includes(key),
    )) {
      it(`${name} has its files`, () => expect.fail(`${name} is in index.json, and its files are absent`));
    }
  });
}

/** A case such as `t5xxl-long` shares the weights and the entry of the case whose name it begins with. */
function readCase(name: string, from: { dir: string; index: Record<string, CaseEntry> }): GraphCase {
  const { dir, index } = from;
  const owner = Object.keys(index)
    .filter((key) => name === key || name.startsWith(`${key}-`))
    .sort((a, b) => b.length - a.length)[0];
  const entry = index[owner ?? ""];
  if (entry?.tolerance_max_abs === undefined)
    throw new Error(`Cannot read case ${name}: index.json gives no tolerance`);
  const ioFile = [`${name}.io.safetensors`, `${name}.safetensors`].find((file) =>
    existsSync(path.join(dir, file)),
  );
  return {
    name,
    entry,
    io: readTensors(path.join(dir, ioFile ?? "")),
    weights: path.join(dir, entry.weights ?? `${owner}.weights.safetensors`),
    tolerance: entry.tolerance_max_abs,
    target: "cpu",
  };
}

function isTrajectory({ io }: GraphCase): boolean {
  return io.names.some((tensor) => tensor.endsWith(".sigmas"));
}

function describeCase(run: GraphCase): void {
  const has = (tensor: string) => run.io.names.includes(tensor);
  if (has("velocity")) it(run.name, () => checkMmdit(run));
  else if (has("hidden_penultimate")) it(run.name, () => checkClip(run));
  else if (has("hidden")) it(run.name, () => checkT5(run));
  else if (has("image") || has("encode_image")) describeVae(run);
  else if (isTrajectory(run)) describeTrajectories(run);
  else it(run.name, () => expect.fail(`tensors [${run.io.names}] are those of no known kind of case`));
}

/** A float32 input taken from the case as it is. */
function floatInput(io: TensorMap, name: string): InputTensor {
  return { dtype: "float32", dims: io.shape(name), data: io.floats(name) };
}

/** Opens the graph, runs it once and frees it. */
async function runOnce(
  graph: ComponentGraph,
  inputs: Record<string, InputTensor>,
): Promise<Record<string, OutputTensor>> {
  const session = await createSession(takeApart(graph));
  try {
    return { ...(await session.run(inputs)) };
  } finally {
    await session.release();
  }
}

/** Compares the graph's output with the case's tensor of the same name. */
function expectOutput(
  outputs: Record<string, OutputTensor>,
  run: GraphCase,
  name: string,
  tensor = name,
): void {
  const output = outputs[name];
  expect(output?.dims, name).toEqual(run.io.shape(tensor));
  const expected = run.io.floats(tensor);
  if (run.target === "cpu") expectWithin(output?.data ?? [], expected, run.tolerance);
  else expectRelative(output?.data ?? [], expected, FLOAT16_TOLERANCE);
}

async function checkMmdit(run: GraphCase): Promise<void> {
  const source = openWeightSource(run.weights);
  const graph = buildMmdit(source, undefined, run.target);
  expect(unusedTensors(source).filter((name) => name.startsWith("model.diffusion_model."))).toEqual([]);
  const names = ["latent", "timestep", "context", "pooled"];
  const outputs = await runOnce(
    graph,
    Object.fromEntries(names.map((name) => [name, floatInput(run.io, name)])),
  );
  expectOutput(outputs, run, "velocity");
}

/** Token ids ``int64 [batch, tokens]`` as rows of numbers. */
function tokenRows(io: TensorMap): { rows: readonly (readonly number[])[]; batch: number; tokens: number } {
  const [batch = 0, tokens = 0] = io.shape("input_ids");
  const bytes = io.bytes("input_ids").slice();
  const ids = Array.from(new BigInt64Array(bytes.buffer), Number);
  return {
    rows: Array.from({ length: batch }, (_, i) => ids.slice(i * tokens, (i + 1) * tokens)),
    batch,
    tokens,
  };
}

async function checkClip(run: GraphCase): Promise<void> {
  const source = openWeightSource(run.weights);
  const config = detectClip(source, run.entry.hidden_act === "quick_gelu" ? "clip_l" : "clip_g");
  const { rows, batch, tokens } = tokenRows(run.io);
  using table = openTokenEmbedding(source, "text_model.embeddings.token_embedding.weight");
  const ends = rows.map((row) => BigInt(row.indexOf(Math.max(...row)))); // The end token has the highest id.
  const outputs = await runOnce(buildClipGraph(source, config, run.target), {
    embeddings: { dtype: "float32", dims: [batch, tokens, config.hidden], data: table.rows(rows.flat()) },
    end_index: { dtype: "int64", dims: [batch], data: BigInt64Array.from(ends) },
  });
  for (const name of run.io.names.filter((tensor) => tensor !== "input_ids"))
    expectOutput(outputs, run, name);
}

async function checkT5(run: GraphCase): Promise<void> {
  const source = openWeightSource(run.weights);
  const config = detectT5(source);
  const { rows, batch, tokens } = tokenRows(run.io);
  using table = openTokenEmbedding(source, config.embedding);
  const outputs = await runOnce(buildT5Graph(source, config, run.target), {
    embeddings: { dtype: "float32", dims: [batch, tokens, config.hidden], data: table.rows(rows.flat()) },
    position_buckets: { dtype: "int64", dims: [tokens, tokens], data: t5PositionBuckets(tokens) },
  });
  expectOutput(outputs, run, "hidden");
}

function describeVae(run: GraphCase): void {
  const has = (tensor: string) => run.io.names.includes(tensor);
  if (has("image"))
    it(`${run.name} decoder`, async () => {
      const graph = buildVaeDecoder(openWeightSource(run.weights), run.target);
      expectOutput(await runOnce(graph, { latent: floatInput(run.io, "latent") }), run, "image");
    });
  if (has("encode_image"))
    it(`${run.name} encoder`, async () => {
      const graph = buildVaeEncoder(openWeightSource(run.weights), run.target);
      const outputs = await runOnce(graph, { image: floatInput(run.io, "encode_image") });
      expectOutput(outputs, run, "moments", "encode_moments");
    });
}
