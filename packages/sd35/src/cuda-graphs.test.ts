import { findCudaFaults, type Graph } from "@latentfarm/onnx";
import type { TensorPlan } from "@latentfarm/safetensors";
import { describe, expect, it } from "vitest";
import type { ComponentGraph } from "./component-graph.js";
import { detectMmdit } from "./mmdit/config.js";
import { buildMmdit } from "./mmdit/mmdit.js";
import { SYNTH_ARCHITECTURES, synthTensors } from "./synth/synth-tensors.js";
import { synthTextTensors } from "./synth/text-tensors.js";
import { findGraphFaults } from "./testing/check-graph.js";
import { PLANNED_SCALE, plannedSource } from "./testing/planned-source.js";
import { detectClip } from "./text/clip-config.js";
import { buildClipGraph } from "./text/clip-graph.js";
import { detectT5 } from "./text/t5-config.js";
import { buildT5Graph } from "./text/t5-graph.js";
import { buildVaeDecoder } from "./vae/decoder.js";
import { buildVaeEncoder } from "./vae/encoder.js";
import type { GraphTarget } from "./weights/graph-target.js";
import { unusedTensors } from "./weights/unused-tensors.js";
import type { WeightSource } from "./weights/weight-source.js";

const VAE = synthTensors("sd3-medium").filter(({ name }) => name.startsWith("first_stage_model."));

type Build = (source: WeightSource, target: GraphTarget) => ComponentGraph;

const denoiser: Build = (source, target) => buildMmdit(source, detectMmdit(source), target);
const clip =
  (kind: "clip_l" | "clip_g"): Build =>
  (source, target) =>
    buildClipGraph(source, detectClip(source, kind), target);
const t5: Build = (source, target) => buildT5Graph(source, detectT5(source), target);

/** The diffusion model alone, with its tensors in other dtypes: `change` says which. */
function mmditTensors(
  architecture: (typeof SYNTH_ARCHITECTURES)[number],
  options: { form?: "plain" | "scaled"; change?: (tensor: TensorPlan) => TensorPlan["dtype"] } = {},
): TensorPlan[] {
  const { form = "plain", change = ({ dtype }) => dtype } = options;
  return synthTensors(architecture, { form })
    .filter(({ name }) => name.startsWith("model.diffusion_model."))
    .map((tensor) => ({ ...tensor, dtype: change(tensor) }));
}

const COMPONENTS: readonly (readonly [string, readonly TensorPlan[], Build])[] = [
  ...SYNTH_ARCHITECTURES.flatMap((name) =>
    (["plain", "scaled"] as const).map(
      (form) => [`${name}, ${form}`, mmditTensors(name, { form }), denoiser] as const,
    ),
  ),
  ["sd3-medium in F16", mmditTensors("sd3-medium", { change: () => "F16" }), denoiser],
  ["sd3-medium in BF16", mmditTensors("sd3-medium", { change: () => "BF16" }), denoiser],
  ["sd3-medium in F32", mmditTensors("sd3-medium", { change: () => "F32" }), denoiser],
  ["sd3-medium all in E4M3", mmditTensors("sd3-medium", { change: () => "F8_E4M3" }), denoiser],
  ["sd3-medium all in E5M2", mmditTensors("sd3-medium", { change: () => "F8_E5M2" }), denoiser],
  ["VAE decoder", VAE, buildVaeDecoder],
  ["VAE encoder", VAE, buildVaeEncoder],
  ["CLIP-L", synthTextTensors("clip_l"), clip("clip_l")],
  ["CLIP-G", synthTextTensors("clip_g"), clip("clip_g")],
  ["T5-XXL", synthTextTensors("t5xxl"), t5],
];

/** Tensors that belong to another graph, or to none because their rows are looked up outside. */
const ELSEWHERE = /^first_stage_model\.|token_embedding\.weight$|^shared\.weight$/;

function fused(graph: Graph) {
  return graph.nodes.filter(({ op }) => op === "MatMulBlockQuantizedFp8Weight");
}

