import { type Attributes, float, type Graph, type GraphNode, type Initializer } from "@latentfarm/onnx";
import { HEAD_WIDTH } from "@latentfarm/sd35";

/** Nodes that take the place of others, with the constants they read. */
interface Rewriting {
  readonly graph: Graph;
  readonly nodes: GraphNode[];
  readonly constants: Map<string, Initializer>;
}

/** The denoiser with each linear layer as Reshape, Gemm with bias, Reshape, in place of FusedMatMul and Add. */
export function withGemm(denoiser: Graph): Graph {
  const rewriting: Rewriting = { graph: denoiser, nodes: [], constants: new Map() };
  const batch = addNode(rewriting, "batch", {
    op: "Shape",
    inputs: ["latent"],
    attributes: { start: 0, end: 1 },
  });
  const weightShapes = shapesOfWeights(denoiser);
  const replaced = new Set<GraphNode>();
  for (const node of denoiser.nodes) {
    if (replaced.has(node)) continue;
    const [x = "", weight = ""] = node.inputs;
    const [product = ""] = node.outputs;
    const add = denoiser.nodes.find(({ op, inputs }) => op === "Add" && inputs[0] === product);
    if (node.op !== "FusedMatMul" || add === undefined) {
      rewriting.nodes.push(node);
      continue;
    }
    replaced.add(add);
    const [out = 0, width = 0] = weightShapes.get(weight) ?? [];
    const flat = addNode(rewriting, `${node.name}.flat`, {
      op: "Reshape",
      inputs: [x, addConstant(rewriting, [-1, width])],
    });
    const gemm = addNode(rewriting, `${node.name}.gemm`, {
      op: "Gemm",
      inputs: [flat, weight, add.inputs[1] ?? ""],
      attributes: { transB: 1 },
    });
    const isVector = /^[ty]_embedder/.test(node.name); // [batch, width], all others are [batch, tokens, width]
    const dims = addNode(rewriting, `${node.name}.dims`, {
      op: "Concat",
      inputs: [batch, addConstant(rewriting, isVector ? [out] : [-1, out])],
      attributes: { axis: 0 },
    });
    addNode(rewriting, `${node.name}.full`, { op: "Reshape", inputs: [gemm, dims], outputs: add.outputs });
  }
  return finish(rewriting);
}

/** The denoiser with attention as two products and a softmax, in place of MultiHeadAttention. */
export function withPlainAttention(denoiser: Graph, heads: number): Graph {
  const rewriting: Rewriting = { graph: denoiser, nodes: [], constants: new Map() };
  for (const node of denoiser.nodes) {
    if (node.op !== "MultiHeadAttention") {
      rewriting.nodes.push(node);
      continue;
    }
    const perHead = addConstant(rewriting, [0, 0, heads, HEAD_WIDTH]);
    const [query = "", key = "", value = ""] = node.inputs.map((input, index) => {
      const split = addNode(rewriting, `${node.name}.split${index}`, {
        op: "Reshape",
        inputs: [input, perHead],
      });
      const perm = index === 1 ? [0, 2, 3, 1] : [0, 2, 1, 3];
      return addNode(rewriting, `${node.name}.turn${index}`, {
        op: "Transpose",
        inputs: [split],
        attributes: { perm },
      });
    });
    const scores = addNode(rewriting, `${node.name}.scores`, {
      op: "FusedMatMul",
      domain: "com.microsoft",
      inputs: [query, key],
      attributes: { alpha: float(1 / Math.sqrt(HEAD_WIDTH)) },
    });
    const shares = addNode(rewriting, `${node.name}.shares`, {
      op: "Softmax",
      inputs: [scores],
      attributes: { axis: -1 },
    });
    const sum = addNode(rewriting, `${node.name}.sum`, { op: "MatMul", inputs: [shares, value] });
    const back = addNode(rewriting, `${node.name}.back`, {
      op: "Transpose",
      inputs: [sum],
      attributes: { perm: [0, 2, 1, 3] },
    });
    const joined = addConstant(rewriting, [0, 0, heads * HEAD_WIDTH]);
    addNode(rewriting, `${node.name}.joined`, {
      op: "Reshape",
      inputs: [back, joined],
      outputs: node.outputs,
    });
  }
  return finish(rewriting);
}

interface NodeParts {
  readonly op: string;
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs?: readonly string[];
  readonly attributes?: Attributes;
}

function addNode({ nodes }: Rewriting, name: string, parts: NodeParts): string {
  const output = parts.outputs?.[0] ?? `${name}:0`;
  nodes.push({ domain: "", attributes: {}, ...parts, name, outputs: [output] });
  return output;
}

function addConstant({ constants }: Rewriting, values: readonly number[]): string {
  const name = `variant.int64(${values.join(",")})`;
  const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  constants.set(name, { name, dtype: "int64", shape: [values.length], data: { kind: "inline", bytes } });
  return name;
}

function finish({ graph, nodes, constants }: Rewriting): Graph {
  return { ...graph, nodes, initializers: [...graph.initializers, ...constants.values()] };
}

/** The shape of each weight, by its name and by that of its decoded value. */
function shapesOfWeights({ nodes, initializers }: Graph): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>(initializers.map(({ name, shape }) => [name, shape]));
  for (const { inputs, outputs } of nodes) {
    const shape = shapes.get(inputs[0] ?? "");
    if (shape !== undefined) for (const output of outputs) shapes.set(output, shape);
  }
  return shapes;
}
