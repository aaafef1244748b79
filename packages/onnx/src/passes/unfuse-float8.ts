import { invariant } from "@latentfarm/contract";
import { DATA_TYPE_CODES, type Graph, type GraphNode, type Initializer } from "../graph.js";

/** The fused operator that {@link unfuseFloat8} takes apart. */
export const FUSED_FLOAT8_OP = "MatMulBlockQuantizedFp8Weight";

/**
 * The same graph with each MatMulBlockQuantizedFp8Weight written as its definition in ordinary operators: weight times
 * scale in float32, rounded to float16, times the activation, plus the bias. The operator has a kernel for CUDA only;
 * so taken apart, a graph that is made for CUDA can be evaluated where there is none.
 *
 * Only the form that our graphs use is known: float16 activations, one scale per row of the weight, no `a_scale`.
 * Source: microsoft/onnxruntime, docs/contrib_ops/cuda/matmul_block_scaled_fp8.md.
 */
export function unfuseFloat8(graph: Graph): Graph {
  const initializers = new Map(graph.initializers.map((initializer) => [initializer.name, initializer]));
  const decodes: GraphNode[] = [];
  const nodes = graph.nodes.flatMap((node) => {
    if (node.op !== FUSED_FLOAT8_OP) return [node];
    const parts = takeApart(node, initializers);
    decodes.push(...parts.decode);
    initializers.set(parts.scale.name, parts.scale);
    return parts.product;
  });
  const read = new Set([...decodes, ...nodes].flatMap(({ inputs }) => inputs));
  return {
    ...graph,
    nodes: [...decodes, ...nodes],
    initializers: [...initializers.values()].filter(({ name }) => read.has(name)),
  };
}

interface Parts {
  /** To stand before all other nodes, as every decoding does. */
  readonly decode: readonly GraphNode[];
  readonly product: readonly GraphNode[];
  readonly scale: Initializer;
}

function takeApart(node: GraphNode, initializers: ReadonlyMap<string, Initializer>): Parts {
  const [activation = "", weight = "", blockScale = "", activationScale = "", bias = ""] = node.inputs;
  const [rows = 0, columns] = initializers.get(weight)?.shape ?? [];
  const scales = initializers.get(blockScale);
  invariant(scales !== undefined, `the scales of ${node.name} are an initializer`);
  invariant(`${scales.shape}` === `${rows},1`, `${node.name} has one scale for each row of its weight`);
  invariant(node.attributes.block_size === columns, `one block of ${node.name} is one row`);
  invariant(activationScale === "", `${node.name} leaves its activations as they are`);
  const scale: Initializer = { ...scales, name: `${blockScale}.rows`, shape: [rows] };
  const make = (suffix: string, part: Pick<GraphNode, "op" | "inputs" | "attributes">): GraphNode => ({
    name: `${node.name}.${suffix}`,
    domain: "",
    outputs: [`${node.name}.${suffix}:0`],
    ...part,
  });
  const wide = make("wide", {
    op: "DequantizeLinear",
    inputs: [weight, scale.name],
    attributes: { axis: 0 },
  });
  const decoded = make("decoded", {
    op: "Cast",
    inputs: wide.outputs,
    attributes: { to: DATA_TYPE_CODES.float16 },
  });
  const product: GraphNode = {
    ...make("product", {
      op: "FusedMatMul",
      inputs: [activation, ...decoded.outputs],
      attributes: { transB: 1 },
    }),
    domain: "com.microsoft",
  };
  const last =
    bias === "" ? product : make("biased", { op: "Add", inputs: [...product.outputs, bias], attributes: {} });
  const ended = { ...last, outputs: node.outputs };
  return { decode: [wide, decoded], product: bias === "" ? [ended] : [product, ended], scale };
}
