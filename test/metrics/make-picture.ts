/**
 * Draws docs/dashboard.png: the main panels, from a Prometheus that scrapes a real farm under load. Some two minutes:
 *
 *     npx turbo run build && node test/dist/metrics/make-picture.js
 */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { REPOSITORY_ROOT, runJob } from "../harness/index.js";
import { DASHBOARDS } from "./dashboards/dashboards.js";
import type { PanelPlan } from "./dashboards/panel.js";
import { drawPanels, type PanelData } from "./draw-panels.js";
import { startObservedFarm } from "./loaded-farm.js";
import { fillVariables } from "./metric-names.js";
import { type PrometheusServer, startPrometheus } from "./prometheus-server.js";

/** The panels that the picture shows, in order. */
const TITLES: readonly string[] = [
  "Pictures per minute",
  "Backlog",
  "Seconds from request to picture",
  "Success rate",
  "GPU cost per 1,000 pictures",
  "Where a picture's time goes",
  "Rows of a step batch",
  "Attempts at frames",
  "Requests",
];

/** Waves of jobs after the faults, each with a pause behind it, so that the backlog rises and falls. */
const WAVES: readonly number[] = [40, 90, 60];
const PAUSE_MS = 6_000;
const WINDOW = "15s";

await using observed = await startObservedFarm();
const startMs = Date.now();
const dir = path.join(observed.farm.dataDir, "prometheus");
await using prometheus = await startPrometheus(dir, observed.targets);
await observed.load();
for (const jobs of WAVES) {
  await Promise.all(
    Array.from({ length: jobs }, (_, index) =>
      runJob(observed.farm.url, {
        model: "postcards",
        prompt: "a red sun",
        num_images: 1 + (index % 3),
        steps: 20,
      }),
    ),
  );
  await delay(PAUSE_MS);
}
const plans = DASHBOARDS.flatMap(({ rows }) => rows.flatMap(({ panels }) => panels));
const panels: PanelData[] = [];
for (const title of TITLES) {
  const plan = plans.find((one) => one.title === title);
  if (plan === undefined) throw new Error(`Cannot draw panel ${title}: no dashboard has it`);
  panels.push(await readPanel(plan, prometheus));
}
await writeFile(
  path.join(REPOSITORY_ROOT, "docs", "dashboard.png"),
  await drawPanels(panels, { startMs, endMs: Date.now() }),
);

async function readPanel(plan: PanelPlan, server: PrometheusServer): Promise<PanelData> {
  const lines = [];
  for (const { expr, legend } of plan.queries) {
    for (const series of await server.queryRange(fillVariables(expr, WINDOW), startMs)) {
      const name = legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => series.metric[label] ?? "");
      lines.push({ name, series });
    }
  }
  return { plan, lines };
}
