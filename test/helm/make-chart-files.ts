/**
 * Writes what the chart has from elsewhere: its copies of alerts and dashboards, and its README, where helm-docs is built
 * (`./farm test helm` builds it):
 *
 *     npx turbo run build && node test/dist/helm/make-chart-files.js
 */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { CHART_README, chartCopies, chartReadme } from "./chart-files.js";

for (const { source, copy } of chartCopies()) {
  mkdirSync(dirname(copy), { recursive: true });
  copyFileSync(source, copy);
}
const readme = chartReadme();
if (readme !== undefined) writeFileSync(CHART_README, readme);
