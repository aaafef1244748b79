import { openSession, type Session } from "@latentfarm/engine";
import type { MmditConfig } from "@latentfarm/sd35";
import { DEMO_STEP } from "../engine/frame.js";
import { stepInputs } from "../engine/step-inputs.js";
import { formatTable } from "../measure/report.js";
import { type Summary, summarize } from "../measure/summary.js";
import type { Variant } from "./session-variants.js";

const ROWS: readonly number[] = [1, 2, 4, 16];
const REPEATS = 15;
const CALLS = 5;

/** All compute the same in another order; see the same bound in `engine/compare-steps.ts`. */
const DIFFERENCE_MAX = 1e-4;

/** One variant's figures; milliseconds. */
export interface VariantFigures {
  readonly name: string;
  readonly openMs: number;
  readonly steps: readonly { readonly rows: number; readonly ms: Summary }[];
  /** The largest difference of its velocity to the first variant's. */
  readonly difference: number;
}

/** Runs all variants in turns; the first is what the others are compared with. Throws when one gives other numbers. */
export async function measureVariants(
  variants: readonly Variant[],
  config: MmditConfig,
): Promise<VariantFigures[]> {
  const opened: {
    name: string;
    openMs: number;
    session: Session;
    difference: number;
    times: Map<number, number[]>;
  }[] = [];
  const inputs = new Map(ROWS.map((rows) => [rows, stepInputs({ config, ...DEMO_STEP }, rows)]));
  let expected: Float32Array | undefined;
  for (const { name, model, options } of variants) {
    const startedAt = performance.now();
    const session = await openSession({ component: "mmdit", model }, options);
    const openMs = performance.now() - startedAt;
    const { velocity } = await session.run(inputs.get(2) ?? {});
    expected ??= velocity?.data;
    const difference = largestDifference(expected, velocity?.data);
    if (!(difference <= DIFFERENCE_MAX))
      throw new Error(`Cannot compare ${name}: it differs by ${difference}`);
    opened.push({ name, openMs, session, difference, times: new Map(ROWS.map((rows) => [rows, []])) });
  }
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    for (const rows of ROWS) {
      for (const { session, times } of opened) {
        await session.run(inputs.get(rows) ?? {});
        for (let call = 0; call < CALLS; call++) {
          const startedAt = performance.now();
          await session.run(inputs.get(rows) ?? {});
          times.get(rows)?.push(performance.now() - startedAt);
        }
      }
    }
  }
  for (const { session } of opened) await session.release();
  return opened.map(({ name, openMs, difference, times }) => ({
    name,
    openMs,
    difference,
    steps: ROWS.map((rows) => ({ rows, ms: summarize(times.get(rows) ?? []) })),
  }));
}

/** The figures as a table for people: medians, and in brackets their ratio to the first variant's. */
export function formatVariants(figures: readonly VariantFigures[]): string {
  const [own] = figures;
  const rows = figures.map(({ name, openMs, steps }) => [
    name,
    openMs.toFixed(0),
    ...steps.map(({ ms }, index) => {
      const ratio = ms.median / (own?.steps[index]?.ms.median ?? Number.NaN);
      return `${ms.median.toFixed(2)} (${ratio.toFixed(2)})`;
    }),
  ]);
  const headings = ROWS.map((count) => (count === 1 ? "1 row" : `${count} rows`));
  return formatTable(["variant", "ms to open", ...headings], rows);
}

function largestDifference(a: Float32Array | undefined, b: Float32Array | undefined): number {
  if (a === undefined || b?.length !== a.length) return Number.NaN;
  return a.reduce((max, value, index) => Math.max(max, Math.abs(value - (b[index] ?? Number.NaN))), 0);
}
