import { DATA_TYPE_CODES, type Graph, type GraphNode, type OnnxDtype } from "../graph.js";
import { CUDA_OPERATORS, type CudaOperator } from "./operators.js";

/** What a Cast may make: no FP8, which only files hold. */
const CAST_TARGETS = ["float32", "float16", "int32", "int64"] as const satisfies readonly OnnxDtype[];

/**
 * Why onnxruntime would not run a graph on CUDA alone, in words; empty when it would. The element type of every value
 * is inferred on the way. Found are: an operator or element type that CUDA has no kernel for, an FP8 weight that is
 * read by anything but its decoder or the fused product, an output of another type than declared, and a node that
 * computes with a shape: onnxruntime gives such a node to the CPU, and refuses the session where that is forbidden.
 * Source of the last: microsoft/onnxruntime, onnxruntime/core/framework/fallback_cpu_capability.cc.
 */
export function findCudaFaults(graph: Graph): string[] {
  const types = new Map<string, OnnxDtype>(
    [...graph.inputs, ...graph.initializers].map(({ name, dtype }) => [name, dtype]),
  );
  const onHost = new Set<string>();
  const faults = graph.nodes.flatMap((node) => checkNode(node, types, onHost));
  for (const { name, dtype } of graph.outputs) {
    if (types.get(name) !== dtype) faults.push(`output ${name} is ${types.get(name)}, declared ${dtype}`);
  }
  return faults;
}

function checkNode(node: GraphNode, types: Map<string, OnnxDtype>, onHost: Set<string>): string[] {
  const key = node.domain === "" ? node.op : `${node.domain}:${node.op}`;
  const operator = CUDA_OPERATORS[key];
  if (operator === undefined) return [`${node.name} is ${key}, which is not in the list for CUDA`];
  const faults = checkInputs(node, operator, types);
  for (const [index, input] of node.inputs.entries()) {
    if (onHost.has(input) && operator.hostInputs?.includes(index) !== true) {
      faults.push(`${node.name} computes with the shape ${input}, so it is given to the CPU`);
    }
  }
  const dtype = outputType(node, operator, types);
  for (const output of node.outputs) {
    if (dtype !== undefined) types.set(output, dtype);
    if (operator.hostOutput) onHost.add(output);
  }
  return faults;
}

function checkInputs(
  node: GraphNode,
  operator: CudaOperator,
  types: ReadonlyMap<string, OnnxDtype>,
): string[] {
  const bound = boundType(node, operator, types);
  return node.inputs.flatMap((input, index) => {
    if (input === "") return [];
    const found = types.get(input);
    const rule = operator.inputs[operator.variadic ? 0 : index];
    if (rule === undefined) return [`${node.name} has an input ${index}, ${input}`];
    const allowed = rule === "T" ? (bound === undefined ? operator.types : [bound]) : rule;
    const fits = found !== undefined && allowed.includes(found);
    return fits ? [] : [`${node.name} reads ${input} as ${allowed.join(" or ")}, it is ${found}`];
  });
}

/** The dtype that "T" stands for in this node: that of the first input so written, where it may be one. */
function boundType(
  node: GraphNode,
  operator: CudaOperator,
  types: ReadonlyMap<string, OnnxDtype>,
): OnnxDtype | undefined {
  const found = types.get(node.inputs[operator.inputs.indexOf("T")] ?? "");
  return operator.types.find((dtype) => dtype === found);
}

function outputType(
  node: GraphNode,
  operator: CudaOperator,
  types: ReadonlyMap<string, OnnxDtype>,
): OnnxDtype | undefined {
  if (operator.output === "to")
    return CAST_TARGETS.find((dtype) => DATA_TYPE_CODES[dtype] === node.attributes.to);
  return operator.output === "T" ? boundType(node, operator, types) : operator.output;
}
