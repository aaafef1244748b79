import { DATA_TYPE_CODES, type Graph, type GraphNode, type OnnxDtype } from "../graph.js";
import { CUDA_OPERATORS, type CudaOperator } from "./operators.js";

/** What a Cast may make: no FP8, which only files hold. */
const CAST_TARGETS = ["float32", "float16", "int32", "int64"] as const satisfies readonly OnnxDtype[];

/** The element type of each value of a graph, by its name; a value that no listed operator gives has none. */
export function inferTypes(graph: Graph): ReadonlyMap<string, OnnxDtype> {
  const types = new Map<string, OnnxDtype>(
    [...graph.inputs, ...graph.initializers].map(({ name, dtype }) => [name, dtype]),
  );
  for (const node of graph.nodes) {
    const operator = operatorOf(node);
    const dtype = operator && outputType(node, operator, types);
    for (const output of node.outputs) if (dtype !== undefined) types.set(output, dtype);
  }
  return types;
}

/** How the list for CUDA names a node's operator. */
export function operatorKey({ domain, op }: GraphNode): string {
  return domain === "" ? op : `${domain}:${op}`;
}

/** What the list for CUDA says of a node's operator; undefined where it is not in the list. */
export function operatorOf(node: GraphNode): CudaOperator | undefined {
  return CUDA_OPERATORS[operatorKey(node)];
}

/** The dtype that "T" stands for in this node: that of the first input so written, where it may be one. */
export function boundType(
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
  if (operator.output === "to") {
    return CAST_TARGETS.find((dtype) => DATA_TYPE_CODES[dtype] === node.attributes.to);
  }
  return operator.output === "T" ? boundType(node, operator, types) : operator.output;
}
