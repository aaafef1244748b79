import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { REPOSITORY_ROOT } from "../../harness/index.js";
import type { Machine } from "./machine.js";

const BYTES_PER_MB = 1e6;

/** The figures of one benchmark. */
export interface Report {
  /** File name of the stored results, and the heading. */
  readonly name: string;
  /** What gives these figures again. */
  readonly command: string;
  readonly machine: Machine;
  readonly figures: object;
  /** The figures for people. */
  readonly markdown: string;
}

/** How the figures are given. */
export interface ReportOptions {
  readonly json: boolean;
  /** Whether they replace those under test/load/results. */
  readonly save: boolean;
}

/** Prints the figures, as tables or as one line of JSON, and stores them when asked. */
export async function publish(report: Report, options: ReportOptions): Promise<void> {
  const { name, command, machine, figures } = report;
  const record = { name, command, machine, ...figures };
  const text = [`# ${name}`, describeRun(command, machine), report.markdown].join("\n\n");
  console.log(options.json ? JSON.stringify(record) : text);
  if (!options.save) return;
  const folder = path.join(REPOSITORY_ROOT, "test", "load", "results");
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, `${name}.json`), `${JSON.stringify(record, null, 2)}\n`);
  await writeFile(path.join(folder, `${name}.md`), `${text}\n`);
}

/** A Markdown table, padded so that it reads in a terminal as well. */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const lines = [headings, ...rows].map((row) => row.map(String));
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const format = (line: readonly string[]) =>
    `| ${widths.map((width, column) => pad(line[column] ?? "", { width, first: column === 0 })).join(" | ")} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  const [head = [], ...body] = lines;
  return [format(head), rule, ...body.map(format)].join("\n");
}

/** Bytes as megabytes (10^6). */
export function megabytes(bytes: number): string {
  return `${(bytes / BYTES_PER_MB).toFixed(0)} MB`;
}

function pad(text: string, { width, first }: { width: number; first: boolean }): string {
  return first ? text.padEnd(width) : text.padStart(width);
}

function describeRun(command: string, machine: Machine): string {
  const { cpu, cores, node, onnxruntime, commit, date, loadBefore } = machine;
  const memory = megabytes(machine.memoryBytes);
  return [
    `\`${command}\` on ${date.slice(0, 10)} at commit ${commit}: ${cpu}, ${cores} cores, ${memory};`,
    `Node ${node}, onnxruntime ${onnxruntime}. Load before the start was ${loadBefore}: where other work shares the`,
    "cores, trust the ratios, measured in turns within one run, before the times.",
  ].join("\n");
}
