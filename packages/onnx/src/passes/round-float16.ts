import { inferTypes } from "../cuda/infer-types.js";
import { DATA_TYPE_CODES, type Graph, type GraphNode } from "../graph.js";

/** What makes float16 of something else, or the reverse: its rounding is its own. */
const CONVERTERS: ReadonlySet<string> = new Set(["Cast", "DequantizeLinear"]);

/**
 * The same graph with each float16 operator computed in float32 and its result rounded to float16, as a GPU with wide
 * accumulators does. onnxruntime's CPU provider does nearly this by itself, but where two such operators follow each
 * other it passes the float32 value on: the errors of float16 would look smaller than they are.
 */
export function roundFloat16(graph: Graph): Graph {
  const types = inferTypes(graph);
  const isHalf = (name: string) => types.get(name) === "float16";
  const wide = (name: string) => (isHalf(name) ? `${name}.wide` : name);
  const widen = (name: string) => castNode(name, wide(name), "float32");
  const widened = graph.initializers.filter(({ name }) => isHalf(name)).map(({ name }) => widen(name));
  const nodes = graph.nodes.flatMap((node) => {
    const halves = node.outputs.filter(isHalf);
    if (CONVERTERS.has(node.op)) return [node, ...halves.map(widen)];
    const exact = (name: string) => (isHalf(name) ? `${name}.exact` : name);
    return [
      { ...node, inputs: node.inputs.map(wide), outputs: node.outputs.map(exact) },
      ...halves.flatMap((name) => [castNode(exact(name), name, "float16"), widen(name)]),
    ];
  });
  return { ...graph, nodes: [...widened, ...nodes] };
}

function castNode(input: string, output: string, dtype: "float16" | "float32"): GraphNode {
  return {
    name: `cast.${output}`,
    op: "Cast",
    domain: "",
    inputs: [input],
    outputs: [output],
    attributes: { to: DATA_TYPE_CODES[dtype] },
  };
}
