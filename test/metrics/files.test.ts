import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describeMetrics, describeSpans, METRICS, type MetricSpec } from "@latentfarm/telemetry";
import { SEND_ERRORS } from "@latentfarm/webhooks";
import { describe, expect, it } from "vitest";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { DASHBOARDS, dashboardText } from "./dashboards/dashboards.js";
import { isKnownMetric, metricsNamedIn, tellComparisons } from "./metric-names.js";
import { hasPrometheus } from "./prometheus-server.js";

const read = (...parts: string[]) => readFileSync(path.join(REPOSITORY_ROOT, ...parts), "utf8");
const RULES = read("infra", "prometheus", "rules.yml");
const isSkipped = !hasPrometheus() && process.env.FARM_TEST_REQUIRED !== "1";

/** Every file below infra that may name a metric, deployment files such as KEDA's among them. */
function infraFiles(folder = path.join(REPOSITORY_ROOT, "infra")): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) return infraFiles(file);
    return /\.(json|ya?ml|tpl)$/.test(entry.name) ? [file] : [];
  });
}

describe("generated files", () => {
  it("docs/metrics.md is what the table says", () => {
    expect(read("docs", "metrics.md")).toBe(describeMetrics());
  });

  it("docs/traces.md is what the table says", () => {
    expect(read("docs", "traces.md")).toBe(describeSpans());
  });

  it.each(DASHBOARDS)("infra/grafana has $uid as its plan says", (plan) => {
    expect(read("infra", "grafana", `${plan.uid}.json`)).toBe(dashboardText(plan));
  });

  it("infra/grafana has no other dashboards", () => {
    const files = readdirSync(path.join(REPOSITORY_ROOT, "infra", "grafana")).filter((name) =>
      name.endsWith(".json"),
    );
    expect(files.sort()).toEqual(DASHBOARDS.map(({ uid }) => `${uid}.json`).sort());
  });
});

describe("names of metrics", () => {
  it.each(infraFiles().map((file) => path.relative(REPOSITORY_ROOT, file)))(
    "%s names metrics of the table only",
    (file) => {
      expect(metricsNamedIn(read(file)).filter((name) => !isKnownMetric(name))).toEqual([]);
    },
  );

  it("takes the parts of histograms and nothing that is only alike", () => {
    expect(isKnownMetric("farm_frame_seconds_bucket")).toBe(true);
    expect(isKnownMetric("farm_frames_queued_bucket")).toBe(false);
    expect(isKnownMetric("farm_made_up_total")).toBe(false);
    expect(metricsNamedIn('up{job="a"} == 0 and farm_workers > 1')).toEqual(["farm_workers", "up"]);
    expect(tellComparisons('a{b!="c"} > 1 and d == 0')).toBe('a{b!="c"} > bool 1 and d == bool 0');
  });

  it("a dashboard or an alert asks for every metric that the farm makes", () => {
    const used = new Set(
      metricsNamedIn(
        infraFiles()
          .map((file) => readFileSync(file, "utf8"))
          .join("\n"),
      ),
    );
    const parts = (name: string) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
    const unused = Object.keys(METRICS).filter((name) => !parts(name).some((part) => used.has(part)));
    // What a job's end says already, frame by frame.
    expect(unused).toEqual([
      "farm_frames_queued",
      "farm_frames_running",
      "farm_frames_canceled_total",
      "farm_frames_expired_total",
    ]);
  });

  it("knows every outcome that the sender of webhooks knows", () => {
    const { labels }: MetricSpec = METRICS.farm_delivery_attempts_total;
    expect(labels.outcome).toEqual(["delivered", ...SEND_ERRORS, "internal"]);
  });
});

describe("dashboards", () => {
  it("give each panel a title, a description, a place and a query", () => {
    for (const plan of DASHBOARDS) {
      const panels = plan.rows.flatMap((row) => row.panels);
      expect(new Set(panels.map(({ title }) => title)).size, plan.uid).toBe(panels.length);
      for (const { title, description, queries } of panels) {
        expect(description, title).toMatch(/^.{4,}\.$/);
        expect(queries.length, title).toBeGreaterThan(0);
      }
    }
  });
});

describe("alerts", () => {
  const alerts = [...RULES.matchAll(/- alert: (\w+)/g)].map(([, name = ""]) => name);
  const runbooks = read("docs", "runbooks.md");

  it.each(alerts)("%s has an action, a severity and an entry in docs/runbooks.md", (alert) => {
    const rule = RULES.slice(RULES.indexOf(`- alert: ${alert}\n`)).split("\n      - ")[0] ?? "";
    expect(rule).toMatch(/severity: (page|ticket)/);
    expect(rule).toMatch(/action: ".{10,}"/);
    expect(rule).toContain(`runbook: docs/runbooks.md#${alert.toLowerCase()}`);
    expect(runbooks).toContain(`\n## ${alert}\n`);
  });

  it("docs/runbooks.md has no entry of an alert that is gone", () => {
    const entries = [...runbooks.matchAll(/^## (Farm\w+)$/gm)].map(([, name]) => name);
    expect(entries.sort()).toEqual([...alerts].sort());
  });

  it.skipIf(isSkipped)("pass promtool's check and their unit tests", () => {
    const run = (...args: string[]) => {
      const { status, stdout, stderr } = spawnSync("promtool", args, {
        cwd: REPOSITORY_ROOT,
        encoding: "utf8",
      });
      expect(status, `${stdout}${stderr}`).toBe(0);
    };
    run("check", "rules", "infra/prometheus/rules.yml");
    run("test", "rules", "infra/prometheus/rules.test.yml");
  });

  it("each have a unit test that sees it fire", () => {
    const tests = read("infra", "prometheus", "rules.test.yml");
    for (const alert of alerts)
      expect(tests, alert).toMatch(new RegExp(`alertname: ${alert}\\n\\s+exp_alerts:\\n\\s+- exp_labels`));
    expect(existsSync(path.join(REPOSITORY_ROOT, "infra", "prometheus", "rules.yml"))).toBe(true);
  });
});
