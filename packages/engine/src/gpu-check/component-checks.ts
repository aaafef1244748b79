import { findCudaFaults, roundFloat16, serializeModel, unfuseFloat8, type ValueInfo } from "@latentfarm/onnx";
import { buildGraphs, type ComponentGraph, type ModelFolder } from "@latentfarm/sd35";
import { CPU_PLAN } from "../device/precision-plan.js";
import { createSession, type InputTensor, type OutputTensor } from "../session.js";
import { type Check, type CheckOutcome, fail, gpuCheck, pass } from "./check.js";

/**
 * Lengths that the graphs leave open. 77 text tokens: a bias of attention whose rows are no multiple of 8, which was
 * once read wrongly on CUDA (microsoft/onnxruntime pull request 28366).
 */
const LENGTHS: Readonly<Record<string, number>> = {
  batch: 2,
  tokens: 77,
  height: 8,
  width: 8,
  image_height: 64,
  image_width: 64,
};

/** Tokens of a CLIP chunk in the demo model, whose position table is shorter than CLIP's own 77. */
const CLIP_TOKENS = 20;

/**
 * Root mean square of the difference, relative to the output's. {@link arithmeticCheck} measures 4.6e-3 for T5, whose
 * attention is not scaled and magnifies roundings when its input is no text, and 0.2e-3 to 1.1e-3 for the others. A
 * wrong kernel is off by far more.
 */
const DIFFERENCE_MAX = 2 ** -6;

/** Whether onnxruntime would run the model's graphs on CUDA alone. Needs no GPU. */
export const structureCheck: Check = {
  name: "graphs",
  run: async ({ folder }) => {
    const graphs = Object.values(buildGraphs(folder, "cuda")).map((build) => build());
    const faults = graphs.flatMap(({ component, graph }) =>
      findCudaFaults(graph).map((fault) => `${component}: ${fault}`),
    );
    const nodes = graphs.reduce((sum, { graph }) => sum + graph.nodes.length, 0);
    if (faults.length > 0) return fail(faults.join("; "));
    return pass(`${graphs.length} graphs of ${nodes} nodes: every operator and type has a kernel on CUDA`, {
      nodes,
    });
  },
};

/** The graphs for CUDA on the CPU, the fused product taken apart, beside the graphs for the CPU. Needs no GPU. */
export const arithmeticCheck: Check = {
  name: "arithmetic",
  run: ({ folder }) =>
    compareComponents(folder, async (component, inputs) => {
      const graph = roundFloat16(unfuseFloat8(component.graph));
      return runOnce({ ...component, graph, model: serializeModel(graph) }, inputs, {});
    }),
};

/** The graphs for CUDA on the GPU, beside the graphs for the CPU. */
export const componentCheck: Check = gpuCheck("components", ({ folder }, plan) =>
  compareComponents(folder, (component, inputs) => runOnce(component, inputs, { plan })),
);

type Inputs = Readonly<Record<string, InputTensor>>;
type Outputs = Readonly<Record<string, OutputTensor>>;

async function compareComponents(
  folder: ModelFolder,
  run: (component: ComponentGraph, inputs: Inputs) => Promise<Outputs>,
): Promise<CheckOutcome> {
  const forCpu = buildGraphs(folder);
  const figures: Record<string, number> = {};
  for (const build of Object.values(buildGraphs(folder, "cuda"))) {
    const component = build();
    const cpu = Object.values(forCpu)
      .map((other) => other())
      .find((other) => other.component === component.component);
    if (cpu === undefined) continue;
    const inputs = makeInputs(component);
    const difference = relativeDifference(
      await run(component, inputs),
      await runOnce(cpu, inputs, { plan: CPU_PLAN }),
    );
    figures[`${component.component}_difference`] = difference;
  }
  const largest = Math.max(...Object.values(figures));
  const detail = `largest relative difference from the CPU's graphs is ${largest.toExponential(1)}, allowed is ${DIFFERENCE_MAX.toExponential(1)}`;
  return largest <= DIFFERENCE_MAX ? pass(detail, figures) : fail(detail, figures);
}

async function runOnce(
  component: ComponentGraph,
  inputs: Inputs,
  options: Parameters<typeof createSession>[1],
): Promise<Outputs> {
  const session = await createSession(component, options);
  try {
    return await session.run(inputs);
  } finally {
    await session.release();
  }
}

function makeInputs({ component, graph }: ComponentGraph): Inputs {
  const lengths = component.startsWith("clip") ? { ...LENGTHS, tokens: CLIP_TOKENS } : LENGTHS;
  return Object.fromEntries(graph.inputs.map((input) => [input.name, makeInput(input, lengths)]));
}

/** Numbers about -1 to 1 in no order, or small indices; the timestep is of its usual size by its name. */
function makeInput({ name, dtype, dims }: ValueInfo, lengths: Readonly<Record<string, number>>): InputTensor {
  const shape = dims.map((dim) => (typeof dim === "number" ? dim : (lengths[dim] ?? 1)));
  const length = shape.reduce((product, dim) => product * dim, 1);
  if (dtype === "int64") {
    return { dtype, dims: shape, data: BigInt64Array.from({ length }, (_, i) => BigInt(i % 16)) };
  }
  const size = name === "timestep" ? 500 : 1;
  return {
    dtype: "float32",
    dims: shape,
    data: Float32Array.from({ length }, (_, i) => size * Math.sin(i * i)),
  };
}

/** The root mean square of the difference over that of the expected, the worst of all outputs; NaN counts as infinite. */
function relativeDifference(actual: Outputs, expected: Outputs): number {
  const ratios = Object.entries(expected).map(([name, { data }]) => {
    let wrong = 0;
    let right = 0;
    for (let i = 0; i < data.length; i++) {
      wrong += ((actual[name]?.data[i] ?? Number.NaN) - (data[i] ?? 0)) ** 2;
      right += (data[i] ?? 0) ** 2;
    }
    const ratio = Math.sqrt(wrong / right);
    return Number.isNaN(ratio) ? Number.POSITIVE_INFINITY : ratio;
  });
  return Math.max(...ratios);
}
