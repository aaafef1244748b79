import { init } from "echarts";
import sharp from "sharp";
import type { PanelPlan } from "./dashboards/panel.js";
import type { Series } from "./prometheus-server.js";

/** A panel with what its queries gave. */
export interface PanelData {
  readonly plan: PanelPlan;
  readonly lines: readonly { readonly name: string; readonly series: Series }[];
}

/** Pixels of one panel, and how many stand beside each other. */
const PANEL_WIDTH = 480;
const PANEL_HEIGHT = 270;
const COLUMNS = 3;
/** Pixels around the axes, for the title above, the legend below and the numbers beside. */
const MARGIN = { left: 56, right: 20, top: 44, bottom: 62 };
/** Pixels of the picture for each of the chart's, so that text is sharp on a dense screen. */
const DENSITY = 2;
/** SVG is measured at 72 dots an inch. */
const SVG_DPI = 72;

const TITLE_TOP = 12;
const LEGEND_BOTTOM = 32;

const FONT = "DejaVu Sans";
const INK = "#1f2937";
const FAINT = "#e5e7eb";

/** When the picture begins and ends, for the axes of all panels alike. */
export interface TimeSpan {
  readonly startMs: number;
  readonly endMs: number;
}

/** Draws panels as one PNG, by ECharts on the server: SVG without a browser. */
export async function drawPanels(panels: readonly PanelData[], time: TimeSpan): Promise<Buffer> {
  const width = COLUMNS * PANEL_WIDTH;
  const height = Math.ceil(panels.length / COLUMNS) * PANEL_HEIGHT;
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    textStyle: { fontFamily: FONT, color: INK },
    title: panels.map(({ plan }, index) => ({
      text: plan.title,
      ...placeOf(index, TITLE_TOP),
      textStyle: { fontSize: 14, fontFamily: FONT, color: INK },
    })),
    legend: panels.map(({ lines }, index) => ({
      data: lines.map(({ name }) => `${index}:${name}`),
      formatter: (text: string) => text.replace(/^\d+:/, ""),
      ...placeOf(index, PANEL_HEIGHT - LEGEND_BOTTOM),
      width: PANEL_WIDTH - MARGIN.left,
      itemHeight: 3,
      itemWidth: 14,
      icon: "rect",
      textStyle: { fontSize: 10 },
    })),
    ...axesOf(panels, time),
    series: panels.flatMap(({ lines }, index) => lines.map((line) => seriesOf(line, index))),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return sharp(Buffer.from(svg), { density: SVG_DPI * DENSITY })
    .png({ palette: true })
    .toBuffer();
}

/** Where something of a panel stands: beside its axis, so far below its top. */
function placeOf(index: number, top: number, left = MARGIN.left - 10): { left: number; top: number } {
  return {
    left: (index % COLUMNS) * PANEL_WIDTH + left,
    top: Math.floor(index / COLUMNS) * PANEL_HEIGHT + top,
  };
}

function axesOf(panels: readonly PanelData[], { startMs, endMs }: TimeSpan) {
  return {
    grid: panels.map((_, index) => ({
      ...placeOf(index, MARGIN.top, MARGIN.left),
      width: PANEL_WIDTH - MARGIN.left - MARGIN.right,
      height: PANEL_HEIGHT - MARGIN.top - MARGIN.bottom,
    })),
    xAxis: panels.map((_, gridIndex) => ({
      type: "time" as const,
      gridIndex,
      min: startMs,
      max: endMs,
      axisLabel: { formatter: "{HH}:{mm}:{ss}", fontSize: 10, hideOverlap: true },
      splitNumber: 3,
    })),
    yAxis: panels.map(({ plan }, gridIndex) => ({
      type: "value" as const,
      gridIndex,
      min: 0,
      axisLabel: { fontSize: 10, formatter: (value: number) => tellValue(value, plan.unit) },
      splitLine: { lineStyle: { color: FAINT } },
    })),
  };
}

function seriesOf({ name, series }: PanelData["lines"][number], index: number) {
  return {
    type: "line" as const,
    name: `${index}:${name}`,
    xAxisIndex: index,
    yAxisIndex: index,
    showSymbol: false,
    lineStyle: { width: 1.5 },
    data: series.values
      .filter(([, value]) => Number.isFinite(Number(value)))
      .map(([seconds, value]) => [seconds * 1_000, Number(value)]),
  };
}

function tellValue(value: number, unit: string): string {
  if (unit === "percentunit") return `${Math.round(100 * value)} %`;
  if (unit === "s" && value > 0 && value < 1) return `${Math.round(1_000 * value)} ms`;
  const text = Number(value.toPrecision(3)).toString();
  return unit === "s" ? `${text} s` : text;
}
