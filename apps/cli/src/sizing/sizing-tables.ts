import { LARGE, MEDIUM } from "./denoiser-work.js";
import { type Assumptions, estimatePicture, type PictureWork } from "./estimate-picture.js";
import type { GpuMachine } from "./gpu-machines.js";

/** What the tables are made with. */
export interface SizingOptions extends Assumptions {
  readonly machines: readonly GpuMachine[];
  /** What a spot machine costs of the price on demand. */
  readonly spotShare: number;
}

/** The pictures that the tables price. */
const PICTURES: readonly (readonly [name: string, work: PictureWork])[] = [
  ["Large, 1024 x 1024, 28 steps", { denoiser: LARGE, side: 1_024, steps: 28, rows: 2 }],
  ["Large, 512 x 512, 28 steps", { denoiser: LARGE, side: 512, steps: 28, rows: 2 }],
  ["Large Turbo, 1024 x 1024, 4 steps", { denoiser: LARGE, side: 1_024, steps: 4, rows: 1 }],
  ["Medium, 1024 x 1024, 28 steps", { denoiser: MEDIUM, side: 1_024, steps: 28, rows: 2 }],
];

/** How far the efficiency may be off, up and down, for the range beside a figure. */
const EFFICIENCY_MARGIN = 0.1;
const SECONDS_PER_HOUR = 3_600;
const THOUSAND = 1_000;

/** The machines, and what Large's FP8 set leaves free on each. */
export function machineTable({ machines, spotShare }: SizingOptions): string {
  const head = ["GPU", "machine", "RAM", "GPU memory", "free beside Large", "on demand", "spot"];
  const rows = machines.map(({ gpu, instance, ramGib, memoryGb, pricePerHour }) => [
    gpu,
    instance,
    `${ramGib} GiB`,
    `${memoryGb} GB`,
    `${(memoryGb - LARGE.setGb).toFixed(1)} GB`,
    `$${pricePerHour.toFixed(2)}/h`,
    `$${(pricePerHour * spotShare).toFixed(2)}/h`,
  ]);
  return markdownTable([head, ...rows]);
}

/** Time and price of a picture on each GPU. */
export function pictureTable(options: SizingOptions): string {
  const head = ["picture", "GPU", "seconds alone", "share a call", "an hour", "$ per 1,000", "on spot"];
  const rows = PICTURES.flatMap(([name, work]) =>
    options.machines.map((machine) => [name, machine.gpu, ...priceCells(machine, work, options)]),
  );
  return markdownTable([head, ...rows]);
}

function priceCells(machine: GpuMachine, work: PictureWork, options: SizingOptions): string[] {
  const at = (efficiency: number) => estimatePicture(machine, work, { ...options, efficiency });
  const middle = at(options.efficiency);
  const fast = at(options.efficiency + EFFICIENCY_MARGIN).secondsAlone;
  const slow = at(options.efficiency - EFFICIENCY_MARGIN).secondsAlone;
  const dollars = (middle.secondsShared / SECONDS_PER_HOUR) * machine.pricePerHour * THOUSAND;
  return [
    `${figure(middle.secondsAlone)} (${figure(fast)} to ${figure(slow)})`,
    String(middle.frames),
    figure(SECONDS_PER_HOUR / middle.secondsShared),
    dollars.toFixed(2),
    (dollars * options.spotShare).toFixed(2),
  ];
}

/** Two digits that count: an estimate has no more. */
function figure(value: number): string {
  return Number(value.toPrecision(2)).toLocaleString("en");
}

/** Cells as a table of Markdown, padded so that a terminal shows it as well. */
function markdownTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}
