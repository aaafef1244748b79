import { formatTable } from "../measure/report.js";
import type { DayReport } from "./day-report.js";
import type { Study, StudyResult } from "./studies.js";
import { type Claim, differencesOf, spreadOf } from "./study-verdict.js";
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
const signed = (value: number) => `${value < 0 ? "" : "+"}${percent(value)}`;

const COLUMNS: readonly Column[] = [
  { heading: "on time %", field: "onTime", tell: percent },
  { heading: "GPU-hours", field: "gpuHours", tell: whole, hasSpread: true },
  { heading: "$", field: "dollars", tell: whole },
  { heading: "high p50 s", field: "highP50", tell: whole },
  { heading: "high p95 s", field: "highP95", tell: whole },
  { heading: "high p99 s", field: "highP99", tell: whole },
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
  { heading: "on time %", field: "onTime", tell: percent },
  { heading: "high p95 s", field: "highP95", tell: whole },
  { heading: "normal p95 s", field: "normalP95", tell: whole },
  { heading: "GPU-hours", field: "gpuHours", tell: whole, hasSpread: true },
  { heading: "pods", field: "pods", tell: whole },
];

/** The studies as tables: means over the days, with the standard deviation between them where it is told. */
export function formatStudies(
  studies: readonly Study[],
  results: readonly StudyResult[],
  claims: readonly Claim[],
): string {
  const tables = studies.map(({ name, title }) => {
    const columns = name === "interruptions" ? INTERRUPTED : COLUMNS;
    const own = results.filter((result) => result.study === name);
    const hasBase = own.some((result) => differencesOf(result, own, "onTime") !== undefined);
    const rows = own.map((result) => [
      result.case.name,
      ...(hasBase ? [tellDifference(result, own)] : []),
      ...columns.map((column) => tellCell(result, column)),
    ]);
    const against = hasBase ? ["against the defaults"] : [];
    const headings = ["case", ...against, ...columns.map(({ heading }) => heading)];
    return `## ${title}\n\n${formatTable(headings, rows)}`;
  });
  const verdict = claims.map(({ claim, holds }) => `- ${holds ? "holds" : "FAILS"}: ${claim}`);
  return [...tables, `## What they show\n\n${verdict.join("\n")}`].join("\n\n");
}

/** The numbers for the stored figures: mean and standard deviation of each, to four digits. */
export function figuresOf(result: StudyResult, results: readonly StudyResult[]): StoredCase {
  const fields = new Set([...COLUMNS, ...INTERRUPTED].map(({ field }) => field));
  const entries = [...fields].map((field) => [field, rounded(valuesOf(result, field))]);
  const differences = differencesOf(result, results, "onTime");
  const against = differences === undefined ? {} : { onTimeAgainstDefaults: rounded(differences) };
  return { study: result.study, case: result.case.name, ...Object.fromEntries(entries), ...against };
}

function rounded(values: readonly number[]) {
  const { mean, sd } = spreadOf(values);
  const round = (value: number) => Number(value.toPrecision(4));
  return { mean: round(mean), sd: round(sd) };
}

function tellCell(result: StudyResult, { field, tell, hasSpread }: Column): string {
  const { mean, sd } = spreadOf(valuesOf(result, field));
  return hasSpread ? `${tell(mean)} ± ${tell(sd)}` : tell(mean);
}

function tellDifference(result: StudyResult, results: readonly StudyResult[]): string {
  const { mean, sd } = spreadOf(differencesOf(result, results, "onTime") ?? []);
  return `${signed(mean)} ± ${percent(sd)}`;
}

function valuesOf({ reports }: StudyResult, field: keyof DayReport): readonly number[] {
  return reports.map((report) => report[field]);
}
