import type { Graph, GraphNode, OnnxDtype } from "../graph.js";
import { boundType, inferTypes, operatorKey, operatorOf } from "./infer-types.js";
import type { CudaOperator } from "./operators.js";

/**
 * Why onnxruntime would not run a graph on CUDA alone, in words; empty when it would. The element type of every value
 * is inferred on the way. Found are: an operator or element type that CUDA has no kernel for, an FP8 weight that is
 * read by anything but its decoder or the fused product, an output of another type than declared, and a node that
 * computes with a shape: onnxruntime gives such a node to the CPU, and refuses the session where that is forbidden.
 * Source of the last: microsoft/onnxruntime, onnxruntime/core/framework/fallback_cpu_capability.cc.
 */
export function findCudaFaults(graph: Graph): string[] {
  const types = inferTypes(graph);
  const onHost = new Set(
    graph.nodes.filter((node) => operatorOf(node)?.hostOutput).flatMap(({ outputs }) => outputs),
  );
  const faults = graph.nodes.flatMap((node) => checkNode(node, types, onHost));
  for (const { name, dtype } of graph.outputs) {
    if (types.get(name) !== dtype) faults.push(`output ${name} is ${types.get(name)}, declared ${dtype}`);
  }
  return faults;
}

function checkNode(
  node: GraphNode,
  types: ReadonlyMap<string, OnnxDtype>,
  onHost: ReadonlySet<string>,
): string[] {
  const operator = operatorOf(node);
  if (operator === undefined) {
    return [`${node.name} is ${operatorKey(node)}, which is not in the list for CUDA`];
  }
  const faults = checkInputs(node, operator, types);
  for (const [index, input] of node.inputs.entries()) {
    if (onHost.has(input) && operator.hostInputs?.includes(index) !== true) {
      faults.push(`${node.name} computes with the shape ${input}, so it is given to the CPU`);
    }
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
