import { buildDashboard } from "./build-dashboard.js";
import { ENGINE } from "./engine.js";
import { OVERVIEW } from "./overview.js";
import type { DashboardPlan } from "./panel.js";
import { QUEUE } from "./queue.js";
import { WEBHOOKS } from "./webhooks.js";

/** Every dashboard. */
export const DASHBOARDS: readonly DashboardPlan[] = [OVERVIEW, ENGINE, QUEUE, WEBHOOKS];

/** The text of a dashboard's file, which Grafana imports or provisions. */
export function dashboardText(plan: DashboardPlan): string {
  return `${JSON.stringify(buildDashboard(plan), null, 2)}\n`;
}
