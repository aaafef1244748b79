import { init } from "echarts";
import sharp from "sharp";
import { GPUS, HOUR_MS } from "./assumptions.js";
import type { DayRecord } from "./simulate-day.js";
import type { StudyResult } from "./studies.js";
import { meanOf } from "./study-verdict.js";

/** A day to be drawn, under the name of its policy. */
export interface DrawnDay {
  readonly name: string;
  readonly record: DayRecord;
}

type Point = readonly [x: number, y: number];

interface Panel {
  readonly title: string;
  readonly x: { readonly name: string; readonly min?: number; readonly max?: number };
  readonly y: { readonly name: string; readonly min?: number; readonly max?: number };
  readonly lines: readonly {
    readonly name: string;
    readonly points: readonly Point[];
    readonly isDay: boolean;
  }[];
}

const PANEL_WIDTH = 620;
const PANEL_HEIGHT = 410;
const COLUMNS = 2;
const MARGIN = { left: 66, right: 30, top: 44, bottom: 118 };
const DENSITY = 2;
/** SVG is measured at 72 dots an inch. */
const SVG_DPI = 72;
const FONT = "DejaVu Sans";
const INK = "#1f2937";
const FAINT = "#e5e7eb";

/** Worker-hours up to which work ahead is shown: the large job alone is 16. */
const AHEAD_HOURS_MAX = 3;

/** Milliseconds of a day's scrapes for each point of its lines. */
const POINT_MS = 120_000;

const COLORS: Readonly<Record<string, string>> = {
  "backlog seconds": "#2563eb",
  "frames that wait": "#d97706",
  "frames that wait or run": "#16a34a",
  "GPU use": "#dc2626",
  clairvoyant: "#6b7280",
  fixed: "#111827",
};

/** Draws what the signals come to, and two days, as one PNG by ECharts on the server. */
export async function drawStudies(
  results: readonly StudyResult[],
  days: readonly DrawnDay[],
): Promise<Buffer> {
  const panels = [
    frontPanel(results, {
      title: "Pictures on time against cost",
      field: "onTime",
      y: "% on time",
      min: 86,
      max: 99,
    }),
    frontPanel(results, {
      title: "Slow pictures against cost",
      field: "normalP95",
      y: "p95 of normal, s",
      min: 0,
      max: 800,
    }),
    dayPanel(days, { title: "Workers that are ready, one day", y: "workers", of: (sample) => sample.ready }),
    dayPanel(days, {
      title: "Work ahead, the same day",
      y: "worker-hours",
      of: (sample) => sample.backlog / GPUS.l4.rate / 3_600,
      max: AHEAD_HOURS_MAX,
    }),
  ];
  const width = COLUMNS * PANEL_WIDTH;
  const height = Math.ceil(panels.length / COLUMNS) * PANEL_HEIGHT;
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  chart.setOption(optionsOf(panels));
  const svg = chart.renderToSVGString();
  chart.dispose();
  const picture = sharp(Buffer.from(svg), { density: SVG_DPI * DENSITY });
  return picture.png({ palette: true }).toBuffer();
}

function frontPanel(
  results: readonly StudyResult[],
  shown: {
    readonly title: string;
    readonly field: "onTime" | "normalP95";
    readonly y: string;
    readonly min: number;
    readonly max: number;
  },
): Panel {
  const { title, field, y, min, max } = shown;
  const signals = results.filter(({ study }) => study === "signals");
  const names = [...new Set(signals.flatMap((result) => result.case.line ?? []))];
  const scale = field === "onTime" ? 100 : 1;
  const lines = names.map((name) => {
    const points = signals
      .filter((result) => result.case.line === name)
      .map((result): Point => [meanOf(result, "gpuHours"), meanOf(result, field) * scale])
      .sort(([one], [other]) => one - other);
    return { name, points, isDay: false };
  });
  return { title, x: { name: "GPU-hours a day", min: 60, max: 300 }, y: { name: y, min, max }, lines };
}

function dayPanel(
  days: readonly DrawnDay[],
  shown: {
    readonly title: string;
    readonly y: string;
    readonly of: (sample: DayRecord["samples"][number]) => number;
    readonly max?: number;
  },
): Panel {
  const lines = days.map(({ name, record }) => {
    const inDay = record.samples.filter(({ atMs }) => atMs <= record.day.ms && atMs % POINT_MS === 0);
    return {
      name,
      points: inDay.map((sample): Point => [sample.atMs / HOUR_MS, shown.of(sample)]),
      isDay: true,
    };
  });
  return {
    title: shown.title,
    x: { name: "hour", min: 0, max: 24 },
    y: { name: shown.y, min: 0, ...(shown.max === undefined ? {} : { max: shown.max }) },
    lines,
  };
}

function optionsOf(panels: readonly Panel[]) {
  const place = (index: number, left: number, top: number) => ({
    left: (index % COLUMNS) * PANEL_WIDTH + left,
    top: Math.floor(index / COLUMNS) * PANEL_HEIGHT + top,
  });
  const axis = {
    nameTextStyle: { fontSize: 11 },
    axisLabel: { fontSize: 10 },
    nameLocation: "middle" as const,
  };
  return {
    animation: false,
    backgroundColor: "#ffffff",
    textStyle: { fontFamily: FONT, color: INK },
    title: panels.map(({ title }, index) => ({
      text: title,
      ...place(index, MARGIN.left - 10, 12),
      textStyle: { fontSize: 14, fontFamily: FONT, color: INK },
    })),
    legend: panels.map(({ lines }, index) => ({
      data: lines.map(({ name }) => `${index}:${name}`),
      formatter: (text: string) => text.replace(/^\d+:/, ""),
      ...place(index, MARGIN.left - 10, PANEL_HEIGHT - 72),
      width: PANEL_WIDTH - MARGIN.left,
      // The server has no canvas to measure text with, and takes it for shorter than it is.
      itemGap: 22,
      itemHeight: 4,
      itemWidth: 16,
      icon: "rect",
      textStyle: { fontSize: 11 },
    })),
    grid: panels.map((_, index) => ({
      ...place(index, MARGIN.left, MARGIN.top),
      width: PANEL_WIDTH - MARGIN.left - MARGIN.right,
      height: PANEL_HEIGHT - MARGIN.top - MARGIN.bottom,
    })),
    xAxis: panels.map(({ x }, gridIndex) => ({
      type: "value" as const,
      gridIndex,
      ...x,
      ...axis,
      nameGap: 24,
      splitLine: { show: false },
    })),
    yAxis: panels.map(({ y }, gridIndex) => ({
      type: "value" as const,
      gridIndex,
      ...y,
      ...axis,
      nameGap: 42,
      splitLine: { lineStyle: { color: FAINT } },
    })),
    series: panels.flatMap(({ lines }, index) => lines.map((line) => seriesOf(line, index))),
  };
}

function seriesOf({ name, points, isDay }: Panel["lines"][number], index: number) {
  return {
    type: "line" as const,
    name: `${index}:${name}`,
    xAxisIndex: index,
    yAxisIndex: index,
    clip: true,
    showSymbol: !isDay,
    symbolSize: 6,
    ...(isDay ? { step: "end" as const } : {}),
    color: COLORS[name] ?? INK,
    lineStyle: { width: isDay ? 1.4 : 1.8 },
    data: points.map(([x, y]) => [x, y]),
  };
}