/** The scales that a fused product reads, each once. */
function scalesOf(graph: Graph): number[] {
  const names = new Set(fused(graph).map(({ inputs }) => inputs[2]));
  const values = graph.initializers
    .filter(({ name }) => names.has(name))
    .flatMap(({ data }) => (data.kind === "inline" ? [...new Float32Array(data.bytes.slice().buffer)] : []));
  return [...new Set(values)];
}

describe("graphs for CUDA", () => {
  it.each(COMPONENTS)("%s runs on CUDA alone and takes every weight as it lies", (_, tensors, build) => {
    const source = plannedSource(tensors);
    const { graph } = build(source, "cuda");
    expect(findCudaFaults(graph)).toEqual([]);
    expect(findGraphFaults(graph, source)).toEqual([]);
    expect(unusedTensors(source).filter((name) => !ELSEWHERE.test(name))).toEqual([]);
    expect(graph.inputs.every(({ dtype }) => dtype === "float32" || dtype === "int64")).toBe(true);
    expect(graph.outputs.every(({ dtype }) => dtype === "float32")).toBe(true);
  });

  it.each(COMPONENTS)(
    "%s has the inputs, outputs and weights of its graph for the CPU",
    (_, tensors, build) => {
      const stored = (graph: Graph) =>
        graph.initializers
          .filter(({ data }) => data.kind === "external")
          .map(({ name }) => name)
          .sort();
      const [cpu, cuda] = (["cpu", "cuda"] as const).map(
        (target) => build(plannedSource(tensors), target).graph,
      );
      expect(cuda?.inputs).toEqual(cpu?.inputs);
      expect(cuda?.outputs).toEqual(cpu?.outputs);
      expect(cuda && stored(cuda)).toEqual(cpu && stored(cpu));
    },
  );

  it("multiplies every linear E4M3 weight of Large by the fused product, a row being a block", () => {
    const tensors = mmditTensors("sd3.5-large", { form: "scaled" });
    const { graph } = denoiser(plannedSource(tensors), "cuda");
    const weights = tensors.filter(({ dtype, shape }) => dtype === "F8_E4M3" && shape.length === 2);
    expect(new Set(fused(graph).map(({ inputs }) => inputs[1]))).toEqual(
      new Set(weights.map(({ name }) => name)),
    );
    const shapes = new Map(graph.initializers.map(({ name, shape }) => [name, shape]));
    for (const { inputs, attributes } of fused(graph)) {
      const [rows, columns] = shapes.get(inputs[1] ?? "") ?? [];
      expect(attributes.block_size).toBe(columns);
      expect(shapes.get(inputs[2] ?? "")).toEqual([rows, 1]);
      expect(shapes.get(inputs[4] ?? "")).toEqual([rows]);
    }
    expect(scalesOf(graph)).toEqual([PLANNED_SCALE]);
  });

  it("scales plain FP8 by 1", () => {
    expect(scalesOf(denoiser(plannedSource(mmditTensors("sd3-medium")), "cuda").graph)).toEqual([1]);
  });

  it("decodes E5M2 in the ordinary way, which the fused product does not take", () => {
    const source = plannedSource(mmditTensors("sd3-medium", { change: () => "F8_E5M2" }));
    const { graph } = denoiser(source, "cuda");
    expect(fused(graph)).toEqual([]);
    expect(graph.nodes.some(({ op }) => op === "DequantizeLinear")).toBe(true);
  });

  it("keeps the state of T5 in float32 and gives its gated layers headroom", () => {
    const { graph } = t5(plannedSource(synthTextTensors("t5xxl")), "cuda");
    const layers = 24;
    const factors = graph.nodes.filter(
      ({ op, inputs }) => op === "Mul" && inputs[1] === "const.float32[](64)",
    );
    expect(factors).toHaveLength(layers);
  });

  it("keeps the model of Large within megabytes, its repeated scales included", () => {
    const { model } = denoiser(plannedSource(mmditTensors("sd3.5-large", { form: "scaled" })), "cuda");
    expect(model.length).toBeLessThan(20_000_000);
  });
});
