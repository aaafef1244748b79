import { formatTable } from "../measure/report.js";
import type { DayReport } from "./day-report.js";
import type { Study, StudyResult } from "./studies.js";
import type { Claim } from "./study-verdict.js";
import { meanOf } from "./study-verdict.js";
import type { StoredCase } from "./summary-table.js";

/** A column: its heading, its number, and how the mean and the spread of it are told. */
interface Column {
  readonly heading: string;
  readonly field: keyof DayReport;
  readonly tell: (value: number) => string;
  readonly hasSpread?: boolean;
}

const whole = (value: number) => value.toFixed(0);
const percent = (value: number) => (value * 100).toFixed(1);

const COLUMNS: readonly Column[] = [
  { heading: "on time %", field: "onTime", tell: percent, hasSpread: true },
  { heading: "GPU-hours", field: "gpuHours", tell: whole, hasSpread: true },
  { heading: "$", field: "dollars", tell: whole },
  { heading: "high p50 s", field: "highP50", tell: whole },
  { heading: "high p95 s", field: "highP95", tell: whole },
  { heading: "normal p95 s", field: "normalP95", tell: whole },
  { heading: "large h", field: "largeHours", tell: (value) => value.toFixed(1) },
  { heading: "behind p50 s", field: "backlogP50", tell: whole },
  { heading: "p95", field: "backlogP95", tell: whole },
  { heading: "max", field: "backlogMax", tell: whole },
  { heading: "pods", field: "pods", tell: whole },
  { heading: "changes", field: "changes", tell: whole },
  { heading: "reversals", field: "reversals", tell: whole },
];

const INTERRUPTED: readonly Column[] = [
  { heading: "interrupted", field: "interruptions", tell: whole },
  {
    heading: "drawn twice %",
    field: "wastedShare",
    tell: (value) => (value * 100).toFixed(3),
    hasSpread: true,
  },
  { heading: "on time %", field: "onTime", tell: percent, hasSpread: true },
  { heading: "high p95 s", field: "highP95", tell: whole },
  { heading: "normal p95 s", field: "normalP95", tell: whole },
  { heading: "GPU-hours", field: "gpuHours", tell: whole, hasSpread: true },
  { heading: "pods", field: "pods", tell: whole },
];

/** The studies as tables: means over the seeds, with the standard deviation where it is told. */
export function formatStudies(
  studies: readonly Study[],
  results: readonly StudyResult[],
  claims: readonly Claim[],
): string {
  const tables = studies.map(({ name, title }) => {
    const columns = name === "interruptions" ? INTERRUPTED : COLUMNS;
    const rows = results
      .filter((result) => result.study === name)
      .map((result) => [result.case.name, ...columns.map((column) => tellCell(result, column))]);
    return `## ${title}\n\n${formatTable(["case", ...columns.map(({ heading }) => heading)], rows)}`;
  });
  const verdict = claims.map(({ claim, holds }) => `- ${holds ? "holds" : "FAILS"}: ${claim}`);
  return [...tables, `## What they show\n\n${verdict.join("\n")}`].join("\n\n");
}

/** The numbers for the stored figures: mean and standard deviation of each, to four digits. */
export function figuresOf(result: StudyResult): StoredCase {
  const fields = new Set([...COLUMNS, ...INTERRUPTED].map(({ field }) => field));
  const round = (value: number) => Number(value.toPrecision(4));
  const entries = [...fields].map((field) => [
    field,
    { mean: round(meanOf(result, field)), sd: round(deviationOf(result, field)) },
  ]);
  return { study: result.study, case: result.case.name, ...Object.fromEntries(entries) };
}

function tellCell(result: StudyResult, { field, tell, hasSpread }: Column): string {
  const mean = tell(meanOf(result, field));
  return hasSpread ? `${mean} ± ${tell(deviationOf(result, field))}` : mean;
}

/** The standard deviation between the days of a case. */
function deviationOf(result: StudyResult, field: keyof DayReport): number {
  const { reports } = result;
  if (reports.length < 2) return 0;
  const mean = meanOf(result, field);
  const squares = reports.reduce((sum, report) => sum + (report[field] - mean) ** 2, 0);
  return Math.sqrt(squares / (reports.length - 1));
}
