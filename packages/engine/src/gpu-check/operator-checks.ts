import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  createGraph,
  DATA_TYPE_CODES,
  type GraphBuilder,
  serializeModel,
  type Value,
} from "@latentfarm/onnx";
import type { PrecisionPlan } from "../device/precision-plan.js";
import { createSession, type Session } from "../session.js";
import { type Check, type CheckOutcome, fail, gpuCheck, pass } from "./check.js";

/** Codes of E4M3 and their values, all exact in float16. Source: the OCP 8-bit floating point specification. */
const CODES = [
  [0x30, 0.5],
  [0x38, 1],
  [0x40, 2],
  [0xb8, -1],
] as const;

const COLUMNS = 256;
const WEIGHT_ROWS = 32;
const SCALE = 0.5;

/** 2 rows take the operator's small-batch kernel, 16 its general one, which begins at 9. */
const ACTIVATION_ROWS = [2, 16] as const;

/** Any number that no type's alignment divides. */
const ODD_OFFSET = 1001;

/** Sums of 256 products of small numbers, rounded to float16 once: up to 2^-11 of at most 256 each. */
const DIFFERENCE_MAX = 0.25;

function code(index: number): readonly [number, number] {
  return CODES[(index * 7 + Math.floor(index / COLUMNS)) % CODES.length] ?? CODES[0];
}

const WEIGHT = Uint8Array.from({ length: WEIGHT_ROWS * COLUMNS }, (_, i) => code(i)[0]);

/** The fused product alone, on CUDA and nothing else. */
export const operatorCheck: Check = gpuCheck("fused operator", (context, plan) =>
  multiply(plan, context.scratch, (graph) => graph.inline("float8e4m3fn", [WEIGHT_ROWS, COLUMNS], WEIGHT)),
);

/** The same with the weight at an odd offset of a file, as safetensors headers of any length make it. */
export const offsetCheck: Check = gpuCheck("odd offset", async (context, plan) => {
  const location = "odd.bin";
  await writeFile(join(context.scratch, location), Buffer.concat([Buffer.alloc(ODD_OFFSET), WEIGHT]));
  const tensor = { name: "weight", dtype: "float8e4m3fn", shape: [WEIGHT_ROWS, COLUMNS] } as const;
  return multiply(plan, context.scratch, (graph) =>
    graph.external({ ...tensor, location, byteOffset: ODD_OFFSET, byteLength: WEIGHT.length }),
  );
});

async function multiply(
  plan: PrecisionPlan,
  folder: string,
  weightOf: (graph: GraphBuilder) => Value,
): Promise<CheckOutcome> {
  const graph = createGraph("fused_operator");
  const x = graph.input("x", "float32", ["rows", COLUMNS]);
  const half = graph.node("Cast", [x], { to: DATA_TYPE_CODES.float16 });
  const scales = graph.constant("float32", [WEIGHT_ROWS, 1], new Array<number>(WEIGHT_ROWS).fill(SCALE));
  const product = graph.node("com.microsoft:MatMulBlockQuantizedFp8Weight", [half, weightOf(graph), scales], {
    block_size: COLUMNS,
  });
  const wide = graph.node("Cast", [product], { to: DATA_TYPE_CODES.float32 });
  graph.output("y", wide, { dtype: "float32", dims: ["rows", WEIGHT_ROWS] });
  const session = await openGraph(graph, { folder, plan });
  try {
    let difference = 0;
    for (const rows of ACTIVATION_ROWS) difference = Math.max(difference, await productError(session, rows));
    const detail = `largest difference from the definition is ${difference}, allowed is ${DIFFERENCE_MAX}`;
    return difference <= DIFFERENCE_MAX ? pass(detail, { difference }) : fail(detail, { difference });
  } finally {
    await session.release();
  }
}

/** Opens a graph of a check. */
export function openGraph(
  builder: GraphBuilder,
  { folder, plan }: { readonly folder: string; readonly plan: PrecisionPlan },
): Promise<Session> {
  const graph = builder.finish();
  return createSession(
    { component: "mmdit", graph, model: serializeModel(graph), weightsFolder: folder },
    { plan },
  );
}

/** The largest difference of the operator's product from one computed here. */
async function productError(session: Session, rows: number): Promise<number> {
  const data = Float32Array.from({ length: rows * COLUMNS }, (_, i) => ((i * 5) % 9) - 4);
  const { y } = await session.run({ x: { dtype: "float32", dims: [rows, COLUMNS], data } });
  let largest = 0;
  for (let row = 0; row < rows; row++) {
    for (let out = 0; out < WEIGHT_ROWS; out++) {
      let sum = 0;
      for (let k = 0; k < COLUMNS; k++)
        sum += (data[row * COLUMNS + k] ?? 0) * code(out * COLUMNS + k)[1] * SCALE;
      const difference = Math.abs((y?.data[row * WEIGHT_ROWS + out] ?? Number.NaN) - sum);
      largest = Math.max(largest, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
    }
  }
  return largest;
}
