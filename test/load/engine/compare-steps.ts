import { availableParallelism } from "node:os";
import path from "node:path";
import { createSession, type InputTensor, type Session } from "@latentfarm/engine";
import { serializeModel } from "@latentfarm/onnx";
import { buildMmdit, detectMmdit, openWeightSource } from "@latentfarm/sd35";
import { REPOSITORY_ROOT } from "../../harness/index.js";
import { formatTable } from "../measure/report.js";
import { type Summary, summarize } from "../measure/summary.js";
import { DEMO_CHECKPOINT, DEMO_STEP } from "./frame.js";
import { type ProductsGraph, productsGraph, type TokenCount } from "./products-graph.js";
import { stepInputs } from "./step-inputs.js";
import { startTorch } from "./torch-process.js";

const ROWS: readonly number[] = [1, 2, 4, 8, 16];

/** Turns, each with a few calls of everything: other work on the machine hits all alike. */
const REPEATS = 15;
const CALLS = 8;

/** Both compute in float32, in another order: 1e-5 of values up to 3 is a hundred times the rounding of one product. */
const DIFFERENCE_MAX = 1e-4;

/** What is timed. PyTorch's are missing where it is not installed. */
type Kind = "step" | "products" | "torchStep" | "torchProducts";

/** One step of the demo denoiser by rows; milliseconds. */
export interface StepComparison {
  readonly threads: number;
  /** PyTorch's version, or why there are no figures of it. */
  readonly torch: string;
  /** The largest difference between the velocities of both; null without PyTorch. */
  readonly difference: number | null;
  readonly rows: readonly ({ readonly rows: number } & Partial<Record<Kind, Summary>>)[];
}

/** Times a step of the engine, of PyTorch, and the matrix products of each alone, in turns. */
export async function compareSteps(python: string): Promise<StepComparison> {
  const threads = availableParallelism();
  const checkpoint = path.join(REPOSITORY_ROOT, DEMO_CHECKPOINT);
  const source = openWeightSource(checkpoint);
  const config = detectMmdit(source);
  const component = buildMmdit(source, config);
  const products = productsGraph(component.graph, config.heads);
  const shape = { config, ...DEMO_STEP };
  const step = await createSession(component, { threads });
  const alone = await createSession(
    { ...component, graph: products.graph, model: serializeModel(products.graph) },
    { threads },
  );
  const torch = await startTorch({ python, checkpoint, threads, inputs: stepInputs(shape, 1) });
  const calls: Partial<Record<Kind, (rows: number) => Promise<number[]>>> = {
    step: (rows) => timeRuns(step, stepInputs(shape, rows)),
    products: (rows) => timeRuns(alone, productInputs(products, rows)),
    ...(typeof torch !== "string" && {
      torchStep: (rows: number) => torch.time("step", rows, CALLS),
      torchProducts: (rows: number) => torch.time("products", rows, CALLS),
    }),
  };
  const times = new Map<string, number[]>();
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    for (const rows of ROWS) {
      for (const [kind, call] of Object.entries(calls)) {
        const key = `${kind} ${rows}`;
        times.set(key, [...(times.get(key) ?? []), ...(await call(rows))]);
      }
    }
  }
  const difference =
    typeof torch === "string" ? null : await compareVelocities(step, await torch.velocity(1), shape);
  if (typeof torch !== "string") await torch[Symbol.asyncDispose]();
  await step.release();
  await alone.release();
  const summaries = (rows: number) =>
    Object.fromEntries(
      Object.keys(calls).map((kind) => [kind, summarize(times.get(`${kind} ${rows}`) ?? [])]),
    );
  return {
    threads,
    torch: typeof torch === "string" ? torch : torch.version,
    difference,
    rows: ROWS.map((rows) => ({ rows, ...summaries(rows) })),
  };
}

/** The figures as a table for people. */
export function formatComparison({ threads, torch, difference, rows }: StepComparison): string {
  const ms = (summary: Summary | undefined) => summary?.median.toFixed(2) ?? "";
  const ratio = (a: Summary | undefined, b: Summary | undefined) =>
    a === undefined || b === undefined ? "" : (a.median / b.median).toFixed(2);
  const table = formatTable(
    ["rows", "ms a step", "products alone", "ratio", "PyTorch step", "products alone", "step to PyTorch's"],
    rows.map(({ rows, step, products, torchStep, torchProducts }) => [
      rows,
      ms(step),
      ms(products),
      ratio(step, products),
      ms(torchStep),
      ms(torchProducts),
      ratio(step, torchStep),
    ]),
  );
  const other =
    difference === null
      ? `No figures of PyTorch (${torch}); name an interpreter that has it with --python.`
      : `PyTorch ${torch}, weights decoded to float32; its velocity differs by at most ${difference.toExponential(1)}.`;
  return `${table}\n\n${other} ${threads} threads each.`;
}

async function timeRuns(session: Session, inputs: Readonly<Record<string, InputTensor>>): Promise<number[]> {
  const times: number[] = [];
  await session.run(inputs);
  for (let call = 0; call < CALLS; call++) {
    const startedAt = performance.now();
    await session.run(inputs);
    times.push(performance.now() - startedAt);
  }
  return times;
}

function productInputs({ inputs }: ProductsGraph, rows: number): Record<string, InputTensor> {
  const context = DEMO_STEP.tokens;
  const patches = (DEMO_STEP.side / 2) ** 2;
  const counts: Readonly<Record<TokenCount, number>> = { context, patches, joint: context + patches };
  const entries = [...inputs].map(([name, lengths]): [string, InputTensor] => {
    const dims = [rows, ...lengths.map((length) => (typeof length === "number" ? length : counts[length]))];
    const data = new Float32Array(dims.reduce((product, dim) => product * dim, 1)).fill(1);
    return [name, { dtype: "float32", dims, data }];
  });
  return Object.fromEntries(entries);
}

async function compareVelocities(
  session: Session,
  torch: readonly number[],
  shape: Parameters<typeof stepInputs>[0],
): Promise<number> {
  const { velocity } = await session.run(stepInputs(shape, 1));
  const ours = velocity?.data ?? new Float32Array();
  const difference = torch.reduce(
    (max, value, index) => Math.max(max, Math.abs(value - (ours[index] ?? Number.NaN))),
    0,
  );
  if (torch.length === ours.length && difference <= DIFFERENCE_MAX) return difference;
  throw new Error(`Cannot compare with PyTorch: velocities differ by ${difference}`);
}
