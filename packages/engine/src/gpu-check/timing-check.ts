import { createGraph, DATA_TYPE_CODES, type GraphBuilder, type Value } from "@latentfarm/onnx";
import { type Check, gpuCheck, pass } from "./check.js";
import { openGraph } from "./operator-checks.js";

/** The first product of an MLP of SD3.5 Large: 4096 patches of 1024x1024 and 333 text tokens; and 2 adaLN rows. */
const SHAPE = { columns: 2432, weightRows: 9728 } as const;
const TOKENS = 4429;
const CONDITIONS = 2;

/** Runs that are timed, after one that is not: the median of so few is steady when nothing else runs on the GPU. */
const RUNS = 9;

/** 2^-6 in E4M3, and as the bytes of a float16: sums stay in range. */
const FLOAT8_CODE = 0x08;
const FLOAT16_BYTES = [0x00, 0x24] as const;

const WEIGHTS = {
  fused: (graph: GraphBuilder, x: Value): Value => {
    const { columns, weightRows } = SHAPE;
    const bytes = new Uint8Array(columns * weightRows).fill(FLOAT8_CODE);
    const weight = graph.inline("float8e4m3fn", [weightRows, columns], bytes);
    const scales = graph.constant("float32", [weightRows, 1], new Array<number>(weightRows).fill(1));
    return graph.node("com.microsoft:MatMulBlockQuantizedFp8Weight", [x, weight, scales], {
      block_size: columns,
    });
  },
  float16: (graph: GraphBuilder, x: Value): Value => {
    const { columns, weightRows } = SHAPE;
    const bytes = Uint8Array.from({ length: 2 * columns * weightRows }, (_, i) => FLOAT16_BYTES[i % 2] ?? 0);
    const weight = graph.inline("float16", [weightRows, columns], bytes);
    return graph.node("com.microsoft:FusedMatMul", [x, weight], { transB: 1 });
  },
} as const;

/**
 * The fused product beside a float16 one of the same shape. Activations are made on the GPU and only their largest sum
 * comes back, so that the bus is not what is timed.
 */
export const timingCheck: Check = gpuCheck("timing", async ({ scratch }, plan) => {
  const figures: Record<string, number> = {};
  for (const [name, multiply] of Object.entries(WEIGHTS)) {
    const graph = createGraph(name);
    const column = graph.input("column", "float32", ["rows", 1]);
    const row = graph.constant("float32", [1, SHAPE.columns], new Array<number>(SHAPE.columns).fill(1));
    const x = graph.node("Cast", [graph.node("Mul", [column, row])], { to: DATA_TYPE_CODES.float16 });
    const largest = graph.node("ReduceMax", [multiply(graph, x)]);
    const y = graph.node("Cast", [largest], { to: DATA_TYPE_CODES.float32 });
    graph.output("y", y, { dtype: "float32", dims: [1, 1] });
    const session = await openGraph(graph, { folder: scratch, plan });
    try {
      for (const rows of [TOKENS, CONDITIONS]) {
        const input = { dtype: "float32", dims: [rows, 1], data: new Float32Array(rows).fill(1) } as const;
        figures[`${name}_${rows}_rows_ms`] = await medianMs(() => session.run({ column: input }));
      }
    } finally {
      await session.release();
    }
  }
  const shape = `K=${SHAPE.columns} N=${SHAPE.weightRows}`;
  return pass(`median of ${RUNS} runs, ${shape}, M=${TOKENS} and M=${CONDITIONS}`, figures);
});

async function medianMs(run: () => Promise<unknown>): Promise<number> {
  await run();
  const times: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const startedAt = performance.now();
    await run();
    times.push(performance.now() - startedAt);
  }
  return times.sort((a, b) => a - b)[Math.floor(RUNS / 2)] ?? Number.NaN;
}
