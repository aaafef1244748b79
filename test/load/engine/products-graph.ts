import { createGraph, type Graph, type GraphNode, type Value } from "@latentfarm/onnx";
import { HEAD_WIDTH } from "@latentfarm/sd35";

/** A denoiser's matrix products and nothing else. */
export interface ProductsGraph {
  readonly graph: Graph;
  /** The graph's inputs with the dims after the batch; "context", "patches" and "joint" stand for their token counts. */
  readonly inputs: ReadonlyMap<string, readonly (number | TokenCount)[]>;
}

/** The text's tokens, the picture's, and both. */
export type TokenCount = "context" | "patches" | "joint";

/**
 * Takes the products out of a denoiser's graph: each linear layer with its weight, each attention with its two
 * products, all on inputs of the right shape. What they give is not looked at but for its shape, so that the time of
 * a run is that of the products: the least that a step with this runtime can take.
 */
export function productsGraph(denoiser: Graph, heads: number): ProductsGraph {
  const graph = createGraph("products");
  const inputs = new Map<string, readonly (number | TokenCount)[]>();
  const values = new Map<string, Value>();
  const input = (dims: readonly (number | TokenCount)[]): Value => {
    const name = `input_${dims.join("_")}`;
    const known = values.get(name);
    if (known !== undefined) return known;
    inputs.set(name, dims);
    const value = graph.input(name, "float32", ["batch", ...dims]);
    values.set(name, value);
    return value;
  };
  const results: Value[] = [];
  const shapes = addWeights(graph, denoiser, values);
  for (const node of denoiser.nodes) {
    if (node.op === "FusedMatMul") {
      const weight = values.get(node.inputs[1] ?? "");
      const [, width = 0] = shapes.get(node.inputs[1] ?? "") ?? [];
      const rows = tokensOf(node);
      const x = input(rows === undefined ? [1, width] : [rows, width]);
      results.push(graph.node("com.microsoft:FusedMatMul", [x, weight], { transB: 1 }));
    }
    if (node.op === "MultiHeadAttention") {
      const value = input([heads, "joint", HEAD_WIDTH]);
      results.push(graph.node("MatMul", [value, input([heads, HEAD_WIDTH, "joint"])]));
      results.push(graph.node("MatMul", [input([heads, "joint", "joint"]), value]));
    }
  }
  const lengths = results.map((result) => graph.node("Shape", [result], { start: 0, end: 1 }));
  const joined = graph.node("Concat", lengths, { axis: 0 });
  const output = graph.node("Cast", [joined], { to: 1 });
  graph.output("rows", output, { dtype: "float32", dims: [results.length] });
  return { graph: graph.finish(), inputs };
}

/** Adds the linear weights as the denoiser has them, decoding included; gives the shape of each. */
function addWeights(
  graph: ReturnType<typeof createGraph>,
  denoiser: Graph,
  values: Map<string, Value>,
): Map<string, readonly number[]> {
  const initializers = new Map(denoiser.initializers.map((initializer) => [initializer.name, initializer]));
  const producers = new Map(denoiser.nodes.flatMap((node) => node.outputs.map((name) => [name, node])));
  const shapes = new Map<string, readonly number[]>();
  const add = (name: string): Value | undefined => {
    const known = values.get(name);
    if (known !== undefined) return known;
    const initializer = initializers.get(name);
    const producer = producers.get(name);
    let value: Value | undefined;
    if (initializer !== undefined) {
      const { dtype, shape, data } = initializer;
      value =
        data.kind === "inline"
          ? graph.inline(dtype, shape, data.bytes)
          : graph.external({ name, dtype, shape, ...data });
      shapes.set(name, shape);
    } else if (producer !== undefined) {
      value = graph.decode(producer.op, producer.inputs.map(add), producer.attributes);
      shapes.set(name, shapes.get(producer.inputs[0] ?? "") ?? []);
    }
    if (value !== undefined) values.set(name, value);
    return value;
  };
  for (const node of denoiser.nodes) if (node.op === "FusedMatMul") add(node.inputs[1] ?? "");
  return shapes;
}

/** The tokens that a linear layer works on, by its scope; undefined for one vector a row. */
function tokensOf({ name }: GraphNode): TokenCount | undefined {
  if (/adaLN_modulation|^[ty]_embedder/.test(name)) return undefined;
  return /context_block|context_embedder/.test(name) ? "context" : "patches";
}
