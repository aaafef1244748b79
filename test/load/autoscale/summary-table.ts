import { formatTable } from "../measure/report.js";
import type { DayReport } from "./day-report.js";

/** A case as the stored figures have it. */
export type StoredCase = { readonly study: string; readonly case: string } & {
  /** Mean and standard deviation between the days. */
  readonly [Field in keyof DayReport | "onTimeAgainstDefaults"]?: {
    readonly mean: number;
    readonly sd: number;
  };
};

/** What stands around the table in docs/autoscaling.md. */
const BEGIN = "<!-- from test/load/results/autoscale.json -->";
const END = "<!-- end -->";

/** The cases of the page, and what they are called there. */
const ROWS: readonly (readonly [study: string, name: string, shown: string])[] = [
  ["signals", "the defaults", "**backlog seconds, 60 a worker**"],
  ["signals", "backlog seconds 30", "backlog seconds, 30"],
  ["signals", "backlog seconds 120", "backlog seconds, 120"],
  ["signals", "frames that wait 2", "frames that wait, 2 a worker"],
  ["signals", "frames that wait 4", "frames that wait, 4"],
  ["signals", "frames that wait or run 3", "frames that wait or run, 3 a worker"],
  ["signals", "frames that wait or run 4", "frames that wait or run, 4"],
  ["signals", "GPU use 0.7", "GPU use, 70 %"],
  ["signals", "GPU use 0.9", "GPU use, 90 %"],
  ["signals", "clairvoyant 300", "who knows the next five minutes"],
  ["signals", "fixed 6", "six workers all day"],
  ["signals", "fixed 12", "twelve workers all day"],
];

/** The table of docs/autoscaling.md, made of the stored figures. */
export function formatSummary(cases: readonly StoredCase[]): string {
  const rows = ROWS.map(([study, name, shown]) => {
    const found = cases.find((one) => one.study === study && one.case === name);
    if (found === undefined) throw new RangeError(`Cannot show a case that was not played: case is ${name}`);
    const tell = (field: keyof DayReport, digits = 0, scale = 1) =>
      ((found[field]?.mean ?? 0) * scale).toFixed(digits);
    const { mean = 0, sd = 0 } = found.onTimeAgainstDefaults ?? {};
    const isBase = shown.startsWith("**");
    return [
      shown,
      tell("onTime", 1, 100),
      isBase ? "" : `${mean < 0 ? "" : "+"}${(mean * 100).toFixed(1)} ± ${(sd * 100).toFixed(1)}`,
      tell("gpuHours"),
      tell("dollars"),
      tell("highP95"),
      tell("normalP95"),
      tell("largeHours", 1),
      tell("pods"),
      tell("reversals"),
    ];
  });
  const headings = [
    "scaled on",
    "on time %",
    "against the first row, day by day",
    "GPU-hours",
    "$",
    "`high` p95 s",
    "`normal` p95 s",
    "large job h",
    "pods started",
    "reversals",
  ];
  return formatTable(headings, rows);
}

/** Puts a table into its place in the page. */
export function replaceSummary(page: string, table: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error("Cannot put the table into the page: its place is gone");
  return `${page.slice(0, from + BEGIN.length)}\n\n${table}\n\n${page.slice(to)}`;
}
