/**
 * Writes infra/grafana/*.json from test/metrics/dashboards:
 *
 *     npx turbo run build && node test/dist/metrics/make-dashboards.js
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { DASHBOARDS, dashboardText } from "./dashboards/dashboards.js";

const folder = join(REPOSITORY_ROOT, "infra", "grafana");
mkdirSync(folder, { recursive: true });
for (const plan of DASHBOARDS) writeFileSync(join(folder, `${plan.uid}.json`), dashboardText(plan));
