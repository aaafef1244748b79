import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { openSession } from "@latentfarm/engine";
import type { MmditConfig } from "@latentfarm/sd35";
import { DEMO_STEP } from "../engine/frame.js";
import { stepInputs } from "../engine/step-inputs.js";
import { formatTable } from "../measure/report.js";
import { summarize } from "../measure/summary.js";
import type { Variant } from "./session-variants.js";

const CALLS = 60;

/** The first calls grow the memory. */
const WARM_UPS = 10;

/** Operators listed by name; the rest is one line. */
const OPERATORS_SHOWN = 10;

/** What the nodes of one operator take of a step. */
export interface OperatorFigures {
  readonly operator: string;
  readonly nodes: number;
  /** The sum of the nodes' medians, in microseconds. */
  readonly us: number;
  readonly share: number;
}

/** The profile of one step. */
export interface StepProfile {
  readonly rows: number;
  readonly operators: readonly OperatorFigures[];
}

/** Profiles steps of so many rows by onnxruntime's own profiler, which adds a few microseconds to each node. */
export async function profileStep(
  { model, options }: Variant,
  step: { readonly config: MmditConfig; readonly rows: number },
): Promise<StepProfile> {
  const folder = await mkdtemp(path.join(tmpdir(), "latentfarm-profile-"));
  try {
    const profileFilePrefix = path.join(folder, "step");
    const profiled = { ...options, enableProfiling: true, profileFilePrefix };
    const session = await openSession({ component: "mmdit", model }, profiled);
    const inputs = stepInputs({ config: step.config, ...DEMO_STEP }, step.rows);
    for (let call = 0; call < CALLS; call++) await session.run(inputs);
    await session.release(); // Writes the file.
    const [file = ""] = await readdir(folder);
    return { rows: step.rows, operators: sumOperators(await readFile(path.join(folder, file), "utf8")) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The profiles as one table for people. */
export function formatProfiles(profiles: readonly StepProfile[]): string {
  const [first] = profiles;
  const names = first?.operators.map(({ operator }) => operator) ?? [];
  const rows = names.map((name) => {
    const found = profiles.map(({ operators }) => operators.find(({ operator }) => operator === name));
    return [
      name,
      found[0]?.nodes ?? 0,
      ...found.map((figures) =>
        figures === undefined ? "" : `${figures.us.toFixed(0)} (${(figures.share * 100).toFixed(0)}%)`,
      ),
    ];
  });
  return formatTable(["operator", "nodes", ...profiles.map(({ rows }) => `µs, rows: ${rows}`)], rows);
}

/** Source: Chrome's trace event format; a node's run is an event of the category "Node" whose name ends so. */
function sumOperators(text: string): OperatorFigures[] {
  const nodes = new Map<string, { readonly operator: string; readonly durations: number[] }>();
  const events: unknown = JSON.parse(text);
  for (const event of Array.isArray(events) ? events : []) {
    if (event.cat !== "Node" || !String(event.name).endsWith("_kernel_time")) continue;
    const node = nodes.get(event.name) ?? { operator: String(event.args.op_name), durations: [] };
    node.durations.push(Number(event.dur));
    nodes.set(event.name, node);
  }
  const sums = new Map<string, { nodes: number; us: number }>();
  for (const { operator, durations } of nodes.values()) {
    const sum = sums.get(operator) ?? { nodes: 0, us: 0 };
    sums.set(operator, { nodes: sum.nodes + 1, us: sum.us + summarize(durations.slice(WARM_UPS)).median });
  }
  const total = [...sums.values()].reduce((all, { us }) => all + us, 0);
  const sorted = [...sums].toSorted(([, a], [, b]) => b.us - a.us);
  const shown = sorted.slice(0, OPERATORS_SHOWN);
  const rest = sorted
    .slice(OPERATORS_SHOWN)
    .reduce((sum, [, { nodes, us }]) => ({ nodes: sum.nodes + nodes, us: sum.us + us }), { nodes: 0, us: 0 });
  return [...shown, ["all others", rest] as const].map(([operator, { nodes, us }]) => ({
    operator,
    nodes,
    us,
    share: us / total,
  }));
}
